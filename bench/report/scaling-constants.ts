import { z } from "zod";
import { slope } from "../fit.ts";
import { median } from "../stats.ts";

/** What is read of a kept result; the rest is the report's. */
const resultSchema = z.looseObject({
  at: z.string(),
  commit: z.string(),
  machine: z.looseObject({ cores: z.number(), model: z.string() }),
  scenarios: z.array(
    z.looseObject({
      rows: z.array(
        z.looseObject({
          id: z.string(),
          cells: z.looseObject({
            worker: z
              .looseObject({ kind: z.string(), samples: z.array(z.number()).optional() })
              .optional(),
          }),
        }),
      ),
      curves: z.array(
        z.looseObject({
          id: z.string(),
          lines: z.array(
            z.looseObject({
              name: z.string(),
              points: z.array(z.looseObject({ x: z.number(), samples: z.array(z.number()) })),
            }),
          ),
        }),
      ),
    }),
  ),
});

type KeptResult = z.infer<typeof resultSchema>;
/** Everything that `docs/scaling.md` calculates with. Times in microseconds of CPU. */
export interface Constants {
  readonly measuredAt: string;
  readonly commit: string;
  readonly machine: string;
  /** Of each second, whatever happens, of a node. */
  readonly second: number;
  /** Of each event at the node it is published at, and of each delivery while none leave together. */
  readonly event: number;
  readonly delivery: number;
  /** Of each delivery, and how many a second, when one thread has as much to do as it can. */
  readonly burstDelivery: number;
  readonly burstPerSecond: number;
  /** Of each KiB of a payload that is delivered, beyond what the delivery itself costs. */
  readonly kib: number;
  /** Of each second of each idle socket: pings. */
  readonly keepAlive: number;
  /** Bytes of a process without sockets, and of each socket. */
  readonly baseBytes: number;
  readonly socketBytes: number;
  /** Of each event in a cluster: at the node it is published at, at each other node. */
  readonly clusterPublish: number;
  readonly hear: number;
  /** Events of others that a node has taken in, per second. */
  readonly intake: number;
  /** Of each event, of Redis: whoever listens, and for each node. */
  readonly redisEvent: number;
  readonly redisNode: number;
  /** Bytes of each event to Redis, and from it for each node. */
  readonly redisInBytes: number;
  readonly redisNodeBytes: number;
  /** Sockets let in per second when all come at once. */
  readonly letInPerSecond: number;
}

/** Events per second of the scenario `growth-nodes`. */
const NODES_EVENTS_PER_SECOND = 500;
const STORM_SOCKETS = 10_000;
const MS_PER_SECOND = 1_000;
const BYTES_PER_KIB = 1_024;

/**
 * Reads the constants out of a result as `bench/main.ts --json` writes it. Throws, naming it, when
 * one of them was not measured.
 */
export function readConstants(json: unknown): Constants {
  const result = resultSchema.parse(json);
  const curve = (id: string, line: string) => pointsOf(result, id, line);
  const second = rowOf(result, "growth-costs.second");
  const memory = slope(curve("growth-memory.rss", "worker, 1 thread"));
  const sockets = curve("growth-memory.rss", "worker, 1 thread").at(-1)?.x ?? Number.NaN;
  const payload = slope(curve("growth-payload.cpu", "worker"));
  const redis = slope(curve("growth-nodes.cpu", "Redis"));
  const traffic = slope(curve("growth-nodes.traffic", "from Redis"));
  const toRedis = curve("growth-nodes.traffic", "to Redis").map(({ y }) => y);
  // What a node needs anyway is in those figures, shared by the events of a second.
  const net = (line: string) =>
    Math.max(
      0,
      (curve("growth-nodes.cpu", line).at(-1)?.y ?? Number.NaN) - second / NODES_EVENTS_PER_SECOND,
    );
  return {
    measuredAt: result.at.slice(0, 10),
    commit: result.commit,
    machine: `${result.machine.cores} cores, ${result.machine.model}`,
    second,
    event: rowOf(result, "growth-costs.event"),
    delivery: rowOf(result, "growth-costs.delivery"),
    burstDelivery: first(curve("growth-threads.cpu", "worker")),
    burstPerSecond: first(curve("growth-threads.burst", "worker")),
    kib: payload.each * BYTES_PER_KIB,
    keepAlive: Math.max(0, rowOf(result, "growth-memory.keep-alive") - second) / sockets,
    baseBytes: memory.base,
    socketBytes: memory.each,
    clusterPublish: net("the node PHP publishes at"),
    hear: net("each other node, without browsers"),
    intake: rowOf(result, "growth-nodes.intake"),
    redisEvent: redis.base,
    redisNode: redis.each,
    redisInBytes: median(toRedis),
    redisNodeBytes: traffic.each,
    letInPerSecond:
      (STORM_SOCKETS * MS_PER_SECOND) / first(curve("growth-threads.storm", "worker")),
  };
}

function first(points: readonly { readonly y: number }[]): number {
  return points[0]?.y ?? Number.NaN;
}

function rowOf(result: KeptResult, id: string): number {
  const samples = result.scenarios.flatMap(({ rows }) => rows).find((row) => row.id === id)?.cells
    .worker?.samples;
  if (samples === undefined || samples.length === 0) throw missing(id);
  return median(samples);
}

function pointsOf(result: KeptResult, id: string, name: string): { x: number; y: number }[] {
  const points = result.scenarios
    .flatMap(({ curves }) => curves)
    .find((curve) => curve.id === id)
    ?.lines.find((line) => line.name === name)?.points;
  if (points === undefined || points.length === 0) throw missing(`${id}, "${name}"`);
  return points.map(({ x, samples }) => ({ x, y: median(samples) }));
}

function missing(what: string): Error {
  return new Error(`the result has no ${what}: run the growth scenarios without --quick`);
}
