import { parseArgs } from "node:util";
import { Cleanup } from "./cleanup.ts";
import { CONTENDERS } from "./contenders/all.ts";
import { messageOf } from "./errors.ts";
import { parseCommandLine, UsageError } from "./options.ts";
import { makeProgress } from "./progress.ts";
import { renderComparison } from "./report/compare.ts";
import { newestKept, readResult } from "./report/keep.ts";
import type { Result } from "./report/types.ts";
import { runBench } from "./run.ts";
import { SCENARIOS } from "./scenarios/all.ts";
import { stopOnSignals } from "./signals.ts";

const EXIT_NOT_COMPARED = 2;
const HELP = [
  "Measures, or takes the run of a file, and shows it beside another run, as ratios.",
  "",
  "usage: bun bench/compare-main.ts [--with FILE] [--base FILE]",
  "",
  "  --with FILE   the run to look at; measured now when not given: QUICK=1, ONLY=A,B and",
  "                CONTENDERS=A,B choose what, as with make bench",
  "  --base FILE   the run to compare it with; the newest kept one of the same kind and another",
  "                commit when not given",
].join("\n");

interface Options {
  readonly help: boolean;
  readonly base: string | undefined;
  readonly with: string | undefined;
}

function parseOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        base: { type: "string" },
        with: { type: "string" },
      },
    });
    return { help: values.help, base: values.base, with: values.with };
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error });
  }
}

async function baseOf(now: Result, path: string | undefined): Promise<Result> {
  if (path !== undefined) return await readResult(path);
  const kept = await newestKept(
    ({ commit, quick, target }) =>
      commit !== now.commit && quick === now.quick && target === now.target,
  );
  if (kept !== undefined) return kept.result;
  throw new Error(
    `no ${now.quick ? "quick" : "full"} run of another commit is kept in bench/results: ` +
      "give one with --base FILE",
  );
}

async function measureNow(): Promise<Result> {
  const cleanup = new Cleanup();
  const progress = makeProgress();
  stopOnSignals(cleanup, progress);
  try {
    const whom = CONTENDERS.map(({ name, title }) => ({ name, about: title }));
    return await runBench(parseCommandLine([], Bun.env, SCENARIOS, whom), cleanup, progress.say);
  } finally {
    progress.clear();
    await cleanup.run();
  }
}

async function main(): Promise<void> {
  const options = parseOptions(Bun.argv.slice(2));
  if (options.help) {
    console.log(HELP);
    return;
  }
  const now = options.with === undefined ? await measureNow() : await readResult(options.with);
  console.log(renderComparison(await baseOf(now, options.base), now));
}

try {
  await main();
} catch (error) {
  console.error(`bench-compare: ${messageOf(error)}`);
  if (error instanceof UsageError) console.error("bench-compare: --help tells what can be said");
  process.exitCode = EXIT_NOT_COMPARED;
}
