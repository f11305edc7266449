import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { LogWindow } from "./log-window.ts";

/** The bounds of the log (as the source says). */
const MAX_EVENTS = 10_000;
const MAX_UNITS = 64 * 1024 * 1024;

const MEBI = 1024 * 1024;

/** A window that has seen events of these lengths. */
function windowOf(lengths: readonly number[]): LogWindow {
  const window = new LogWindow();
  for (const length of lengths) {
    window.add(length);
  }
  return window;
}

/** How many of the last lengths stay within the bound in units, in the plainest way. */
function expectedLimit(lengths: readonly number[]): number {
  const last = lengths.slice(-MAX_EVENTS);
  if (last.reduce((sum, length) => sum + length, 0) <= MAX_UNITS) {
    return MAX_EVENTS;
  }
  let units = 0;
  let count = 0;
  for (const length of last.reverse()) {
    units += length;
    if (units > MAX_UNITS) {
      break;
    }
    count += 1;
  }
  return Math.max(count, 1);
}

describe("the catch-up log may hold", () => {
  test("its full count of events while they are small", () => {
    expect(windowOf([]).limit()).toBe(MAX_EVENTS);
    expect(windowOf([1000]).limit()).toBe(MAX_EVENTS);
    expect(windowOf(Array(3 * MAX_EVENTS).fill(6000)).limit()).toBe(MAX_EVENTS);
  });

  test("as many large ones as fit in 64 Mi, to the unit", () => {
    expect(windowOf(Array(64).fill(MEBI)).limit()).toBe(MAX_EVENTS);
    expect(windowOf([...Array(64).fill(MEBI), 1]).limit()).toBe(64);
    expect(windowOf([1, ...Array(64).fill(MEBI)]).limit()).toBe(64);
    expect(windowOf(Array(100).fill(MEBI)).limit()).toBe(64);
    expect(windowOf(Array(100).fill(2 * MEBI)).limit()).toBe(32);
  });

  test("one, even if that is too large by itself", () => {
    expect(windowOf([MAX_UNITS + 1]).limit()).toBe(1);
    expect(windowOf([10, MAX_UNITS + 1]).limit()).toBe(1);
  });

  test("its full count again when the large ones have left the window", () => {
    const window = windowOf(Array(100).fill(MEBI));
    const limits: number[] = [];
    for (let event = 0; event < MAX_EVENTS; event += 1) {
      window.add(100);
      limits.push(window.limit());
    }
    expect(limits[0]).toBe(64);
    expect(limits.at(-1)).toBe(MAX_EVENTS);
    // Never fewer with each event that is smaller than those before.
    expect(limits.every((limit, at) => limit >= (limits[at - 1] ?? 0))).toBe(true);
  });

  test("what a plain sum says, for any lengths", () => {
    const length = fc.oneof(
      fc.nat(2 * MEBI),
      fc.nat(1000),
      fc.integer({ min: MEBI, max: 40 * MEBI }),
    );
    fc.assert(
      fc.property(fc.array(length, { maxLength: 300 }), (lengths) => {
        expect(windowOf(lengths).limit()).toBe(expectedLimit(lengths));
      }),
    );
  });

  test("what a plain sum says, also when the window has gone round", () => {
    const lengths = Array.from({ length: 2.5 * MAX_EVENTS }, (_, at) => (at * 7919) % 30_011);
    expect(windowOf(lengths).limit()).toBe(expectedLimit(lengths));
  });
});
