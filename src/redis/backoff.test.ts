import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { backoffMs } from "./backoff.ts";

describe("the pause before an attempt", () => {
  const LONGEST: readonly [failures: number, ms: number][] = [
    [0, 100],
    [1, 200],
    [2, 400],
    [3, 800],
    [4, 1600],
    [5, 3200],
    [6, 5000],
    [7, 5000],
    [1000, 5000],
    [100_000, 5000],
  ];
  for (const [failures, ms] of LONGEST) {
    test(`is at most ${ms} ms after ${failures} failures, and half of it at least`, () => {
      expect(backoffMs(failures, 0)).toBe(ms);
      expect(backoffMs(failures, 0.5)).toBe(ms * 0.75);
      expect(backoffMs(failures, 1)).toBe(ms / 2);
    });
  }

  test("is a whole number from 50 ms to 5 s, whatever chance says", () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, random) => {
          const pause = backoffMs(failures, random);
          expect(Number.isInteger(pause)).toBe(true);
          expect(pause).toBeGreaterThanOrEqual(50);
          expect(pause).toBeLessThanOrEqual(5000);
        },
      ),
    );
  });
});
