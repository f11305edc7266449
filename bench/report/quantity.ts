import { number } from "../format.ts";
import type { Unit } from "./types.ts";

/** As many digits as repeated runs agree on. */
const DIGITS = 3;

interface Scale {
  /** From this value on, in the base unit. */
  readonly from: number;
  /** What one of it is, in the base unit. */
  readonly one: number;
  readonly name: string;
  /** There are no parts of it. */
  readonly isWhole?: boolean;
}

const NANOSECONDS = "ns";
/** Greatest first; the last one takes all that is smaller. */
const SCALES: Readonly<Record<Unit, readonly Scale[]>> = {
  "per-second": [
    { from: 1e6, one: 1e6, name: "M/s" },
    { from: 1e4, one: 1e3, name: "k/s" },
    { from: 0, one: 1, name: "/s" },
  ],
  microseconds: [
    { from: 1e6, one: 1e6, name: "s" },
    { from: 1e3, one: 1e3, name: "ms" },
    { from: 0.1, one: 1, name: "µs" },
    { from: 0, one: 1e-3, name: NANOSECONDS },
  ],
  milliseconds: [
    { from: 1e4, one: 1e3, name: "s" },
    { from: 0.1, one: 1, name: "ms" },
    { from: 1e-4, one: 1e-3, name: "µs" },
    { from: 0, one: 1e-6, name: NANOSECONDS },
  ],
  bytes: [
    { from: 1e9, one: 1e9, name: "GB" },
    { from: 1e6, one: 1e6, name: "MB" },
    { from: 1e4, one: 1e3, name: "kB" },
    { from: 0, one: 1, name: "B", isWhole: true },
  ],
  "bytes-per-second": [
    { from: 1e9, one: 1e9, name: "GB/s" },
    { from: 1e6, one: 1e6, name: "MB/s" },
    { from: 1e3, one: 1e3, name: "kB/s" },
    { from: 0, one: 1, name: "B/s" },
  ],
  count: [{ from: 0, one: 1, name: "", isWhole: true }],
};

const WHOLE: Scale = { from: 0, one: 1, name: "" };

/** A second's fraction stays in its unit at 0: "0 ns" would say more than was measured. */
function scaleOf(value: number, unit: Unit): Scale {
  const scales = SCALES[unit];
  const size = Math.abs(value);
  const base = scales.find(({ one }) => one === 1) ?? WHOLE;
  return size === 0 ? base : (scales.find(({ from }) => size >= from) ?? base);
}

/** Whole things are told whole: 1,234 sockets are not some 1,230 sockets. */
function digits(value: number, isWhole: boolean): string {
  if (value === 0 || (Number.isInteger(value) && (isWhole || Math.abs(value) >= 1_000))) {
    return value.toLocaleString("en-US");
  }
  return value.toLocaleString("en-US", {
    minimumSignificantDigits: DIGITS,
    maximumSignificantDigits: DIGITS,
  });
}

function withUnit(text: string, name: string): string {
  if (name === "") return text;
  return name.startsWith("/") ? `${text}${name}` : `${text} ${name}`;
}

/** A value with its unit, three digits that count: "2.13 M/s", "0.412 ms". */
export function quantity(value: number, unit: Unit): string {
  const scale = scaleOf(value, unit);
  return withUnit(digits(value / scale.one, scale.isWhole ?? false), scale.name);
}

/** From the least to the greatest, in the unit of the greatest: "2.02–2.21 M/s". */
export function range(least: number, most: number, unit: Unit): string {
  const scale = scaleOf(most, unit);
  const from = digits(least / scale.one, scale.isWhole ?? false);
  const to = digits(most / scale.one, scale.isWhole ?? false);
  return withUnit(from === to ? to : `${from}–${to}`, scale.name);
}

/** Below it two digits behind the point would say too little. */
const SMALL = 0.1;

/** How many times: "12.3 ×"; "-" when there is nothing to divide by. */
export function times(value: number | undefined): string {
  if (value === undefined) return "-";
  const size = Math.abs(value);
  if (size !== 0 && size < SMALL) {
    return `${value.toLocaleString("en-US", { maximumSignificantDigits: 2 })} ×`;
  }
  if (size < 10) return `${number(value, 2)} ×`;
  return `${number(value, size < 100 ? 1 : 0)} ×`;
}

/** Parts of one core: "0.87"; "-" when nobody looked. */
export function cores(value: number | undefined): string {
  return value === undefined ? "-" : number(value, 2);
}
