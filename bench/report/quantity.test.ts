import { describe, expect, test } from "bun:test";
import { cores, quantity, range, times } from "./quantity.ts";
import type { Unit } from "./types.ts";

describe("a quantity", () => {
  test.each<[number, Unit, string]>([
    [2_130_400, "per-second", "2.13 M/s"],
    [164_000, "per-second", "164 k/s"],
    [9_900, "per-second", "9,900/s"],
    [0, "per-second", "0/s"],
    [6.3, "microseconds", "6.30 µs"],
    [0.0421, "microseconds", "42.1 ns"],
    [152_000, "microseconds", "152 ms"],
    [0.412, "milliseconds", "0.412 ms"],
    [0.042, "milliseconds", "42.0 µs"],
    [2_800, "milliseconds", "2,800 ms"],
    [12_345, "milliseconds", "12.3 s"],
    [0, "milliseconds", "0 ms"],
    [42_100_000, "bytes", "42.1 MB"],
    [4_242, "bytes", "4,242 B"],
    [1_500_000_000, "bytes-per-second", "1.50 GB/s"],
    [18_432, "count", "18,432"],
    [0.5, "count", "0.500"],
    [-0.2, "milliseconds", "-0.200 ms"],
  ])("of %d %s is %s", (value, unit, text) => {
    expect(quantity(value, unit)).toBe(text);
  });

  test("may be a range, in one unit", () => {
    expect(range(990_000, 2_200_000, "per-second")).toBe("0.990–2.20 M/s");
    expect(range(5, 5, "count")).toBe("5");
  });
});

test("a ratio has as many digits as it is worth", () => {
  expect([0, 0.0213, 0.123, 1.149, 12.34, 123.4, undefined].map(times)).toEqual([
    "0.00 ×",
    "0.021 ×",
    "0.12 ×",
    "1.15 ×",
    "12.3 ×",
    "123 ×",
    "-",
  ]);
});

test("parts of a core have two digits, or were not looked at", () => {
  expect([0.987, undefined].map(cores)).toEqual(["0.99", "-"]);
});
