import type { Contender } from "../contenders/contender.ts";
import type { Storm } from "../load.ts";
import type { Goal, Row } from "../report/types.ts";
import { type Bench, cells, makeStage, type Scenario, takeTurns } from "../scenario.ts";
import { assertFilesFor } from "../setup.ts";

/** All retries used up take 4 × 1 s of pause and 5 × 1.5 s of patience. */
const DEADLINE_MS = 30_000;
/** See burst: the sockets that come back in a storm have been there before. */
const WARM_UP_SOCKETS = 200;
const WARM_UP_MS = 10_000;
const US_PER_MS = 1_000;

/** One storm, and what it cost the server for each socket, in microseconds. */
export interface StormSample extends Storm {
  readonly serverUs: number;
}

/** So many browsers come at once to a server that has served a few before. */
export async function measureStorm(
  bench: Bench,
  contender: Contender,
  sockets: number,
): Promise<StormSample> {
  assertFilesFor(bench.setup, sockets);
  await using stage = await makeStage(bench.setup, contender, 0);
  await stage.publisher.connect(WARM_UP_SOCKETS, 1, WARM_UP_MS);
  const before = stage.server.cpuUs();
  const storm = await stage.subscribers.storm(sockets, DEADLINE_MS);
  return { ...storm, serverUs: stage.server.cpuUs() - before };
}

/** Everybody comes back at once, as after a restart. */
function storm(name: string, sockets: number, atMost: number, slow: boolean): Scenario {
  const all = `${sockets.toLocaleString("en")} sockets at once`;
  return {
    name,
    about: `${all}, by the browser's rules: 1.5 s patience each, four retries`,
    slow,
    async run(bench) {
      const turns = await takeTurns(bench, { name }, (c) => measureStorm(bench, c, sockets));
      const row = (
        id: string,
        what: string,
        take: (sample: StormSample) => number,
        rest: Pick<Row, "unit" | "combine"> & { goals: Goal[] },
      ): Row => ({
        id: `${name}.${id}`,
        what: `${all}: ${what}`,
        better: "less",
        cells: cells(turns, take, ({ serverUs, cpu_us, ms }) => ({
          server: serverUs / (ms * US_PER_MS),
          generator: cpu_us / (ms * US_PER_MS),
        })),
        ...rest,
      });
      return {
        rows: [
          row("failed", "failed attempts, all rounds", (s) => s.failed + s.lost, {
            unit: "count",
            combine: "sum",
            goals: [{ kind: "worker-at-most", value: 0 }],
          }),
          row("gave-up", "browsers that gave up, all rounds", (s) => s.gave_up, {
            unit: "count",
            combine: "sum",
            goals: [{ kind: "worker-at-most", value: 0 }],
          }),
          row("time", "until the last one is in", (s) => s.ms, {
            unit: "milliseconds",
            combine: "median",
            goals: [{ kind: "times-yardstick", atMost }],
          }),
          row("cpu", "CPU per socket", (s) => s.serverUs / sockets, {
            unit: "microseconds",
            combine: "median",
            goals: [],
          }),
        ],
        notes: [`${name}: the time is that of those who got in`],
      };
    },
  };
}

/** As many as one node of a busy contest loses. */
export const storm10k = storm("storm", 10_000, 1.3, false);

/** Nearly as many as a file limit of 20,000 allows. */
export const storm18k = storm("storm-18000", 18_000, 1.1, true);
