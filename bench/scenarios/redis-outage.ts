import { type ClusterStage, cannotCluster, makeClusterStage } from "../cluster.ts";
import type { Contender } from "../contenders/contender.ts";
import type { RoundTrips } from "../load.ts";
import { startRedis } from "../redis.ts";
import type { Row } from "../report/types.ts";
import { type Bench, cells, type Scenario, takeTurns } from "../scenario.ts";
import { sum } from "../stats.ts";

const NODES = 2;
const SOCKETS_PER_NODE = 200;
const EVENTS_PER_SECOND = 50;
const PAYLOAD_BYTES = 200;
/** What Wavelog's PHP waits for a whole call; an event answered later has failed for it. */
const PHP_PATIENCE_MS = 1_000;
const MS_PER_SECOND = 1_000;
/** Events come all the time: with Redis, without it, and with a new and empty one. */
const PERIODS_MS = { before: 1_000, away: 4_000, after: 3_000 } as const;
const QUICK_PERIODS_MS = { before: 500, away: 2_500, after: 2_000 } as const;
/**
 * For what is delivered late. The generator stops waiting earlier, when nothing at all has come
 * for 10 s.
 */
const LATE_MS = 15_000;

/** What came of one outage. */
interface Sample {
  readonly trips: RoundTrips;
  /** Deliveries that never came, those of refused events among them. */
  readonly lost: number;
  /** Deliveries that came again or out of order. */
  readonly repeated: number;
}

async function outage(bench: Bench, stage: ClusterStage, loseRedis: () => Promise<void>) {
  const { before, away, after } = bench.quick ? QUICK_PERIODS_MS : PERIODS_MS;
  const duration = before + away + after;
  const events = Math.ceil((EVENTS_PER_SECOND * duration) / MS_PER_SECOND);
  const batch = { events, payloadBytes: PAYLOAD_BYTES };
  for (const group of stage.groups) {
    await group.reset(batch);
    // A server may also cut its browsers off: they come back, and what they missed is counted.
    await group.keep();
  }
  const expected = stage.groups.map((group) => group.expect(duration + LATE_MS));
  const [trips] = await Promise.all([
    stage.publisher.tryPhp(EVENTS_PER_SECOND, batch, PHP_PATIENCE_MS),
    loseRedis(),
    ...expected,
  ]);
  const counts = await Promise.all(stage.groups.map((group) => group.report()));
  const bad = counts.find((count) => count.bad > 0);
  if (bad !== undefined) throw new Error(`${bad.bad} wrong frames. ${bad.reason}`);
  return {
    trips,
    lost: sum(counts.map((count) => count.missed)),
    repeated: sum(counts.map((count) => count.repeated)),
  };
}

async function measure(bench: Bench, contender: Contender): Promise<Sample> {
  await using redis = await startRedis(bench.setup);
  const shape = { nodes: NODES, sockets: SOCKETS_PER_NODE };
  await using stage = await makeClusterStage(bench.setup, contender, redis, shape);
  const { before, away } = bench.quick ? QUICK_PERIODS_MS : PERIODS_MS;
  const sample = await outage(bench, stage, async () => {
    await Bun.sleep(before);
    await redis.kill();
    await Bun.sleep(away);
    await redis.restart();
  });
  // Who crashed has lost more than the events of this outage.
  for (const server of stage.servers) await server.assertRunning();
  return sample;
}

/** What browsers and PHP notice when Redis dies and comes back empty. */
export const redisOutage: Scenario = {
  name: "redis-outage",
  about: "two nodes, 200 sockets each, 50 events/s; Redis is killed and comes back empty",
  async run(bench) {
    const turns = await takeTurns(
      bench,
      { name: "redis-outage", cannot: cannotCluster },
      (contender) => measure(bench, contender),
    );
    const { away } = bench.quick ? QUICK_PERIODS_MS : PERIODS_MS;
    const what = `2 nodes × 200 sockets, Redis killed, back and empty after ${away / MS_PER_SECOND} s`;
    const row = (
      id: string,
      name: string,
      take: (sample: Sample) => number,
      rest: Pick<Row, "unit" | "combine" | "goals">,
    ): Row => ({
      id: `redis-outage.${id}`,
      what: `${what}: ${name}`,
      better: "less",
      cells: cells(turns, take),
      ...rest,
    });
    const never = { unit: "count", combine: "sum" } as const;
    const none = [{ kind: "worker-at-most", value: 0 }] as const;
    return {
      rows: [
        row("lost", "deliveries lost, all rounds", (s) => s.lost, { ...never, goals: none }),
        row("repeated", "deliveries again or out of order", (s) => s.repeated, {
          ...never,
          goals: none,
        }),
        row("refused", "publishes refused, or not answered within 1 s", (s) => s.trips.failed, {
          ...never,
          goals: none,
        }),
        row("slowest", "publish round trip, the slowest answered", (s) => s.trips.max_ms, {
          unit: "milliseconds",
          combine: "median",
          goals: [{ kind: "worker-at-most", value: 250 }],
        }),
        row("median", "publish round trip, median", (s) => s.trips.median_ms, {
          unit: "milliseconds",
          combine: "median",
          goals: [],
        }),
      ],
      notes: ["redis-outage: deliveries of events that were refused count as lost as well"],
    };
  },
};
