import type { Contender } from "../contenders/contender.ts";
import { type Cost, deliverMeasured } from "../deliveries.ts";
import type { Published, RoundTrips } from "../load.ts";
import { range } from "../report/quantity.ts";
import type { Goal, Row } from "../report/types.ts";
import { type Bench, cells, makeStage, type Scenario, type Turns, takeTurns } from "../scenario.ts";

/** The kernel's steps of 10 ms are then less than a percent of what is measured. */
const SECONDS = 5;
const QUICK_SECONDS = 2;
/** At the pace that is measured, after the stage's own warm-up. */
const WARM_UP_SECONDS = 1;
const QUICK_WARM_UP_SECONDS = 1;
const PAYLOAD_BYTES = 200;
/** What Wavelog's PHP waits for a whole call by default. Slower ones are measured as well. */
const PHP_PATIENCE_MS = 5_000;
const DEADLINE_MS = 60_000;

/** What is published how often to how many. */
export interface PacedShape {
  readonly sockets: number;
  readonly eventsPerSecond: number;
  readonly payloadBytes?: number;
  /** Topics that sockets and events are spread over; one unless it is told. */
  readonly topics?: number;
  /** Seconds of the measured part; those of the table unless it is told. */
  readonly seconds?: number;
}

function seconds(bench: Bench, shape: PacedShape) {
  return {
    warmUp: bench.quick ? QUICK_WARM_UP_SECONDS : WARM_UP_SECONDS,
    measured: shape.seconds ?? (bench.quick ? QUICK_SECONDS : SECONDS),
  };
}

/** Events at a steady pace over one connection that is kept. */
export async function measurePaced(
  bench: Bench,
  contender: Contender,
  shape: PacedShape,
): Promise<Cost<Published>> {
  const options = { topics: shape.topics ?? 1, warmUp: true };
  await using stage = await makeStage(bench.setup, contender, shape.sockets, options);
  const rate = shape.eventsPerSecond;
  const deliver = (duration: number) => {
    const events = Math.ceil(rate * duration);
    const batch = { events, payloadBytes: shape.payloadBytes ?? PAYLOAD_BYTES };
    return deliverMeasured(stage, batch, DEADLINE_MS, () =>
      stage.publisher.paced(rate, batch, DEADLINE_MS),
    );
  };
  const { warmUp, measured } = seconds(bench, shape);
  await deliver(warmUp);
  return await deliver(measured);
}

/** Events at a steady pace, each over a new connection, as PHP does it. */
export async function measurePhp(
  bench: Bench,
  contender: Contender,
  shape: PacedShape,
): Promise<Cost<RoundTrips>> {
  await using stage = await makeStage(bench.setup, contender, shape.sockets, { warmUp: true });
  const rate = shape.eventsPerSecond;
  const deliver = (duration: number) => {
    const batch = { events: Math.ceil(rate * duration), payloadBytes: PAYLOAD_BYTES };
    return deliverMeasured(stage, batch, DEADLINE_MS, () =>
      stage.publisher.php(rate, batch, PHP_PATIENCE_MS),
    );
  };
  const { warmUp, measured } = seconds(bench, shape);
  await deliver(warmUp);
  return await deliver(measured);
}

/** CPU time of the server for each delivery, in microseconds. */
export function perDelivery(cost: Cost<unknown>): number {
  return cost.serverUs / cost.counts.total;
}

function cpuRow<T>(
  id: string,
  what: string,
  turns: ReadonlyMap<Contender["name"], Turns<Cost<T>>>,
  goals: readonly Goal[],
): Row {
  return {
    id,
    what: `${what}: CPU per delivery`,
    unit: "microseconds",
    better: "less",
    combine: "median",
    cells: cells(turns, perDelivery, (cost) => cost.effort),
    goals,
  };
}

function paced(name: string, shape: PacedShape, goals: readonly Goal[], slow: boolean): Scenario {
  const what = `${shape.sockets.toLocaleString("en")} sockets, ${shape.eventsPerSecond} events/s`;
  return {
    name,
    about: `${what}: processor time per delivery`,
    slow,
    async run(bench) {
      const turns = await takeTurns(bench, { name }, (c) => measurePaced(bench, c, shape));
      const behind = [...turns.values()].flatMap((turn) =>
        turn.kind === "measured" ? turn.samples.map((cost) => cost.published.behind_ms) : [],
      );
      return {
        rows: [cpuRow(`${name}.cpu`, what, turns, goals)],
        notes: [
          `${name}: the publisher lagged behind its pace by ${range(Math.min(...behind), Math.max(...behind), "milliseconds")}`,
        ],
      };
    },
  };
}

/** A small club. */
export const paced100 = paced("paced-100", { sockets: 100, eventsPerSecond: 50 }, [], true);

/** A busy contest. */
export const paced1000 = paced(
  "paced-1000",
  { sockets: 1_000, eventsPerSecond: 50 },
  [{ kind: "times-yardstick", atMost: 1.15 }, { kind: "best-of-all" }],
  false,
);

/** As many topics as users with a radio. */
export const topics: Scenario = {
  name: "topics",
  about: "2,000 topics with 5 sockets each, 500 events/s on random ones: CPU per delivery",
  slow: true,
  async run(bench) {
    const shape = { sockets: 10_000, eventsPerSecond: 500, topics: 2_000 };
    const turns = await takeTurns(bench, { name: "topics" }, (c) => measurePaced(bench, c, shape));
    const what = "2,000 topics × 5 sockets, 500 events/s on random ones";
    return { rows: [cpuRow("topics.cpu", what, turns, [])] };
  },
};

/** What PHP waits for while 10,000 browsers are served. */
export const roundTrip: Scenario = {
  name: "round-trip",
  about: "10,000 sockets, 4 events/s, each over a new connection: time until answered, CPU",
  async run(bench) {
    // Of fewer than 100 samples the 99th percentile is the slowest one.
    const shape = { sockets: 10_000, eventsPerSecond: 4, seconds: bench.quick ? 4 : 10 };
    const turns = await takeTurns(bench, { name: "round-trip" }, (c) =>
      measurePhp(bench, c, shape),
    );
    const what = "10,000 sockets, 4 events/s";
    const time = (id: string, name: string, take: (trips: RoundTrips) => number): Row => ({
      id: `round-trip.${id}`,
      what: `${what}: publish round trip, ${name}`,
      unit: "milliseconds",
      better: "less",
      combine: "median",
      cells: cells(turns, (cost) => take(cost.published)),
      goals:
        id === "p99"
          ? [
              { kind: "worker-at-most", value: 10 },
              { kind: "times-every-peer", atMost: 0.1 },
            ]
          : [],
    });
    return {
      rows: [
        time("median", "median", (trips) => trips.median_ms),
        time("p99", "p99", (trips) => trips.p99_ms),
        cpuRow("paced-10000.cpu", what, turns, []),
      ],
      notes: ["round-trip: the yardstick answers before it delivers"],
    };
  },
};
