import { median } from "../stats.ts";
import { combined } from "./judge.ts";
import { quantity, times } from "./quantity.ts";
import type { Result, Row } from "./types.ts";
import { commitText, machineText, runText } from "./words.ts";

/** What a change is worth. */
export type Movement = "better" | "worse" | "within the spread" | "one round, no spread known";

/** One row of two runs. */
export interface Change {
  readonly row: Row;
  /** Worker by yardstick, or the worker's own value where there is no yardstick to divide by. */
  readonly before: number;
  readonly after: number;
  readonly isRatio: boolean;
  /** After by before; undefined when before is 0. */
  readonly by: number | undefined;
  readonly movement: Movement;
}

interface Figure {
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly rounds: number;
}

/**
 * The worker by the yardstick of the same round: a machine that is slower today is slower for both.
 * undefined when there is no such ratio.
 */
function ratioOf(row: Row): Figure | undefined {
  const { worker, yardstick } = row.cells;
  if (row.combine === "sum" || worker?.kind !== "measured" || yardstick?.kind !== "measured") {
    return undefined;
  }
  if (worker.samples.length !== yardstick.samples.length || yardstick.samples.includes(0)) {
    return undefined;
  }
  const ratios = worker.samples.map((sample, i) => sample / (yardstick.samples[i] ?? Number.NaN));
  return spread(ratios, median(worker.samples) / median(yardstick.samples));
}

function spread(values: readonly number[], value: number): Figure {
  return { value, least: Math.min(...values), most: Math.max(...values), rounds: values.length };
}

function valueOfWorker(row: Row): Figure | undefined {
  const { worker } = row.cells;
  const value = combined(row, worker);
  if (value === undefined || worker?.kind !== "measured") return undefined;
  // A sum has no spread of its own: it moved, or it did not.
  return row.combine === "sum" ? spread([value], value) : spread(worker.samples, value);
}

function movementOf(row: Row, before: Figure, after: Figure): Movement {
  if (before.value === after.value) return "within the spread";
  if (row.combine === "median") {
    if (before.rounds < 2 || after.rounds < 2) return "one round, no spread known";
    const isApart = before.most < after.least || after.most < before.least;
    if (!isApart) return "within the spread";
  }
  const isLess = after.value < before.value;
  return isLess === (row.better === "less") ? "better" : "worse";
}

function compareRow(before: Row, after: Row): Change | undefined {
  const ratios = [ratioOf(before), ratioOf(after)] as const;
  const isRatio = ratios[0] !== undefined && ratios[1] !== undefined;
  const [from, to] = isRatio ? ratios : [valueOfWorker(before), valueOfWorker(after)];
  if (from === undefined || to === undefined) return undefined;
  return {
    row: after,
    before: from.value,
    after: to.value,
    isRatio,
    by: from.value === 0 ? undefined : to.value / from.value,
    movement: movementOf(after, from, to),
  };
}

/** Two runs, row by row. */
export interface Comparison {
  readonly changes: readonly Change[];
  /** Rows that cannot be compared, with the reason. */
  readonly without: readonly { readonly id: string; readonly why: string }[];
}

function rowsOf(result: Result): Map<string, Row> {
  return new Map(
    result.scenarios.flatMap(({ rows }) => rows.map((row): [string, Row] => [row.id, row])),
  );
}

/** Compares the rows of two results by their ids. */
export function compare(base: Result, now: Result): Comparison {
  const before = rowsOf(base);
  const after = rowsOf(now);
  const changes: Change[] = [];
  const without: { id: string; why: string }[] = [];
  for (const [id, row] of after) {
    const old = before.get(id);
    if (old === undefined) {
      without.push({ id, why: "not in the base" });
      continue;
    }
    const change = compareRow(old, row);
    if (change === undefined) without.push({ id, why: "the worker has no number in one of both" });
    else changes.push(change);
  }
  const ran = new Set(now.scenarios.map(({ name }) => name));
  // What was not chosen this time is no loss; what its scenario no longer yields is worth a word.
  for (const { name, rows } of base.scenarios) {
    if (!ran.has(name)) continue;
    for (const { id } of rows) if (!after.has(id)) without.push({ id, why: "only in the base" });
  }
  return { changes, without };
}

const HEAD = ["row", "before", "after", "after by before", "which is"];
const TEXT_COLUMNS = new Set([0, HEAD.length - 1]);
const GAP = "  ";

function lineOf({ row, before, after, isRatio, by, movement }: Change): string[] {
  const show = (value: number): string => (isRatio ? times(value) : quantity(value, row.unit));
  return [row.id, show(before), show(after), times(by), movement];
}

function titleLine(label: string, result: Result): string {
  return (
    `${label} ${commitText(result)}, ${result.at} (${result.target}), ${runText(result)}; ` +
    machineText(result)
  );
}

/** What makes two runs hard to compare, in words. */
export function mismatches(base: Result, now: Result): readonly string[] {
  const pairs = [
    ["quick and full runs", base.quick, now.quick],
    ["source and executable", base.target, now.target],
    ["two machines", machineText(base), machineText(now)],
  ] as const;
  return pairs.filter(([, a, b]) => a !== b).map(([what]) => `beware: this compares ${what}`);
}

/** The comparison for eyes on a terminal. */
export function renderComparison(base: Result, now: Result): string {
  const { changes, without } = compare(base, now);
  const rows = [HEAD, ...changes.map(lineOf)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((text, i) => {
        const width = widths[i] ?? 0;
        return TEXT_COLUMNS.has(i) ? text.padEnd(width) : text.padStart(width);
      })
      .join(GAP)
      .trimEnd(),
  );
  return [
    titleLine("before", base),
    titleLine("after ", now),
    ...mismatches(base, now),
    "",
    "× is the worker by the yardstick of its own run; other figures are the worker's alone.",
    "",
    ...lines,
    ...without.map(({ id, why }) => `${id}: ${why}`),
  ].join("\n");
}
