import { cleanText } from "../config/fault-text.ts";
import { resolveGatewayThreads } from "../config/gateway-threads.ts";
import type { LoadResult } from "../config/load.ts";
import { CONFIG_KEYS } from "../config/schema.ts";

/** Longest value the table shows; a list of origins may be longer than any terminal is wide. */
const MAX_VALUE_LENGTH = 200;

/** What `check` prints for a configuration in order: each key, its value, where it comes from. */
export function checkReport(loaded: Extract<LoadResult, { ok: true }>, cores: number): string {
  const { config, shown, sources, file } = loaded;
  const values = { ...shown };
  if (config.gatewayThreads === "auto") {
    values.gateway_threads += ` (${resolveGatewayThreads("auto", cores)} on this machine)`;
  }
  const rows = CONFIG_KEYS.map((key) => {
    const value = values[key] === "" ? "(empty)" : cleanText(values[key], MAX_VALUE_LENGTH);
    return [key, value, sources[key]] as const;
  });
  const name = file === undefined ? "no file" : cleanText(file, MAX_VALUE_LENGTH);
  return [
    `${name}: the configuration is in order`,
    "",
    ...table(["key", "value", "from"], rows),
  ].join("\n");
}

/** Left-aligned columns, two spaces between them, none at the end of a line. */
function table(head: Row, rows: readonly Row[]): readonly string[] {
  const all = [head, ...rows];
  const widths = [0, 1].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map(([key, value, from]) =>
    [key.padEnd(widths[0] ?? 0), value.padEnd(widths[1] ?? 0), from].join("  "),
  );
}

type Row = readonly [string, string, string];
