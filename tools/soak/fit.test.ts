import { describe, expect, test } from "bun:test";
import { makeRandom } from "../chaos/random.ts";
import { blocks, fitLine, type Point } from "./fit.ts";

const SECONDS = 600;

function points(value: (at: number) => number): Point[] {
  return Array.from({ length: SECONDS }, (_, at) => ({ at, value: value(at) }));
}

/** Noise of this spread around 0, the sum of some draws. */
function noise(seed: number, spread: number): () => number {
  const random = makeRandom(seed, "noise");
  return () => {
    const draws = Array.from({ length: 12 }, () => random.next());
    return (draws.reduce((a, b) => a + b, 0) - 6) * spread;
  };
}

test("finds a line that is exact", () => {
  const fit = fitLine(points((at) => 80 + at / 100));
  expect(fit.perHour).toBeCloseTo(36);
  expect(fit.error).toBeCloseTo(0);
  expect(fit.start).toBeCloseTo(80);
  expect(fit.mean).toBeCloseTo(80 + (SECONDS - 1) / 200);
});

test("a constant has no slope", () => {
  const fit = fitLine(points(() => 42));
  expect(fit).toEqual({ perHour: 0, error: 0, start: 42, mean: 42 });
});

test("tells the error of the textbook", () => {
  // Anscombe's first set: slope 0.5001, its standard error 0.1179.
  const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
  const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
  const fit = fitLine(x.map((at, index) => ({ at, value: y[index] ?? 0 })));
  expect(fit.perHour / 3600).toBeCloseTo(0.5001, 4);
  expect(fit.error / 3600).toBeCloseTo(0.1179, 4);
  expect(fit.start).toBeCloseTo(3.0001, 4);
});

test("two points say nothing of their error", () => {
  expect(fitLine(points((at) => at).slice(0, 2)).error).toBe(Number.POSITIVE_INFINITY);
});

describe("with noise", () => {
  const SEEDS = Array.from({ length: 100 }, (_, index) => index + 1);

  test("no growth is within three errors", () => {
    const outside = SEEDS.filter((seed) => {
      const draw = noise(seed, 2);
      const { perHour, error } = fitLine(blocks(points(() => 80 + draw())));
      return Math.abs(perHour) > 3 * error;
    });
    // 1 of 130 by the t-distribution of 18 degrees of freedom.
    expect(outside.length).toBeLessThanOrEqual(3);
  });

  test("growth of a leak is outside of them", () => {
    // A KiB for each of 15 sessions a second, in MiB.
    const found = SEEDS.filter((seed) => {
      const draw = noise(seed, 2);
      const { perHour, error } = fitLine(blocks(points((at) => 80 + (at * 15) / 1024 + draw())));
      return perHour > 3 * error && perHour > 40 && perHour < 66;
    });
    expect(found.length).toBeGreaterThan(95);
  });
});

test("a saw tooth of a garbage collector is no growth", () => {
  const { perHour, error } = fitLine(blocks(points((at) => 80 + (at % 23))));
  expect(Math.abs(perHour)).toBeLessThan(3 * error);
});

test("blocks are medians of sections of time", () => {
  const found = blocks(
    points((at) => (at === 3 ? 1e6 : at)),
    3,
  );
  expect(found).toHaveLength(3);
  expect(found[0]?.at).toBe(99.5);
  expect(found[0]?.value).toBeCloseTo(100.5);
  expect(blocks([])).toEqual([]);
});
