import type { Contender } from "../contenders/contender.ts";
import { type Cost, deliverMeasured } from "../deliveries.ts";
import type { Batch, Published } from "../load.ts";
import type { Row } from "../report/types.ts";
import { type Bench, cells, makeStage, type Scenario, type Stage, takeTurns } from "../scenario.ts";

/** How long the measured burst should last, whoever is measured; it is a rate that counts. */
const SECONDS = 4;
const QUICK_SECONDS = 1.5;
/** A service runs for days: its code is compiled and its buffers are grown when it counts. */
const WARM_UP_EVENTS = 200;
/** Bounds of the events of one burst; the upper one is what memory is kept for. */
const EVENTS_MIN = 20;
const EVENTS_MAX = 20_000;
const DEADLINE_MS = 60_000;
const NS_PER_SECOND = 1e9;

/** A burst's shape. */
export interface BurstShape {
  readonly sockets: number;
  readonly payloadBytes: number;
  /** How long it should last; 4 s unless it is told. */
  readonly seconds?: number;
}

/** What one burst showed. */
export interface BurstSample extends Cost<Published> {
  readonly deliveriesPerSecond: number;
}

async function burstOnce(stage: Stage, batch: Batch): Promise<BurstSample> {
  const cost = await deliverMeasured(stage, batch, DEADLINE_MS, () =>
    stage.publisher.burst(batch, DEADLINE_MS),
  );
  const nanoseconds = cost.counts.at_ns - cost.published.first_ns;
  return { ...cost, deliveriesPerSecond: (cost.counts.total * NS_PER_SECOND) / nanoseconds };
}

/** One server's burst: a short one tells how many events the measured one needs. */
export async function measureBurst(
  bench: Bench,
  contender: Contender,
  shape: BurstShape,
): Promise<BurstSample> {
  await using stage = await makeStage(bench.setup, contender, shape.sockets);
  const { payloadBytes, sockets } = shape;
  // Twice: the first also grows buffers and compiles, and would say too little.
  await burstOnce(stage, { events: EVENTS_MIN, payloadBytes });
  const trial = Math.min(WARM_UP_EVENTS, Math.ceil(WARM_UP_BYTES / payloadBytes / sockets));
  const warm = await burstOnce(stage, { events: Math.max(trial, EVENTS_MIN), payloadBytes });
  const seconds = bench.quick ? QUICK_SECONDS : (shape.seconds ?? SECONDS);
  const wanted = Math.round((warm.deliveriesPerSecond / sockets) * seconds);
  const events = Math.max(EVENTS_MIN, Math.min(EVENTS_MAX, wanted));
  return await burstOnce(stage, { events, payloadBytes });
}

const SOCKETS = 1_000;
const PAYLOAD_BYTES = 200;
/** As many bytes in the trial as 200 events of 200 bytes to 1,000 sockets. */
const WARM_UP_BYTES = WARM_UP_EVENTS * SOCKETS * PAYLOAD_BYTES;

/** Deliveries per second when one publisher sends as fast as it is answered. */
export const burst: Scenario = {
  name: "burst",
  about: "1,000 sockets, events as fast as one keep-alive publisher can send",
  async run(bench) {
    const shape = { sockets: SOCKETS, payloadBytes: PAYLOAD_BYTES };
    const turns = await takeTurns(bench, { name: "burst" }, (contender) =>
      measureBurst(bench, contender, shape),
    );
    const effort = (sample: BurstSample) => sample.effort;
    return {
      rows: [
        {
          id: "burst.deliveries",
          what: "1,000 sockets, back to back: deliveries",
          unit: "per-second",
          better: "more",
          combine: "median",
          cells: cells(turns, (sample) => sample.deliveriesPerSecond, effort),
          goals: [
            { kind: "times-yardstick", atLeast: 8 },
            { kind: "times-every-peer", atLeast: 10 },
          ],
        },
        {
          id: "burst.cpu",
          what: "the same: CPU per delivery",
          unit: "microseconds",
          better: "less",
          combine: "median",
          cells: cells(turns, (sample) => sample.serverUs / sample.counts.total),
          goals: [],
        },
      ],
    };
  },
};

/** Payload sizes: what PHP usually sends, a long one, a QSO with an attachment, a whole list. */
const SIZES = [
  { bytes: 100, name: "100 B" },
  { bytes: 1_024, name: "1 KiB" },
  { bytes: 16_384, name: "16 KiB" },
  { bytes: 262_144, name: "256 KiB" },
] as const;
const PAYLOAD_SOCKETS = 100;
const PAYLOAD_SECONDS = 2;

async function payloadRow(bench: Bench, size: (typeof SIZES)[number]): Promise<Row> {
  const shape = { sockets: PAYLOAD_SOCKETS, payloadBytes: size.bytes, seconds: PAYLOAD_SECONDS };
  const turns = await takeTurns(bench, { name: `payload ${size.name}` }, (contender) =>
    measureBurst(bench, contender, shape),
  );
  return {
    id: `payload.${size.bytes}`,
    what: `100 sockets, payloads of ${size.name}, back to back: payload bytes delivered`,
    unit: "bytes-per-second",
    better: "more",
    combine: "median",
    cells: cells(
      turns,
      (sample) => sample.deliveriesPerSecond * size.bytes,
      (sample) => sample.effort,
    ),
    goals: [],
  };
}

/** What becomes of a burst when payloads grow. */
export const payload: Scenario = {
  name: "payload",
  about: "100 sockets, bursts of payloads from 100 bytes to 256 KiB",
  slow: true,
  async run(bench) {
    const rows: Row[] = [];
    for (const size of SIZES) rows.push(await payloadRow(bench, size));
    return { rows };
  },
};
