import { expect, test } from "bun:test";
import { compare, mismatches, renderComparison } from "./compare.ts";
import { cell, MADE_UP_RESULT, PLAIN_ROW } from "./made-up-result.ts";
import type { Result, Row } from "./types.ts";

function resultOf(...rows: Row[]): Result {
  const scenario = { name: "made-up", about: "rows", curves: [], notes: [], seconds: 1 };
  return { ...MADE_UP_RESULT, scenarios: [{ ...scenario, rows }] };
}

function changeOf(before: Row["cells"], after: Row["cells"], rest: Partial<Row> = {}) {
  const row = { ...PLAIN_ROW, ...rest };
  const base = resultOf({ ...row, cells: before });
  return compare(base, resultOf({ ...row, cells: after })).changes[0];
}

test("a machine twice as slow is no worker twice as slow", () => {
  const before = { worker: cell(100, 110, 90), yardstick: cell(10, 11, 9) };
  const after = { worker: cell(50, 55, 45), yardstick: cell(5, 5.5, 4.5) };
  expect(changeOf(before, after)).toMatchObject({ by: 1, movement: "within the spread" });
});

test("rounds that overlap are noise, and rounds apart are a change", () => {
  const before = { worker: cell(100, 110, 90), yardstick: cell(10, 10, 10) };
  const near = { worker: cell(105, 112, 104), yardstick: cell(10, 10, 10) };
  const far = { worker: cell(120, 125, 122), yardstick: cell(10, 10, 10) };
  expect(changeOf(before, near)?.movement).toBe("within the spread");
  expect(changeOf(before, far)).toMatchObject({ by: 1.22, movement: "better", isRatio: true });
  expect(changeOf(before, far, { better: "less" })?.movement).toBe("worse");
});

test("one round shows no spread, and a claim is not made", () => {
  const movement = changeOf({ worker: cell(1) }, { worker: cell(2) })?.movement;
  expect(movement).toBe("one round, no spread known");
});

test("sums are compared as they are, also from zero", () => {
  const change = changeOf(
    { worker: cell(0, 0) },
    { worker: cell(0, 1) },
    { combine: "sum", better: "less" },
  );
  expect(change).toMatchObject({ before: 0, after: 1, by: undefined, movement: "worse" });
});

test("a yardstick of zero, or a failed one, leaves the worker's own value", () => {
  const zero = { worker: cell(5, 6), yardstick: cell(0, 1) };
  expect(changeOf(zero, zero)).toMatchObject({ isRatio: false, before: 5.5 });
});

test("rows without a number, new rows and lost rows are named", () => {
  const lost = { ...PLAIN_ROW, id: "lost" };
  const fresh = { ...PLAIN_ROW, id: "fresh", cells: { worker: cell(1) } };
  const failed: Row = { ...PLAIN_ROW, cells: { worker: { kind: "failed", why: "lost one" } } };
  const base = resultOf({ ...PLAIN_ROW, cells: { worker: cell(1) } }, lost);
  expect(compare(base, resultOf(failed, fresh)).without).toEqual([
    { id: "made-up.rate", why: "the worker has no number in one of both" },
    { id: "fresh", why: "not in the base" },
    { id: "lost", why: "only in the base" },
  ]);
});

test("what makes two runs hard to compare is said", () => {
  const other: Result = { ...MADE_UP_RESULT, quick: true, target: "source" };
  expect(mismatches(MADE_UP_RESULT, other)).toEqual([
    "beware: this compares quick and full runs",
    "beware: this compares source and executable",
  ]);
  expect(renderComparison(MADE_UP_RESULT, other)).toContain("made-up.rate");
});
