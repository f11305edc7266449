import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { renderCharts } from "./charts.ts";
import { newestKept, readResult } from "./keep.ts";
import { renderMarkdown } from "./markdown.ts";

const DOCS = join(import.meta.dir, "../../docs");
const PAGE = join(DOCS, "benchmarks.md");
/** Holds nothing but these pictures, so that it can be written anew. */
const PICTURES = join(DOCS, "images/bench");

async function main(path: string | undefined): Promise<void> {
  const kept = path === undefined ? await newestKept(({ quick }) => !quick) : undefined;
  const from = path ?? kept?.path;
  if (from === undefined) {
    throw new Error("no full run is kept in bench/results: give the file of a run");
  }
  const result = kept?.result ?? (await readResult(from));
  const pictures = renderCharts(result);
  await rm(PICTURES, { recursive: true, force: true });
  await mkdir(PICTURES, { recursive: true });
  await Promise.all(pictures.map(({ file, svg }) => Bun.write(join(PICTURES, file), svg)));
  await Bun.write(PAGE, renderMarkdown(result));
  console.log(`docs/benchmarks.md and ${pictures.length} pictures, from ${from}`);
}

try {
  await main(Bun.argv[2]);
} catch (error) {
  console.error(`benchmarks: ${messageOf(error)}`);
  process.exitCode = 1;
}
