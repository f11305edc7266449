import { describe, expect, test } from "bun:test";
import { DrainPlan } from "./drain-plan.ts";

const ITEMS = Array.from({ length: 1000 }, (_, index) => index);

describe("a drain", () => {
  test("sends everybody away once, evenly, the last before the time is up", () => {
    const plan = new DrainPlan(ITEMS, 2000, 5000, Math.random);
    const gone: number[] = [];
    const counts: number[] = [];
    for (let now = 2000; now < 7000; now += 500) {
      const due = plan.due(now);
      counts.push(due.length);
      gone.push(...due);
    }
    expect(counts).toEqual([1, 100, 100, 100, 100, 100, 100, 100, 100, 100]);
    expect(plan.isDone).toBe(false);
    gone.push(...plan.due(6999));
    expect(plan.isDone).toBe(true);
    expect(gone.toSorted((a, b) => a - b)).toEqual(ITEMS);
    expect(plan.due(9000)).toEqual([]);
  });

  test("keeps no order", () => {
    const plan = new DrainPlan(ITEMS, 0, 0, Math.random);
    const gone = plan.due(0);
    expect(gone).not.toEqual(ITEMS);
    expect(gone.toSorted((a, b) => a - b)).toEqual(ITEMS);
  });

  test("of nobody is done at once", () => {
    expect(new DrainPlan([], 0, 5000, Math.random).isDone).toBe(true);
  });

  test("of one is done with the first look", () => {
    const plan = new DrainPlan(["a"], 0, 5000, Math.random);
    expect(plan.due(0)).toEqual(["a"]);
    expect(plan.isDone).toBe(true);
  });

  test("whose looks are late catches up", () => {
    const plan = new DrainPlan(ITEMS, 0, 5000, Math.random);
    expect(plan.due(60_000).length).toBe(1000);
  });
});
