import { Cleanup } from "./cleanup.ts";
import { CONTENDERS } from "./contenders/all.ts";
import { messageOf } from "./errors.ts";
import { helpText, parseCommandLine, UsageError } from "./options.ts";
import { makeProgress, type Progress } from "./progress.ts";
import { allReached } from "./report/judge.ts";
import { renderTable } from "./report/table.ts";
import { runBench } from "./run.ts";
import { SCENARIOS } from "./scenarios/all.ts";

const EXIT_MISSED = 1;
const EXIT_NOT_MEASURED = 2;
/** A shell's convention for a program ended by a signal. */
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

async function main(cleanup: Cleanup, progress: Progress): Promise<number> {
  const contenders = CONTENDERS.map(({ name, title }) => ({ name, about: title }));
  const options = parseCommandLine(Bun.argv.slice(2), Bun.env, SCENARIOS, contenders);
  if (options.help) {
    console.log(helpText(SCENARIOS, contenders));
    return 0;
  }
  const result = await runBench(options, cleanup, progress.say);
  progress.clear();
  console.log(renderTable(result));
  if (options.json !== undefined) await Bun.write(options.json, JSON.stringify(result, null, 2));
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
