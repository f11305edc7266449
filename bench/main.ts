import { Cleanup } from "./cleanup.ts";
import { messageOf } from "./errors.ts";
import { describeMachine } from "./machine.ts";
import { helpText, type Options, parseOptions, UsageError } from "./options.ts";
import { makeProgress, type Progress } from "./progress.ts";
import { allReached, type Result, type ScenarioResult, toJson } from "./result.ts";
import type { Scenario } from "./scenario.ts";
import { ALL } from "./scenarios/all.ts";
import { startServer } from "./servers.ts";
import { makeSetup, type Setup } from "./setup.ts";
import { renderTable } from "./table.ts";

const EXIT_MISSED = 1;
const EXIT_NOT_MEASURED = 2;
/** A shell's convention for a program ended by a signal. */
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

async function measure(setup: Setup, scenario: Scenario): Promise<ScenarioResult> {
  try {
    return { name: scenario.name, error: undefined, ...(await scenario.run(setup)) };
  } catch (error) {
    // Interrupted: the scenario did not fail, its servers were stopped.
    setup.cleanup.assertOpen();
    return { name: scenario.name, error: messageOf(error), measures: [], notes: [] };
  }
}

async function versionOf(setup: Setup): Promise<string> {
  await using server = await startServer(setup, "worker");
  return server.version;
}

async function runAll(options: Options, cleanup: Cleanup, progress: Progress): Promise<Result> {
  const setup = await makeSetup(options, cleanup, progress.say);
  const machine = describeMachine(setup);
  const version = await versionOf(setup);
  const scenarios: ScenarioResult[] = [];
  for (const scenario of ALL) {
    if (options.only?.includes(scenario.name) === false) continue;
    scenarios.push(await measure(setup, scenario));
  }
  return { machine, target: setup.workerTarget, version, quick: options.quick, scenarios };
}

async function main(cleanup: Cleanup, progress: Progress): Promise<number> {
  const names = ALL.map((scenario) => scenario.name);
  const options = parseOptions(Bun.argv.slice(2), Bun.env["QUICK"], names);
  if (options.help) {
    console.log(helpText(ALL));
    return 0;
  }
  const result = await runAll(options, cleanup, progress);
  progress.clear();
  console.log(renderTable(result));
  if (options.json !== undefined) await Bun.write(options.json, toJson(result));
  return allReached(result) ? 0 : EXIT_MISSED;
}

const cleanup = new Cleanup();
const progress = makeProgress();
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // A second one while everything is being stopped changes nothing: that takes seconds at most.
    if (interrupted) return;
    interrupted = true;
    progress.clear();
    void cleanup.run().finally(() => process.exit(EXIT_BY_SIGNAL[signal]));
  });
}
try {
  process.exitCode = await main(cleanup, progress);
} catch (error) {
  if (!interrupted) {
    progress.clear();
    console.error(`bench: ${messageOf(error)}`);
    if (error instanceof UsageError) console.error("bench: --help tells what can be said");
    process.exitCode = EXIT_NOT_MEASURED;
  }
}
await cleanup.run();
