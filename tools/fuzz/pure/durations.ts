import fc from "fast-check";
import { parseGoDuration } from "../../../src/config/go-duration.ts";
import { formatUptime } from "../../../src/protocol/uptime.ts";
import { must, mustEqual } from "../check.ts";
import { mutated } from "../generate/mutation.ts";
import { repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

type Case =
  | { readonly kind: "sum"; readonly sign: string; readonly parts: readonly Part[] }
  | { readonly kind: "uptime"; readonly seconds: number }
  | { readonly kind: "any"; readonly text: string };

interface Part {
  readonly whole: string;
  readonly fraction: string | null;
  readonly unit: string;
}

const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  "\u00b5s": 1e3,
  "\u03bcs": 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

/** Go's own bound: an int64 of nanoseconds, in milliseconds. */
const MAX_MS = 2 ** 63 / 1e6;

const digits = (maxLength: number, minLength = 0) =>
  fc.string({ unit: fc.constantFrom(..."0123456789"), minLength, maxLength });

const part: fc.Arbitrary<Part> = fc
  .record({
    whole: digits(6),
    fraction: fc.option(digits(6)),
    unit: fc.constantFrom(...Object.keys(UNIT_NS)),
  })
  .filter(({ whole, fraction }) => whole !== "" || (fraction ?? "") !== "");

const parts = fc.array(part, { minLength: 1, maxLength: 4 });

function written(all: readonly Part[]): string {
  return all
    .map(({ whole, fraction, unit }) => whole + (fraction === null ? "" : `.${fraction}`) + unit)
    .join("");
}

const cases: fc.Arbitrary<Case> = seldom<Case>(
  fc.oneof(
    fc.record({
      kind: fc.constant("sum" as const),
      sign: fc.constantFrom("", "", "+", "-"),
      parts,
    }),
    fc.record({ kind: fc.constant("uptime" as const), seconds: fc.nat() }),
    fc
      .oneof(mutated(parts.map(written)), wildText(), digits(140))
      .map((text) => ({ kind: "any" as const, text })),
  ),
  500,
  repeatedText(fc.constantFrom("1h", "0", "1.", ".", "9", "h"), 0x2_0000).map((text) => ({
    kind: "any" as const,
    text,
  })),
);

function check(input: Case): void {
  switch (input.kind) {
    case "sum": {
      const result = parseGoDuration(input.sign + written(input.parts));
      must(result.ok, "a duration is refused");
      let expected = 0;
      for (const { whole, fraction, unit } of input.parts) {
        expected += (Number(`${whole || 0}.${fraction || 0}`) * (UNIT_NS[unit] ?? 0)) / 1e6;
      }
      const actual = input.sign === "-" ? -result.ms : result.ms;
      // Go drops what is less than a nanosecond, of each part.
      const slack = input.parts.length * 1e-6 + expected * 1e-12;
      must(
        Math.abs(actual - expected) <= slack,
        () => `a duration of ${actual} ms, not ${expected}`,
      );
      return;
    }
    case "uptime": {
      const result = parseGoDuration(formatUptime(input.seconds));
      mustEqual(result, { ok: true, ms: input.seconds * 1000 }, "an uptime, read again");
      return;
    }
    case "any": {
      const result = parseGoDuration(input.text);
      must(
        !result.ok || (Number.isFinite(result.ms) && Math.abs(result.ms) <= MAX_MS),
        "a duration without end",
      );
    }
  }
}

/** `parseGoDuration` and `formatUptime`: sums come out right, and each reads the other. */
export const durations = pureTarget<Case>({
  name: "durations",
  weight: 2,
  cases,
  check,
  size: (input) => (input.kind === "any" ? input.text.length : 0),
});
