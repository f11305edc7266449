import { RedisClient } from "bun";
import { worker } from "../contenders/worker.ts";
import { within } from "../deadline.ts";
import { messageOf } from "../errors.ts";
import { number } from "../format.ts";
import { type BenchRedis, startRedis } from "../redis.ts";
import type { Curve, Row, Unit } from "../report/types.ts";
import { type Bench, type Scenario, startLoad } from "../scenario.ts";
import { type RunningServer, startServer } from "../servers.ts";
import { Growth, type Line } from "./growth.ts";

const NODES = [1, 2, 3] as const;
/** A pace at which each event is a message of its own, as on any day. */
const EVENTS_PER_SECOND = 500;
const SECONDS = 4;
const QUICK_SECONDS = 2;
const WARM_UP_EVENTS = 500;
const PAYLOAD_BYTES = 200;
/** Events of the flood: seconds of work, and within Redis' bound of 32 MB for a subscriber. */
const FLOOD_EVENTS = 40_000;
const FLOOD_WARM_UP_EVENTS = 10_000;
/** Events written to Redis before its answers are awaited. */
const FLOOD_BATCH = 500;
const CHANNEL = "wavelog:events";
const DEADLINE_MS = 60_000;
/** Between two looks at a node's metrics, which cost it about a millisecond. */
const LOOK_PAUSE_MS = 50;
const MS_PER_SECOND = 1_000;
/** The origin of a worker that numbers nothing, as the original does. */
const FLOOD_ORIGIN = "00000000000000aa";

/** A counter of a node; 0 while it has never been counted. */
async function counter(node: RunningServer, name: string): Promise<number> {
  const { launch } = node;
  const [header = ""] = launch.probe.headers;
  const response = await fetch(`http://127.0.0.1:${launch.httpPort}/internal/metrics`, {
    headers: { "X-Worker-Secret": header.replace(/^[^:]*: /, "") },
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  if (!response.ok) throw new Error(`metrics answered ${response.status}`);
  const text = await response.text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

const HEARD = 'wavelog_worker_envelopes_total{result="event"}';
const SENT = "wavelog_worker_envelopes_sent_total";
const NODES_SEEN = "wavelog_worker_cluster_nodes";

async function awaitCounter(node: RunningServer, name: string, value: number): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const now = await counter(node, name);
    if (now >= value) return;
    if (Date.now() > deadline) throw new Error(`${name} is ${now} instead of ${value}`);
    await Bun.sleep(LOOK_PAUSE_MS);
  }
}

/** Several workers that hear each other, and their Redis. */
interface Cluster extends AsyncDisposable {
  readonly redis: BenchRedis;
  readonly client: RedisClient;
  readonly publishing: RunningServer;
  readonly hearing: readonly RunningServer[];
}

async function startCluster(bench: Bench, nodes: number): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis(bench.setup));
  const client = new RedisClient(redis.cluster.redisUrl);
  stack.defer(() => client.close());
  await within(DEADLINE_MS, "the bench's own connection to Redis", client.connect());
  const all: RunningServer[] = [];
  for (let i = 0; i < nodes; i++) {
    all.push(stack.use(await startServer(bench.setup, worker, { cluster: redis.cluster })));
  }
  for (const node of all) await awaitCounter(node, NODES_SEEN, nodes);
  const [publishing, ...hearing] = all;
  if (publishing === undefined) throw new Error("a cluster has nodes");
  const rest = stack.move();
  const end = () => rest.disposeAsync();
  return { redis, client, publishing, hearing, [Symbol.asyncDispose]: end };
}

/** Bytes that Redis has received and sent so far. */
async function traffic({ client }: Cluster): Promise<{ input: number; output: number }> {
  const info = String(await client.send("INFO", ["stats"]));
  const bytes = (name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1]);
  return { input: bytes("total_net_input_bytes"), output: bytes("total_net_output_bytes") };
}

/** Per event. */
interface Share {
  readonly publishingUs: number;
  /** Of one node that hears; undefined where there is none. */
  readonly hearingUs: number | undefined;
  readonly redisUs: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
}

async function share(bench: Bench, cluster: Cluster): Promise<Share> {
  const { publishing, hearing, redis } = cluster;
  await using publisher = await startLoad(bench.setup, publishing);
  const sent0 = await counter(publishing, SENT);
  const heard0 = await Promise.all(hearing.map((node) => counter(node, HEARD)));
  const arrive = async (events: number) => {
    await awaitCounter(publishing, SENT, sent0 + events);
    for (const [i, node] of hearing.entries()) {
      await awaitCounter(node, HEARD, (heard0[i] ?? 0) + events);
    }
  };
  const publish = async (events: number) => {
    await publisher.paced(EVENTS_PER_SECOND, { events, payloadBytes: PAYLOAD_BYTES }, DEADLINE_MS);
  };
  await publish(WARM_UP_EVENTS);
  await arrive(WARM_UP_EVENTS);
  const look = async () => ({
    publishing: publishing.cpuUs(),
    hearing: mean(hearing.map((node) => node.cpuUs())),
    redis: redis.cpuUs(),
    ...(await traffic(cluster)),
  });
  const events = EVENTS_PER_SECOND * (bench.quick ? QUICK_SECONDS : SECONDS);
  const before = await look();
  await publish(events);
  const after = await look();
  await arrive(WARM_UP_EVENTS + events);
  const per = (from: number, to: number) => (to - from) / events;
  return {
    publishingUs: per(before.publishing, after.publishing),
    hearingUs:
      before.hearing === undefined || after.hearing === undefined
        ? undefined
        : per(before.hearing, after.hearing),
    redisUs: per(before.redis, after.redis),
    inputBytes: per(before.input, after.input),
    outputBytes: per(before.output, after.output),
  };
}

