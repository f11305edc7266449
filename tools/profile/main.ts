/** Shows where a worker's processor time goes, beside the yardstick's. */
import { parseArgs } from "node:util";
import { flamePicture } from "./flame.ts";
import { countBy, GROUPS, groupOf } from "./groups.ts";
import { LOADS, type LoadName, underLoad } from "./load.ts";
import { record } from "./perf.ts";
import type { Sample } from "./samples.ts";

/** Symbols that are listed. */
const TOP_SYMBOLS = 15;

function isLoad(name: string): name is LoadName {
  return LOADS.some((load) => load === name);
}

function share(count: number, all: number): string {
  return `${((100 * count) / Math.max(all, 1)).toFixed(1)} %`.padStart(8);
}

function countOf<Key>(counts: readonly (readonly [Key, number])[], key: Key): number {
  return counts.find(([other]) => other === key)?.[1] ?? 0;
}

function table(load: LoadName, worker: readonly Sample[], yardstick: readonly Sample[]): string {
  const ours = countBy(worker, groupOf);
  const theirs = countBy(yardstick, groupOf);
  const groups = GROUPS.map((group) => {
    const [a, b] = [countOf(ours, group), countOf(theirs, group)];
    return `  ${group.padEnd(32)}${share(a, worker.length)}${share(b, yardstick.length)}`;
  });
  const threads = countBy(worker, ({ thread, tid }) => `${thread} ${tid}`);
  const symbols = countBy(worker, ({ stack: [top] }) => {
    const file = top?.file.split("/").at(-1) ?? "?";
    return `${top?.symbol ?? "?"} (${file})`;
  });
  const lines = ([name, count]: [string, number]): string =>
    `  ${name.slice(0, 60).padEnd(62)}${share(count, worker.length)}`;
  return [
    `${load}: ${worker.length} samples of the worker, ${yardstick.length} of the yardstick`,
    "",
    `  ${"busy with".padEnd(32)}${"worker".padStart(8)}${"yards.".padStart(8)}`,
    ...groups,
    "",
    "  the worker's threads",
    ...threads.map(lines),
    "",
    "  the worker's functions",
    ...symbols.slice(0, TOP_SYMBOLS).map(lines),
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: LOADS.join(",") },
      target: { type: "string", default: "dist" },
      svg: { type: "string", default: "" },
    },
  });
  const { only, target, svg } = values;
  if (target !== "source" && target !== "dist") {
    throw new Error(`--target "${target}": give source or dist`);
  }
  for (const load of only.split(",")) {
    if (!isLoad(load)) {
      throw new Error(`--only "${load}": give some of ${LOADS.join(", ")}`);
    }
    const worker = await underLoad(load, "worker", target, record);
    const yardstick = await underLoad(load, "yardstick", target, record);
    process.stdout.write(`${table(load, worker, yardstick)}\n`);
    if (svg !== "") {
      const file = `${svg.replace(/\.svg$/, "")}-${load}.svg`;
      await Bun.write(file, flamePicture(`worker, ${load}: ${worker.length} samples`, worker));
      process.stdout.write(`  ${file}\n\n`);
    }
  }
}

try {
  await main();
} catch (fault) {
  process.stderr.write(`profile: ${fault instanceof Error ? fault.message : String(fault)}\n`);
  process.exitCode = 1;
}
