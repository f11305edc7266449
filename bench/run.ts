import type { Cleanup } from "./cleanup.ts";
import { CONTENDERS } from "./contenders/all.ts";
import type { Contender } from "./contenders/contender.ts";
import { messageOf } from "./errors.ts";
import { describeMachine } from "./machine.ts";
import { measureNoise } from "./noise.ts";
import type { Options } from "./options.ts";
import type { Result, ScenarioResult } from "./report/types.ts";
import type { Bench, Scenario } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import { prepareServer } from "./servers.ts";
import { makeSetup, type Setup } from "./setup.ts";

/** The rounds of a full run; the median of three forgives one disturbed round. */
const ROUNDS = 3;
/** Where there is no repository: an unpacked archive. */
const NO_COMMIT = "0000000";
const MS_PER_SECOND = 1000;

async function measure(bench: Bench, scenario: Scenario): Promise<ScenarioResult> {
  const begun = performance.now();
  const whatever = { name: scenario.name, about: scenario.about };
  const seconds = () => Math.round((performance.now() - begun) / MS_PER_SECOND);
  try {
    const { rows = [], curves = [], notes = [] } = await scenario.run(bench);
    return { ...whatever, error: undefined, rows, curves, notes, seconds: seconds() };
  } catch (error) {
    // Interrupted: the scenario did not fail, its servers were stopped.
    bench.setup.cleanup.assertOpen();
    const empty = { rows: [], curves: [], notes: [] };
    return { ...whatever, error: messageOf(error), ...empty, seconds: seconds() };
  }
}

type Described = Result["contenders"][number];

/** What is said of a contender, and whether it can be measured here. */
async function describe(setup: Setup, contender: Contender): Promise<Described> {
  const { name, title, settings } = contender;
  const missing = await contender.missing();
  if (missing !== undefined) return { name, title, settings, version: "-", missing };
  const { launch } = await prepareServer(setup, contender);
  return { name, title, settings, version: launch.version };
}

function git(...args: string[]): string {
  const { stdout, success } = Bun.spawnSync(["git", ...args], { cwd: import.meta.dir });
  return success ? stdout.toString().trim() : "";
}

/**
 * Measures what the options choose. Throws when nothing can be measured at all (no compiler, no
 * worker); whatever else fails stands in the result.
 */
export async function runBench(
  options: Options,
  cleanup: Cleanup,
  say: (text: string) => void,
): Promise<Result> {
  const at = new Date().toISOString();
  const before = measureNoise();
  const setup = await makeSetup(options, cleanup, say);
  const chosen = CONTENDERS.filter(({ name }) => options.contenders?.includes(name) !== false);
  const contenders: Described[] = [];
  for (const contender of chosen) contenders.push(await describe(setup, contender));
  const here = chosen.filter((_, i) => contenders[i]?.missing === undefined);
  const rounds = options.rounds ?? (options.quick ? 1 : ROUNDS);
  const bench: Bench = { setup, contenders: here, rounds, quick: options.quick };
  const scenarios: ScenarioResult[] = [];
  for (const scenario of SCENARIOS) {
    if (options.only === undefined && options.quick && scenario.slow === true) continue;
    if (options.only?.includes(scenario.name) === false) continue;
    scenarios.push(await measure(bench, scenario));
  }
  return {
    at,
    commit: git("rev-parse", "--short", "HEAD") || NO_COMMIT,
    dirty: git("status", "--porcelain", "--", "src", "package-lock.json") !== "",
    machine: describeMachine(setup, { before, after: measureNoise() }),
    quick: options.quick,
    rounds,
    target: setup.workerTarget,
    contenders,
    scenarios,
  };
}
