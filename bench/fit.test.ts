import { describe, expect, test } from "bun:test";
import { leastSquares, slope } from "./fit.ts";

/** 9,000 µs a second, 300 an event, 6 a delivery. */
function cost(seconds: number, events: number, deliveries: number) {
  const value = 9_000 * seconds + 300 * events + 6 * deliveries;
  return { terms: [seconds, events, deliveries], value, error: 0.03 * value };
}

describe("least squares", () => {
  test("finds what the values were made of, though columns differ by a million", () => {
    const { factors, worst } = leastSquares([
      cost(2, 0, 0),
      cost(2, 100, 1_000),
      cost(3, 15, 15_000),
      cost(3, 3, 3_000_000),
    ]);
    expect(factors[0]).toBeCloseTo(9_000, 3);
    expect(factors[1]).toBeCloseTo(300, 4);
    expect(factors[2]).toBeCloseTo(6, 6);
    expect(worst).toBeLessThan(1e-9);
  });

  test("tells how far the worst value is off, and believes the sure ones", () => {
    const { factors, worst } = leastSquares([
      { terms: [1], value: 100, error: 1 },
      { terms: [1], value: 100, error: 1 },
      { terms: [1], value: 200, error: 19 },
      { terms: [1], value: 0, error: 1_000 },
    ]);
    expect(factors[0]).toBeCloseTo(100.14, 2);
    expect(worst).toBeCloseTo(0.499, 3);
  });

  test("refuses columns that always grow together", () => {
    const together = [1, 2, 3].map((n) => ({ terms: [n, 2 * n], value: n, error: 1 }));
    expect(() => leastSquares(together)).toThrow("do not tell causes apart");
  });
});

describe("slope", () => {
  test("is the line through the points", () => {
    const { base, each } = slope([
      { x: 0, y: 50_000_000 },
      { x: 10_000, y: 60_000_000 },
      { x: 20_000, y: 70_000_000 },
    ]);
    expect(base).toBeCloseTo(50_000_000, 0);
    expect(each).toBeCloseTo(1_000, 4);
  });

  test("refuses a single place", () => {
    expect(() => slope([{ x: 5, y: 1 }])).toThrow("do not tell causes apart");
  });
});