function envelope(topic: string): string {
  const payload = JSON.stringify({ text: "x".repeat(PAYLOAD_BYTES) });
  return `{"origin_id":"${FLOOD_ORIGIN}","topic":"${topic}","payload":${payload}}`;
}

async function flood(client: RedisClient, message: string, events: number): Promise<void> {
  for (let sent = 0; sent < events; sent += FLOOD_BATCH) {
    const batch = Array.from({ length: Math.min(FLOOD_BATCH, events - sent) }, () =>
      client.send("PUBLISH", [CHANNEL, message]),
    );
    await Promise.all(batch);
  }
}

/** How many events of others a node without browsers takes in, sent as fast as Redis can. */
async function intake(bench: Bench): Promise<{ perSecond: number; us: number }> {
  await using cluster = await startCluster(bench, 1);
  const { publishing: node, client } = cluster;
  const message = envelope(node.topics[0] ?? "");
  await flood(client, message, FLOOD_WARM_UP_EVENTS);
  await awaitCounter(node, HEARD, FLOOD_WARM_UP_EVENTS);
  const cpu = node.cpuUs();
  const begun = performance.now();
  await flood(client, message, FLOOD_EVENTS);
  await awaitCounter(node, HEARD, FLOOD_WARM_UP_EVENTS + FLOOD_EVENTS);
  const ms = performance.now() - begun;
  return {
    perSecond: (FLOOD_EVENTS * MS_PER_SECOND) / ms,
    us: (node.cpuUs() - cpu) / FLOOD_EVENTS,
  };
}

function row(id: string, what: string, unit: Unit, better: Row["better"], value: number): Row {
  return {
    id: `growth-nodes.${id}`,
    what,
    unit,
    better,
    combine: "median",
    cells: { worker: { kind: "measured", samples: [value] } },
    goals: [],
  };
}

const PUBLISHING: Line = { name: "the node PHP publishes at", contender: worker };
const HEARING: Line = { name: "each other node, without browsers", contender: worker };
const REDIS: Line = { name: "Redis", contender: worker };
const TO_REDIS: Line = { name: "to Redis", contender: worker };
const FROM_REDIS: Line = { name: "from Redis", contender: worker };

/** What one channel for all costs those who have no use for an event. */
export const growthNodes: Scenario = {
  name: "growth-nodes",
  about: "1, 2, 3 nodes on one Redis, 500 events/s: CPU and bytes per event; intake of one node",
  slow: true,
  async run(bench) {
    if (!bench.contenders.some(({ name }) => name === "worker")) return {};
    const cpu = new Growth<number>(bench, "growth-nodes");
    const bytes = new Growth<number>(bench, "growth-nodes");
    for (const nodes of NODES) {
      await cpu.several({ ...HEARING, name: `${nodes} nodes` }, async () => {
        bench.setup.progress(`growth-nodes: ${nodes}`);
        await using cluster = await startCluster(bench, nodes);
        const found = await share(bench, cluster);
        cpu.add(PUBLISHING, nodes, found.publishingUs);
        if (found.hearingUs !== undefined) cpu.add(HEARING, nodes, found.hearingUs);
        cpu.add(REDIS, nodes, found.redisUs);
        bytes.add(TO_REDIS, nodes, found.inputBytes);
        bytes.add(FROM_REDIS, nodes, found.outputBytes);
      });
    }
    bench.setup.progress("growth-nodes: a flood");
    const rows: Row[] = [];
    const notes = [...cpu.failures];
    try {
      const { perSecond, us } = await intake(bench);
      const what = "events of others, as fast as Redis sends them, no browsers";
      rows.push(
        row("intake", `${what}: taken in by one node`, "per-second", "more", perSecond),
        row("intake-cpu", `${what}: CPU per event`, "microseconds", "less", us),
      );
    } catch (error) {
      bench.setup.cleanup.assertOpen();
      notes.push(`growth-nodes: the flood failed: ${messageOf(error)}`);
    }
    const x: Curve["x"] = { label: "nodes", log: false };
    return {
      rows,
      curves: [
        {
          id: "growth-nodes.cpu",
          title: `${number(EVENTS_PER_SECOND)} events/s through one Redis: CPU per event`,
          x,
          y: { label: "CPU per event", unit: "microseconds" },
          lines: cpu.lines((us) => us),
        },
        {
          id: "growth-nodes.traffic",
          title: `${number(EVENTS_PER_SECOND)} events/s of ${PAYLOAD_BYTES} bytes: bytes per event`,
          x,
          y: { label: "bytes per event", unit: "bytes" },
          lines: bytes.lines((count) => count),
        },
      ],
      notes: [
        "growth-nodes: what a node and Redis need when nothing happens is in these figures",
        ...notes,
      ],
    };
  },
};
