import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { renderCharts } from "./charts.ts";
import { fill } from "./fill.ts";
import { renderMarkdown } from "./markdown.ts";
import { readConstants } from "./scaling-constants.ts";
import { scalingTables } from "./scaling-tables.ts";
import type { Result } from "./types.ts";

const DOCS = join(import.meta.dir, "../../docs");
const PAGE = join(DOCS, "benchmarks.md");
const SCALING = join(DOCS, "scaling.md");
/** Holds nothing but these pictures, so that it can be written anew. */
const PICTURES = join(DOCS, "images/bench");

/** docs/scaling.md with its tables made from a result. Throws when the result lacks a curve. */
export async function renderScaling(result: Result): Promise<string> {
  return fill(await Bun.file(SCALING).text(), scalingTables(readConstants(result)));
}

/**
 * Writes docs/benchmarks.md, its pictures and the tables of docs/scaling.md from a full run.
 * Throws, having written nothing, when the run lacks something that they show.
 */
export async function writePages(result: Result): Promise<void> {
  const scaling = await renderScaling(result);
  const pictures = renderCharts(result);
  await rm(PICTURES, { recursive: true, force: true });
  await mkdir(PICTURES, { recursive: true });
  await Promise.all(pictures.map(({ file, svg }) => Bun.write(join(PICTURES, file), svg)));
  await Bun.write(PAGE, renderMarkdown(result));
  await Bun.write(SCALING, scaling);
}
