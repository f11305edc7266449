import type { Paint } from "../cluster/screen.ts";
import type { Row } from "./verdict.ts";

const HEAD = ["", "seen", "must be", ""] as const;

/** The table of a run, with what is known of rules that are broken. */
export function tableText(rows: readonly Row[], paint: Paint): string {
  const cells = rows.map(({ what, seen, must, isBroken }) => [
    what,
    seen,
    must ?? "",
    must === undefined ? "" : isBroken ? "BROKEN" : "held",
  ]);
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd();
  const body = rows.flatMap(({ isBroken, must, details }, index) => {
    const text = line(cells[index] ?? []);
    const tone = isBroken ? "trouble" : must === undefined ? "faint" : "event";
    return [paint(tone, text), ...details.map((detail) => paint("trouble", `      ${detail}`))];
  });
  return [paint("title", line(HEAD)), ...body].join("\n");
}
