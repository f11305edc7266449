import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { fill } from "./fill.ts";
import { readConstants } from "./scaling-constants.ts";
import { scalingTables } from "./scaling-tables.ts";

const DOCUMENT = join(import.meta.dir, "..", "..", "docs", "scaling.md");

/** Writes the tables of docs/scaling.md anew from a kept result. */
async function main(path: string | undefined): Promise<void> {
  if (path === undefined) throw new Error("usage: bun bench/report/scaling.ts RESULT.json");
  const tables = scalingTables(readConstants(await Bun.file(path).json()));
  await Bun.write(DOCUMENT, fill(await Bun.file(DOCUMENT).text(), tables));
}

try {
  await main(Bun.argv[2]);
} catch (error) {
  console.error(`scaling: ${messageOf(error)}`);
  process.exitCode = 1;
}
