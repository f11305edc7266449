import type { Paint } from "../cluster/screen.ts";
import type { Finding, Outcome } from "./finding.ts";

const HEAD = ["target", "cases", "crashes", "hangs", "seconds", "slowest case"];
const GAP = "  ";

/** The table of a run, and every finding below it with the command that shows it again. */
export function report(outcomes: readonly Outcome[], seed: number, paint: Paint): string {
  const rows = [...outcomes.map(rowOf), totalOf(outcomes)];
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join(GAP);
  const findings = outcomes.flatMap((outcome) => outcome.findings);
  const table = [
    paint("title", line(HEAD)),
    ...rows.map((row, index) => {
      const hasFound = (outcomes[index]?.findings.length ?? 0) > 0;
      return hasFound ? paint("trouble", line(row)) : line(row);
    }),
  ];
  return [...table, ...findings.map((finding) => describe(finding, seed, paint))].join("\n");
}

function rowOf({ target, cases, seconds, slowest, findings }: Outcome): string[] {
  const slow = `${slowest.ms.toFixed(1)} ms (${number(slowest.index)})`;
  return [target, number(cases), ...counts(findings), seconds.toFixed(1), slow];
}

function totalOf(outcomes: readonly Outcome[]): string[] {
  const cases = outcomes.reduce((sum, outcome) => sum + outcome.cases, 0);
  return ["all", number(cases), ...counts(outcomes.flatMap(({ findings }) => findings)), "", ""];
}

function counts(findings: readonly Finding[]): [crashes: string, hangs: string] {
  const hangs = findings.filter(({ kind }) => kind === "hang").length;
  return [number(findings.length - hangs), number(hangs)];
}

function describe({ target, kind, where, what, input }: Finding, seed: number, paint: Paint) {
  return [
    "",
    paint("trouble", `${target}: a ${kind} in case ${where}`),
    `  ${what.replaceAll("\n", "\n  ")}`,
    ...(input === undefined ? [] : [`  the case, made smaller: ${input}`]),
    `  again: make fuzz SEED=${seed} TARGET=${target} CASE=${where}`,
  ].join("\n");
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
