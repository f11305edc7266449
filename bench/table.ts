import { goal, number, quantity, range, ratio } from "./format.ts";
import type { Machine } from "./machine.ts";
import { judge } from "./measure.ts";
import type { Result, ScenarioResult } from "./result.ts";

const HEAD = ["what", "worker", "yardstick", "ratio", "goal", "reached"];
const GAP = "  ";
/** All but the first and the last two columns hold figures, which end at the same place. */
const RIGHT_ALIGNED = new Set([1, 2, 3]);

function line(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, i) => {
    const width = widths[i] ?? 0;
    return RIGHT_ALIGNED.has(i) ? cell.padStart(width) : cell.padEnd(width);
  });
  return padded.join(GAP).trimEnd();
}

function cells(result: Result): string[][] {
  return result.scenarios.flatMap((scenario) => {
    if (scenario.error !== undefined) {
      return [[`${scenario.name}: failed, see below`, "-", "-", "-", "-", "no"]];
    }
    return scenario.measures.map((measure) => {
      const verdict = judge(measure);
      return [
        measure.what,
        quantity(verdict.worker, measure.unit),
        quantity(verdict.yardstick, measure.unit),
        ratio(verdict.ratio),
        goal(measure.goal, measure.unit),
        verdict.reached ? "yes" : "no",
      ];
    });
  });
}

function header(machine: Machine, result: Result): string[] {
  const runs = result.quick ? "one short round" : "median of three rounds (start-up: of ten)";
  return [
    `machine  ${machine.cores} × ${machine.model}, ${machine.memoryGb} GB, ` +
      `Linux ${machine.kernel}, load before ${number(machine.loadBefore, 2)}`,
    `worker   ${result.version ?? "unknown version"} (${result.target}), Bun ${machine.bun}`,
    `limits   ${number(machine.openFiles)} open files per process, ` +
      `accept queue ${number(machine.acceptQueue)}`,
    `figures  ${runs}; 1 MB = 1,000,000 bytes; times on this machine, ratios travel better`,
  ];
}

/** How far the rounds lie apart; nothing to tell of a single one, or of a sum. */
function spread(scenario: ScenarioResult): string[] {
  return scenario.measures
    .filter((measure) => measure.combine === "median" && measure.worker.length > 1)
    .map(({ worker, yardstick, unit }) => {
      const both = `worker ${range(worker, unit)}, yardstick ${range(yardstick, unit)}`;
      return `${scenario.name}: ${worker.length} rounds: ${both}`;
    });
}

function remarks(scenario: ScenarioResult): string[] {
  if (scenario.error !== undefined) return [`${scenario.name}: ${scenario.error}`];
  return [...spread(scenario), ...scenario.notes];
}

/** The finished table with what it was measured on and what is worth knowing beside it. */
export function renderTable(result: Result): string {
  const rows = cells(result);
  const widths = HEAD.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const rule = "─".repeat(widths.reduce((all, width) => all + width + GAP.length, -GAP.length));
  return [
    ...header(result.machine, result),
    "",
    line(HEAD, widths),
    rule,
    ...rows.map((row) => line(row, widths)),
    rule,
    ...result.scenarios.flatMap(remarks),
  ].join("\n");
}
