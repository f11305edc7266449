import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Sequences } from "./sequences.ts";

/** Origins that are remembered (as the source says). */
const MAX_ORIGINS = 1024;

describe("the counts of an origin", () => {
  test("are next in order, repeated when seen, a gap when some are left out", () => {
    const sequences = new Sequences(() => 0);
    expect(sequences.see("a", 1)).toBe("next");
    expect(sequences.see("a", 2)).toBe("next");
    expect(sequences.see("a", 2)).toBe("repeated");
    expect(sequences.see("a", 1)).toBe("repeated");
    expect(sequences.see("a", 4)).toBe("gap");
    expect(sequences.see("a", 3)).toBe("repeated");
    expect(sequences.see("a", 5)).toBe("next");
  });

  test("may begin anywhere: what was before a worker came is not missing", () => {
    const sequences = new Sequences(() => 0);
    expect(sequences.isGap("a", 500)).toBe(false);
    expect(sequences.see("a", 500)).toBe("next");
    expect(sequences.see("a", 499)).toBe("repeated");
  });

  test("are each origin's own", () => {
    const sequences = new Sequences(() => 0);
    expect(sequences.see("a", 7)).toBe("next");
    expect(sequences.see("b", 1)).toBe("next");
    expect(sequences.see("a", 8)).toBe("next");
    expect(sequences.see("b", 3)).toBe("gap");
  });

  test("are looked at for a gap without being remembered", () => {
    const sequences = new Sequences(() => 0);
    sequences.see("a", 1);
    expect(sequences.isGap("a", 3)).toBe(true);
    expect(sequences.isGap("a", 3)).toBe(true);
    expect(sequences.isGap("a", 2)).toBe(false);
    expect(sequences.isGap("a", 1)).toBe(false);
    expect(sequences.see("a", 2)).toBe("next");
  });

  test("may be as large as counts get", () => {
    const sequences = new Sequences(() => 0);
    sequences.see("a", Number.MAX_SAFE_INTEGER - 1);
    expect(sequences.see("a", Number.MAX_SAFE_INTEGER)).toBe("next");
    expect(sequences.see("a", 1)).toBe("repeated");
  });

  test("are delivered at most once and in order, however they are shuffled and repeated", () => {
    const stream = fc.array(
      fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 1, max: 30 })),
    );
    fc.assert(
      fc.property(stream, (seen) => {
        const sequences = new Sequences(() => 0);
        const last = new Map<string, number>();
        for (const [origin, seq] of seen) {
          const before = last.get(origin);
          const isGap = sequences.isGap(origin, seq);
          const sequence = sequences.see(origin, seq);
          if (before !== undefined && seq <= before) {
            expect([sequence, isGap]).toEqual(["repeated", false]);
            continue;
          }
          const isNext = before === undefined || seq === before + 1;
          expect([sequence, isGap]).toEqual([isNext ? "next" : "gap", !isNext]);
          last.set(origin, seq);
        }
      }),
    );
  });
});

describe("invented origins", () => {
  test("take nothing from those that are known, however many there are", () => {
    const sequences = new Sequences(() => 0);
    sequences.see("silent", 5);
    sequences.begin("alive");
    for (let seq = 1; seq <= 20_000; seq += 1) {
      sequences.see(`invented-${seq}`, 1);
      if (seq % 1000 === 0) {
        expect(sequences.see("alive", seq / 1000)).toBe("next");
      }
    }
    expect(sequences.see("silent", 5)).toBe("repeated");
  });

  test("leave no room for newcomers, until they have been silent for ten minutes", () => {
    let now = 0;
    const sequences = new Sequences(() => now);
    for (let origin = 1; origin <= MAX_ORIGINS; origin += 1) {
      sequences.see(`invented-${origin}`, 1);
    }
    expect(sequences.see("newcomer", 1)).toBe("untold");
    expect(sequences.see("newcomer", 1)).toBe("untold");
    expect(sequences.isGap("newcomer", 9)).toBe(false);
    now = 600_000 - 1;
    expect(sequences.see("newcomer", 1)).toBe("untold");
    now = 600_000;
    expect(sequences.see("newcomer", 1)).toBe("next");
    expect(sequences.see("newcomer", 1)).toBe("repeated");
  });

  test("that only repeat themselves keep nobody out", () => {
    let now = 0;
    const sequences = new Sequences(() => now);
    for (let origin = 1; origin <= MAX_ORIGINS; origin += 1) {
      sequences.see(`invented-${origin}`, 1);
    }
    now = 600_000;
    // A repetition is no sign of life.
    sequences.see("invented-1", 1);
    expect(sequences.see("newcomer", 1)).toBe("next");
  });
});

describe("what an origin says that it has sent", () => {
  test("is more than has been seen, or not", () => {
    const sequences = new Sequences(() => 0);
    expect(sequences.isBehind("a", 5)).toBe(false);
    sequences.see("a", 4);
    expect(sequences.isBehind("a", 4)).toBe(false);
    expect(sequences.isBehind("a", 5)).toBe(true);
    expect(sequences.see("a", 5)).toBe("next");
  });

  test("is nothing at its beginning, from which on it is followed", () => {
    const sequences = new Sequences(() => 0);
    sequences.begin("a");
    expect(sequences.isBehind("a", 1)).toBe(true);
    expect(sequences.see("a", 1)).toBe("next");
    sequences.begin("a");
    expect(sequences.see("a", 1)).toBe("repeated");
  });

  test("has been seen, or not", () => {
    const sequences = new Sequences(() => 0);
    expect(sequences.hasAll("a", 1)).toBe(false);
    sequences.see("a", 4);
    expect([3, 4, 5].map((seq) => sequences.hasAll("a", seq))).toEqual([true, true, false]);
  });
});
