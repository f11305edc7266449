import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { renderCharts } from "../bench/report/charts.ts";
import { newestKept } from "../bench/report/keep.ts";
import { renderMarkdown } from "../bench/report/markdown.ts";
import { renderScaling } from "../bench/report/pages.ts";

const DOCS = join(import.meta.dir, "../docs");
const PICTURES = join(DOCS, "images/bench");

async function newestFullRun() {
  const kept = await newestKept(({ quick }) => !quick);
  if (kept === undefined) throw new Error("bench/results holds no full run: make benchmarks");
  return kept;
}

test("docs/benchmarks.md and its pictures are what the newest kept full run gives", async () => {
  const kept = await newestFullRun();
  expect(await Bun.file(join(DOCS, "benchmarks.md")).text()).toBe(renderMarkdown(kept.result));
  const pictures = renderCharts(kept.result);
  for (const { file, svg } of pictures) {
    expect(await Bun.file(join(PICTURES, file)).text()).toBe(svg);
  }
  const files = [...new Glob("*").scanSync(PICTURES)].toSorted();
  expect(files).toEqual(pictures.map(({ file }) => file).toSorted());
});

test("the tables of docs/scaling.md are what the newest kept full run gives", async () => {
  const { result } = await newestFullRun();
  expect(await Bun.file(join(DOCS, "scaling.md")).text()).toBe(await renderScaling(result));
});
