import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type DurationFault, parseGoDuration } from "./go-duration.ts";

const HOUR = 3_600_000;

const good: readonly (readonly [string, number])[] = [
  ["0", 0],
  ["+0", 0],
  ["-0", 0],
  ["0s", 0],
  ["-0s", 0],
  ["5s", 5_000],
  ["30s", 30_000],
  ["1478s", 1_478_000],
  ["-5s", -5_000],
  ["+5s", 5_000],
  ["5.0s", 5_000],
  ["5.6s", 5_600],
  ["5.s", 5_000],
  [".5s", 500],
  ["1.0s", 1_000],
  ["1.004s", 1_004],
  ["1.0040s", 1_004],
  ["100.00100s", 100_001],
  ["10ns", 0.00001],
  ["11us", 0.011],
  ["12\u00b5s", 0.012],
  ["12\u03bcs", 0.012],
  ["13ms", 13],
  ["14s", 14_000],
  ["15m", 900_000],
  ["16h", 16 * HOUR],
  ["24h", 24 * HOUR],
  ["90m", 90 * 60_000],
  ["1h30m", 1.5 * HOUR],
  ["1.5h", 1.5 * HOUR],
  ["3h30m", 3.5 * HOUR],
  ["10.5s4m", 250_500],
  ["-2m3.4s", -123_400],
  ["1h2m3s4ms5us6ns", HOUR + 123_004.005006],
  ["39h9m14.425s", 39 * HOUR + 9 * 60_000 + 14_425],
  ["0.3333333333333333333h", 1_200_000 - 0.000001],
  ["2562047h47m16.854775807s", 9223372036854.775],
  ["-2562047h47m16.854775808s", -9223372036854.775],
];

const bad: readonly (readonly [string, DurationFault])[] = [
  ["", "empty"],
  ["3", "missing_unit"],
  ["24", "missing_unit"],
  ["1h30", "missing_unit"],
  ["-", "malformed"],
  ["+", "malformed"],
  ["s", "malformed"],
  [".", "malformed"],
  [".s", "malformed"],
  ["-.", "malformed"],
  ["+.s", "malformed"],
  ["--5s", "malformed"],
  ["1d", "unknown_unit"],
  ["24 h", "unknown_unit"],
  ["24h ", "unknown_unit"],
  ["24H", "unknown_unit"],
  ["1e3s", "unknown_unit"],
  ["1h-5m", "unknown_unit"],
  ["1,5h", "unknown_unit"],
  [" 24h", "malformed"],
  ["\n", "malformed"],
  ["9223372036854775808ns", "out_of_range"],
  ["3000000h", "out_of_range"],
];

describe("a Go duration", () => {
  test.each(good)("%p is read", (text, ms) => {
    expect(parseGoDuration(text)).toEqual({ ok: true, ms });
  });

  test.each(bad)("%p is refused", (text, fault) => {
    expect(parseGoDuration(text)).toEqual({ ok: false, fault });
  });

  test("of a million digits is refused without being worked out", () => {
    expect(parseGoDuration(`${"9".repeat(1_000_000)}s`)).toEqual({
      ok: false,
      fault: "out_of_range",
    });
  });

  test("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+.0-9hmsnuµ]{0,12}$/)), (text) => {
        const result = parseGoDuration(text);
        expect(result.ok ? Number.isFinite(result.ms) : result.fault.length > 0).toBe(true);
      }),
    );
  });

  test("is the sum of its parts, in any order, and a sign turns it", () => {
    const part = fc.tuple(
      fc.nat(9_999),
      fc.constantFrom<[string, number]>(["h", HOUR], ["m", 60_000], ["s", 1_000], ["ms", 1]),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const text = parts.map(([count, [unit]]) => `${count}${unit}`).join("");
        const ms = parts.reduce((sum, [count, [, size]]) => sum + count * size, 0);
        expect(parseGoDuration(text)).toEqual({ ok: true, ms });
        expect(parseGoDuration(`-${text}`)).toEqual({ ok: true, ms: ms === 0 ? 0 : -ms });
      }),
    );
  });

  test("with a fraction is the whole number of a smaller unit", () => {
    fc.assert(
      fc.property(fc.nat(99_999), fc.nat(999), (seconds, thousandths) => {
        const text = `${seconds}.${String(thousandths).padStart(3, "0")}s`;
        expect(parseGoDuration(text)).toEqual(parseGoDuration(`${seconds * 1000 + thousandths}ms`));
      }),
    );
  });
});
