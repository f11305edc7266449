import type { Unit } from "./report/types.ts";

/** Decimal megabytes, as in "100 MB = 100,000,000 bytes". */
const BYTES_PER_MB = 1_000_000;
/** Three digits that count are as many as repeated runs agree on. */
const SIGNIFICANT = 3;

/** A number with separators; `digits` behind the point. */
export function number(value: number, digits = 0): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function significant(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: SIGNIFICANT });
}

/** A value of a measure with its unit. */
export function quantity(value: number, unit: Unit): string {
  switch (unit) {
    case "per-second":
      return `${significant(value)}/s`;
    case "bytes-per-second":
      return `${number(value / BYTES_PER_MB)} MB/s`;
    case "microseconds":
      return `${number(value, 2)} µs`;
    case "milliseconds":
      return `${number(value, value < 100 ? 2 : 0)} ms`;
    case "bytes":
      return `${number(value / BYTES_PER_MB, 1)} MB`;
    case "count":
      return number(value);
  }
}

/** The least and the greatest of some samples. */
export function range(values: readonly number[], unit: Unit): string {
  const least = quantity(Math.min(...values), unit);
  const most = quantity(Math.max(...values), unit);
  return least === most ? least : `${least} to ${most}`;
}
