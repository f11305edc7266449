import { workerWith } from "../contenders/worker.ts";
import { slope } from "../fit.ts";
import { number } from "../format.ts";
import type { Row } from "../report/types.ts";
import { type Bench, connectAll, makeStage, type Scenario, startLoad } from "../scenario.ts";
import type { RunningServer } from "../servers.ts";
import { assertFilesFor } from "../setup.ts";
import { Growth, type Line, workerAndYardstick } from "./growth.ts";

const SIZES = [0, 1_000, 3_000, 10_000, 18_000] as const;
const QUICK_SIZES = [0, 1_000, 3_000, 10_000] as const;
/** Time for what handshakes left behind to be collected. */
const SETTLE_MS = 2_000;
/** Pings go out every 30 s (contract); one round of them and a little. */
const KEEP_ALIVE_MS = 33_000;
const MS_PER_SECOND = 1_000;

/** The worker with one gateway thread and with two, and the yardstick. */
function lines(bench: Bench): Line[] {
  return workerAndYardstick(bench).flatMap((line) =>
    line.name === "worker"
      ? [1, 2].map((threads) => ({
          name: `worker, ${threads} thread${threads === 1 ? "" : "s"}`,
          contender: workerWith({ lines: [`gateway_threads: ${threads}`] }),
        }))
      : [line],
  );
}

/** CPU of a second in which nothing happens but pings, in microseconds. */
async function quietSecond(server: RunningServer): Promise<number> {
  const before = server.cpuUs();
  const begun = performance.now();
  await Bun.sleep(KEEP_ALIVE_MS);
  return ((server.cpuUs() - before) * MS_PER_SECOND) / (performance.now() - begun);
}

interface Sample {
  readonly rss: number;
}

/** What each socket adds to a process. */
export const growthMemory: Scenario = {
  name: "growth-memory",
  about: "0 to 18,000 idle sockets, 1 and 2 gateway threads: resident memory, cost of keep-alive",
  slow: true,
  async run(bench) {
    const sizes: readonly number[] = bench.quick ? QUICK_SIZES : SIZES;
    const growth = new Growth<Sample>(bench, "growth-memory");
    let quiet: { readonly sockets: number; readonly us: number } | undefined;
    for (const [index, line] of lines(bench).entries()) {
      await growth.several(line, async () => {
        assertFilesFor(bench.setup, Math.max(...sizes));
        await using stack = new AsyncDisposableStack();
        const stage = stack.use(await makeStage(bench.setup, line.contender, 0));
        let connected = 0;
        for (const size of sizes) {
          await growth.point(line, size, async () => {
            const more = stack.use(await startLoad(bench.setup, stage.server));
            if (size > connected) await connectAll(more, size - connected);
            connected = size;
            await Bun.sleep(SETTLE_MS);
            return { rss: stage.server.memory().rss };
          });
        }
        if (index === 0 && !bench.quick) {
          bench.setup.progress("growth-memory: a round of pings");
          quiet = { sockets: connected, us: await quietSecond(stage.server) };
        }
      });
    }
    const keepAlive: Row[] =
      quiet === undefined
        ? []
        : [
            {
              id: "growth-memory.keep-alive",
              what: `${number(quiet.sockets)} idle sockets, pinged every 30 s: CPU of each second`,
              unit: "microseconds",
              better: "less",
              combine: "median",
              cells: { worker: { kind: "measured", samples: [quiet.us] } },
              goals: [],
            },
          ];
    const curve = growth.lines(({ rss }) => rss);
    return {
      rows: keepAlive,
      curves: [
        {
          id: "growth-memory.rss",
          title: "Idle sockets: resident memory of the process",
          x: { label: "sockets", log: false },
          y: { label: "resident memory", unit: "bytes" },
          lines: curve,
        },
      ],
      notes: [
        ...curve.map(({ name, points }) => {
          const through = points.map(({ x, samples }) => ({ x, y: samples[0] ?? Number.NaN }));
          return `growth-memory: ${name}: ${number(slope(through).each)} bytes per socket`;
        }),
        ...growth.failures,
      ],
    };
  },
};
