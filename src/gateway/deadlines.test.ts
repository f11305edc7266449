import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Deadlines } from "./deadlines.ts";

/** What is handed out at a second, in order. */
function dueAt<Item>(deadlines: Deadlines<Item>, second: number): Item[] {
  const items: Item[] = [];
  deadlines.due(second, (item) => items.push(item));
  return items;
}

/** 2026, as a clock without a battery sees it when it is set from 1970. */
const DECADES = 1_790_000_000;

describe("deadlines", () => {
  test("hand out an item at its second, not before and only once", () => {
    const deadlines = new Deadlines<string>(100);
    expect(deadlines.set("a", 103)).toBe(103);
    expect(dueAt(deadlines, 101)).toEqual([]);
    expect(dueAt(deadlines, 102)).toEqual([]);
    expect(dueAt(deadlines, 103)).toEqual(["a"]);
    expect(dueAt(deadlines, 104)).toEqual([]);
  });

  test("hand out nothing twice within a second", () => {
    const deadlines = new Deadlines<string>(100);
    deadlines.set("a", 101);
    expect(dueAt(deadlines, 101)).toEqual(["a"]);
    expect(dueAt(deadlines, 101)).toEqual([]);
  });

  test("hand out what seconds without a look have left behind, earliest first", () => {
    const deadlines = new Deadlines<string>(100);
    deadlines.set("c", 107);
    deadlines.set("a", 102);
    deadlines.set("b", 105);
    deadlines.set("later", 109);
    expect(dueAt(deadlines, 108)).toEqual(["a", "b", "c"]);
    expect(dueAt(deadlines, 109)).toEqual(["later"]);
  });

  test("hand out items of one second in the order in which they were set", () => {
    const deadlines = new Deadlines<string>(100);
    for (const item of ["b", "a", "c"]) {
      deadlines.set(item, 101);
    }
    expect(dueAt(deadlines, 101)).toEqual(["b", "a", "c"]);
  });

  test("put an item for now or earlier down for the next second", () => {
    const deadlines = new Deadlines<string>(100);
    expect(deadlines.set("now", 100)).toBe(101);
    expect(deadlines.set("past", 7)).toBe(101);
    expect(deadlines.set("long past", Number.NEGATIVE_INFINITY)).toBe(101);
    expect(dueAt(deadlines, 100)).toEqual([]);
    expect(dueAt(deadlines, 101)).toEqual(["now", "past", "long past"]);
  });

  test("take back an item that is cleared, and leave its neighbours", () => {
    const deadlines = new Deadlines<string>(100);
    deadlines.set("a", 101);
    deadlines.set("b", 101);
    deadlines.clear("a", 101);
    expect(dueAt(deadlines, 101)).toEqual(["b"]);
  });

  test("ignore the clearing of an unknown item or at a wrong second", () => {
    const deadlines = new Deadlines<string>(100);
    deadlines.set("a", 102);
    deadlines.clear("a", 101);
    deadlines.clear("b", 102);
    deadlines.clear("a", -1);
    expect(dueAt(deadlines, 102)).toEqual(["a"]);
    deadlines.clear("a", 102);
  });

  test("move an item that is cleared and set again", () => {
    const deadlines = new Deadlines<string>(100);
    deadlines.clear("a", deadlines.set("a", 101));
    deadlines.set("a", 102);
    expect(dueAt(deadlines, 101)).toEqual([]);
    expect(dueAt(deadlines, 102)).toEqual(["a"]);
  });

  test("put what is set during a visit down for a later second, even if it is late", () => {
    const deadlines = new Deadlines<string>(100);
    deadlines.set("a", 101);
    deadlines.due(101, (item) => {
      expect(deadlines.set(item, 101)).toBe(102);
    });
    expect(dueAt(deadlines, 102)).toEqual(["a"]);
  });

  test("hand out once what is set during a visit that catches up", () => {
    const deadlines = new Deadlines<string>(100);
    deadlines.set("a", 101);
    const visited: string[] = [];
    deadlines.due(110, (item) => {
      visited.push(item);
      expect(deadlines.set(item, 105)).toBe(111);
    });
    expect(visited).toEqual(["a"]);
    expect(dueAt(deadlines, 111)).toEqual(["a"]);
  });

  test.each([
    ["of the same second", 101],
    ["of a later second", 102],
  ])("do not hand out an item %s that another's visit has cleared", (_what, second) => {
    const deadlines = new Deadlines<string>(100);
    deadlines.set("a", 101);
    deadlines.set("b", second);
    const visited: string[] = [];
    deadlines.due(102, (item) => {
      visited.push(item);
      deadlines.clear("b", second);
    });
    expect(visited).toEqual(["a"]);
  });

  test("take a clock that leaps forward by decades, hundreds of times, without counting seconds", () => {
    const deadlines = new Deadlines<number>(10);
    // Looking at every second leapt over would take minutes.
    for (let leap = 1; leap <= 300; leap += 1) {
      const start = 10 + (leap - 1) * DECADES;
      deadlines.set(3, start + 30);
      deadlines.set(1, start + 10);
      deadlines.set(2, start + 20);
      expect(dueAt(deadlines, start + DECADES)).toEqual([1, 2, 3]);
    }
  });

  test("keep what lies beyond the leap", () => {
    const deadlines = new Deadlines<string>(10);
    deadlines.set("beyond", DECADES + 1);
    deadlines.set("within", 20);
    expect(dueAt(deadlines, DECADES)).toEqual(["within"]);
    expect(dueAt(deadlines, DECADES + 1)).toEqual(["beyond"]);
  });

  test("go on from a clock that is set back: nothing comes twice, nothing is lost", () => {
    const deadlines = new Deadlines<string>(1000);
    deadlines.set("before", 1001);
    deadlines.set("after", 1002);
    expect(dueAt(deadlines, 1001)).toEqual(["before"]);
    expect(dueAt(deadlines, 500)).toEqual([]);
    expect(deadlines.set("new", 502)).toBe(502);
    expect(dueAt(deadlines, 501)).toEqual([]);
    expect(dueAt(deadlines, 502)).toEqual(["new"]);
    expect(dueAt(deadlines, 1001)).toEqual([]);
    expect(dueAt(deadlines, 1002)).toEqual(["after"]);
  });

  test("hand out each of very many items exactly at its second", () => {
    const deadlines = new Deadlines<number>(0);
    for (let item = 0; item < 100_000; item += 1) {
      deadlines.set(item, 1 + (item % 60));
    }
    for (let second = 1; second <= 60; second += 1) {
      const items = dueAt(deadlines, second);
      expect(items.length).toBe(Math.floor((100_000 - second) / 60) + 1);
      expect(items.every((item) => 1 + (item % 60) === second)).toBe(true);
    }
  });

  test("take an expiry as far away as a number can say", () => {
    const deadlines = new Deadlines<string>(DECADES);
    expect(deadlines.set("a", Number.MAX_SAFE_INTEGER + 1)).toBe(Number.MAX_SAFE_INTEGER + 1);
    expect(dueAt(deadlines, 2 * DECADES)).toEqual([]);
  });

  test("agree with a list that is searched from end to end", () => {
    const second = fc.integer({ min: 0, max: 40 });
    const step = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), second }),
      fc.record({ kind: fc.constant("clear" as const), index: fc.nat(30) }),
      fc.record({ kind: fc.constant("due" as const), second }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const deadlines = new Deadlines<number>(10);
        let waiting: { item: number; due: number }[] = [];
        let now = 10;
        for (const [item, at] of steps.entries()) {
          if (at.kind === "set") {
            const due = deadlines.set(item, at.second);
            expect(due).toBe(Math.max(at.second, now + 1));
            waiting.push({ item, due });
          } else if (at.kind === "clear") {
            const [taken] = waiting.splice(at.index, 1);
            if (taken !== undefined) {
              deadlines.clear(taken.item, taken.due);
            }
          } else {
            now = at.second;
            const ripe = waiting.filter(({ due }) => due <= now).sort((a, b) => a.due - b.due);
            expect(dueAt(deadlines, now)).toEqual(ripe.map(({ item: ripeItem }) => ripeItem));
            waiting = waiting.filter(({ due }) => due > now);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
