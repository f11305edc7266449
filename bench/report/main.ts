import { messageOf } from "../errors.ts";
import { newestKept, readResult } from "./keep.ts";
import { writePages } from "./pages.ts";

/** Writes the pages of benchmarks anew: from the newest full run, or from the file of a run. */
async function main(path: string | undefined): Promise<void> {
  const kept = path === undefined ? await newestKept(({ quick }) => !quick) : undefined;
  const from = path ?? kept?.path;
  if (from === undefined) {
    throw new Error("no full run is kept in bench/results: give the file of a run");
  }
  await writePages(kept?.result ?? (await readResult(from)));
  console.log(`docs/benchmarks.md, docs/scaling.md and their pictures, from ${from}`);
}

try {
  await main(Bun.argv[2]);
} catch (error) {
  console.error(`benchmarks: ${messageOf(error)}`);
  process.exitCode = 1;
}
