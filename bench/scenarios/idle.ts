import type { Contender } from "../contenders/contender.ts";
import type { Goal, Row } from "../report/types.ts";
import {
  type Bench,
  cells,
  connectAll,
  makeStage,
  type Scenario,
  startLoad,
  takeTurns,
} from "../scenario.ts";
import { assertFilesFor } from "../setup.ts";

/** How many sockets are there when memory is looked at. */
const SIZES = [1_000, 10_000, 18_000] as const;
const QUICK_SIZES = [1_000, 10_000] as const;
const MOST = Math.max(...SIZES);
/** Time for what the handshakes left behind to be collected, as it would be any day. */
const SETTLE_MS = 4_000;
const QUICK_SETTLE_MS = 1_500;
const MS_PER_SECOND = 1_000;

interface Sample {
  /** Resident bytes, by the number of sockets. */
  readonly rss: ReadonlyMap<number, number>;
  /** Sockets let in per second, and the server's CPU for each, in microseconds. */
  readonly connectsPerSecond: number;
  readonly connectUs: number;
  readonly generatorBusy: number;
}

async function once(bench: Bench, contender: Contender): Promise<Sample> {
  assertFilesFor(bench.setup, MOST);
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(await makeStage(bench.setup, contender, 0));
  const rss = new Map<number, number>();
  let connected = 0;
  let slowest = { sockets: 0, ms: 1, us: 0, generator: 0 };
  for (const size of bench.quick ? QUICK_SIZES : SIZES) {
    // Each step adds to those who are there, from a generator of its own.
    const more = stack.use(await startLoad(bench.setup, stage.server));
    const before = stage.server.cpuUs();
    const report = await connectAll(more, size - connected);
    const us = stage.server.cpuUs() - before;
    const generator = report.cpu_us / MS_PER_SECOND / report.ms;
    // The longest step tells the rate best.
    if (size - connected > slowest.sockets) {
      slowest = { sockets: size - connected, ms: report.ms, us, generator };
    }
    connected = size;
    await Bun.sleep(bench.quick ? QUICK_SETTLE_MS : SETTLE_MS);
    rss.set(size, stage.server.memory().rss);
    const counts = await more.report();
    if (!counts.ok) throw new Error(`${counts.lost} idle sockets were cut off: ${counts.reason}`);
  }
  return {
    rss,
    connectsPerSecond: (slowest.sockets * MS_PER_SECOND) / slowest.ms,
    connectUs: slowest.us / slowest.sockets,
    generatorBusy: slowest.generator,
  };
}

/** What sockets that nothing is sent to cost, and how fast they come in. */
export const idle: Scenario = {
  name: "idle",
  about: "1,000, 10,000, 18,000 idle sockets: memory of all processes; rate of connecting",
  async run(bench) {
    const turns = await takeTurns(bench, { name: "idle" }, (c) => once(bench, c));
    const sizes: readonly number[] = bench.quick ? QUICK_SIZES : SIZES;
    const rows = sizes.map((size): Row => {
      const goals: Goal[] =
        size === 10_000
          ? [{ kind: "worker-at-most", value: 100_000_000 }, { kind: "best-of-all" }]
          : [];
      return {
        id: `idle.${size}`,
        what: `${size.toLocaleString("en")} idle sockets: resident memory`,
        unit: "bytes",
        better: "less",
        combine: "median",
        cells: cells(turns, (sample) => sample.rss.get(size) ?? Number.NaN),
        goals,
      };
    });
    const last = sizes.at(-1) ?? MOST;
    const first = sizes[0] ?? 0;
    return {
      rows: [
        ...rows,
        {
          id: "idle.per-socket",
          what: `memory per socket, between ${first.toLocaleString("en")} and ${last.toLocaleString("en")}`,
          unit: "bytes",
          better: "less",
          combine: "median",
          cells: cells(
            turns,
            ({ rss }) => ((rss.get(last) ?? Number.NaN) - (rss.get(first) ?? 0)) / (last - first),
          ),
          goals: [],
        },
        {
          id: "idle.connects",
          what: "sockets let in, 100 handshakes at a time",
          unit: "per-second",
          better: "more",
          combine: "median",
          cells: cells(
            turns,
            (sample) => sample.connectsPerSecond,
            (sample) => ({
              server: (sample.connectUs * sample.connectsPerSecond) / 1_000_000,
              generator: sample.generatorBusy,
            }),
          ),
          goals: [],
        },
      ],
      notes: ["idle: Rss of all processes together; pages they share are counted for each"],
    };
  },
};
