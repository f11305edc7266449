import type { Paint } from "../paint.ts";
import { CHECK_IDS } from "./checks.ts";
import type { Finding, Verdict } from "./finding.ts";

/** How a verdict is shown to people. */
const LABELS = {
  ok: "ok",
  warning: "warning",
  problem: "PROBLEM",
  skipped: "-",
} as const satisfies Record<Verdict, string>;

const COLOURS = {
  ok: "green",
  warning: "yellow",
  problem: "red",
  skipped: "grey",
} as const;

const LABEL_WIDTH = Math.max(...Object.values(LABELS).map((label) => label.length));
const ID_WIDTH = Math.max(...CHECK_IDS.map((id) => id.length));

/** Where the texts of findings begin. */
const INDENT = " ".repeat(LABEL_WIDTH + ID_WIDTH + 4);

/** One finding as lines for people. */
export function findingLines({ id, verdict, text, fix }: Finding, paint: Paint): readonly string[] {
  const label = paint(COLOURS[verdict], LABELS[verdict].padEnd(LABEL_WIDTH));
  const what = verdict === "skipped" ? `not checked: ${text}` : text;
  return [
    `${label}  ${id.padEnd(ID_WIDTH)}  ${what}`,
    ...fix.map((line, index) => `${INDENT}${index === 0 ? "→ " : "  "}${line}`),
  ];
}

/** How many findings of each kind there are, as one line. */
export function summaryLine(findings: readonly Finding[]): string {
  const count = (verdict: Verdict): number => countOf(findings, verdict);
  const problems = count("problem");
  const warnings = count("warning");
  return [
    problems === 0 ? "no problem" : `${problems} problem${problems === 1 ? "" : "s"}`,
    ...(warnings === 0 ? [] : [`${warnings} warning${warnings === 1 ? "" : "s"}`]),
    `${count("ok")} in order`,
    ...(count("skipped") === 0 ? [] : [`${count("skipped")} not checked`]),
  ].join(", ");
}

/** All of it for programs, on one line; keys may be added, never renamed. */
export function jsonReport(url: string, internal: string, findings: readonly Finding[]): string {
  return JSON.stringify({
    url,
    internal,
    problems: countOf(findings, "problem"),
    warnings: countOf(findings, "warning"),
    checks: findings.map(({ id, verdict, text, fix }) => ({ id, verdict, text, fix })),
  });
}

function countOf(findings: readonly Finding[], wanted: Verdict): number {
  return findings.filter(({ verdict }) => verdict === wanted).length;
}
