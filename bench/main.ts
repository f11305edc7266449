import { Cleanup } from "./cleanup.ts";
import { CONTENDERS } from "./contenders/all.ts";
import { messageOf } from "./errors.ts";
import { helpText, parseCommandLine, UsageError } from "./options.ts";
import { makeProgress, type Progress } from "./progress.ts";
import { allReached } from "./report/judge.ts";
import { keepResult, toJson } from "./report/keep.ts";
import { writePages } from "./report/pages.ts";
import { renderTable } from "./report/table.ts";
import { runBench } from "./run.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import { stopOnSignals } from "./signals.ts";

const EXIT_MISSED = 1;
const EXIT_NOT_MEASURED = 2;

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
  if (options.json !== undefined) await Bun.write(options.json, toJson(result));
  if (options.keep) {
    const path = await keepResult(result);
    await writePages(result);
    console.log(`\nkept as ${path}; docs/benchmarks.md and docs/scaling.md are written`);
  }
  return allReached(result) ? 0 : EXIT_MISSED;
}

const cleanup = new Cleanup();
const progress = makeProgress();
const isInterrupted = stopOnSignals(cleanup, progress);
try {
  process.exitCode = await main(cleanup, progress);
} catch (error) {
  if (!isInterrupted()) {
    progress.clear();
    console.error(`bench: ${messageOf(error)}`);
    if (error instanceof UsageError) console.error("bench: --help tells what can be said");
    process.exitCode = EXIT_NOT_MEASURED;
  }
}
await cleanup.run();
