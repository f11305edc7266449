import type { Paint } from "../cluster/screen.ts";
import type { Finding } from "./metrics.ts";
import type { ModeResult } from "./mode.ts";

const HEAD = ["", "mean", "growth in an hour", "error of it", "may grow by", ""] as const;

/** Whether nothing has grown and nothing failed. */
export function isSteady({ findings, faults }: ModeResult): boolean {
  return faults.length === 0 && findings.every(({ hasGrown }) => !hasGrown);
}

/** The figures of a run as text. */
export function resultText(result: ModeResult, paint: Paint): string {
  const { mode, how, findings, faults, sessions, pushes, published, peak, groupPeak } = result;
  const rows = findings.map(cells);
  const widths = HEAD.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd();
  const inGroup =
    groupPeak === undefined ? "" : `, ${groupPeak.toFixed(0)} MiB by the group's count`;
  return [
    paint("title", `${mode}: ${how}`),
    paint("title", line(HEAD)),
    ...findings.map(({ hasGrown }, index) =>
      paint(hasGrown ? "trouble" : "event", line(rows[index] ?? [])),
    ),
    `  ${published} events, ${pushes} deliveries, ${sessions} sessions; ${peak.toFixed(0)} MiB at most${inGroup}`,
    ...faults.map((fault) => paint("trouble", `  ${fault}`)),
  ].join("\n");
}

function cells({ metric, fit, hasGrown }: Finding): readonly string[] {
  const figure = (value: number): string => `${value.toFixed(2)} ${metric.unit}`.trimEnd();
  return [
    metric.what,
    figure(fit.mean),
    figure(fit.perHour),
    `± ${figure(fit.error)}`,
    figure(metric.bound),
    hasGrown ? "GROWS" : "steady",
  ];
}
