/** Why a text is no Go duration. */
export type DurationFault =
  | "empty"
  | "malformed"
  | "missing_unit"
  | "unknown_unit"
  /** More than Go's int64 nanoseconds hold (some 292 years), or more digits than anybody means. */
  | "out_of_range";

export type DurationResult =
  /** Milliseconds; a fraction when the text says less than a whole one. */
  | { readonly ok: true; readonly ms: number }
  | { readonly ok: false; readonly fault: DurationFault };

const NANOSECONDS_PER_MS = 1_000_000;

/** Nanoseconds in each unit. Go takes the micro sign (U+00B5) and the Greek letter mu (U+03BC). */
const UNIT_NANOSECONDS: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["\u00b5s", 1_000n],
  ["\u03bcs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);

/** Go keeps a duration in an int64; the negative end reaches one further. */
const MAX_NANOSECONDS = 2n ** 63n - 1n;

/** Far longer than any duration in use; keeps the arithmetic below on small numbers. */
const MAX_TEXT_LENGTH = 128;

/** One `1.5h` of a sum: whole digits, fraction digits, unit. At least one digit and any unit. */
const PART = /(\d*)(?:\.(\d*))?([^\d.]*)/y;

/**
 * Reads a duration as Go's `time.ParseDuration` does: a sum of decimal numbers, each with a unit
 * (`24h`, `1h30m`, `1.5h`, `300ms`), after an optional sign; a bare `0` needs no unit.
 */
export function parseGoDuration(text: string): DurationResult {
  if (text === "") {
    return failure("empty");
  }
  if (text.length > MAX_TEXT_LENGTH) {
    return failure("out_of_range");
  }
  const negative = text.startsWith("-");
  const unsigned = negative || text.startsWith("+") ? text.slice(1) : text;
  if (unsigned === "0") {
    return { ok: true, ms: 0 };
  }
  if (unsigned === "") {
    return failure("malformed");
  }
  let total = 0n;
  for (let at = 0; at < unsigned.length; ) {
    PART.lastIndex = at;
    const [part = "", whole = "", fraction = "", unit = ""] = PART.exec(unsigned) ?? [];
    if (whole === "" && fraction === "") {
      return failure("malformed");
    }
    if (unit === "") {
      return failure("missing_unit");
    }
    const scale = UNIT_NANOSECONDS.get(unit);
    if (scale === undefined) {
      return failure("unknown_unit");
    }
    total += BigInt(whole || "0") * scale;
    total += (BigInt(fraction || "0") * scale) / 10n ** BigInt(fraction.length);
    at += part.length;
  }
  if (total > MAX_NANOSECONDS + (negative ? 1n : 0n)) {
    return failure("out_of_range");
  }
  const ms = Number(total) / NANOSECONDS_PER_MS;
  return { ok: true, ms: negative && ms !== 0 ? -ms : ms };
}

function failure(fault: DurationFault): DurationResult {
  return { ok: false, fault };
}
