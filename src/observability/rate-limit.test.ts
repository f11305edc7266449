import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type RateVerdict, rateLimit } from "./rate-limit.ts";

/** A limit of so many per second, asked at given times. */
function limitOf(burst: number): (at: number) => RateVerdict {
  let now = 0;
  const ask = rateLimit(burst, 1000, () => now);
  return (at) => {
    now = at;
    return ask();
  };
}

const PASS = { pass: true, skipped: 0 } as const;
const STOP = { pass: false } as const;

describe("a rate limit", () => {
  test("lets the first one through at any time", () => {
    expect(limitOf(1)(0)).toEqual(PASS);
    expect(limitOf(1)(5)).toEqual(PASS);
    expect(limitOf(1)(123_456.7)).toEqual(PASS);
  });

  test("lets a burst through and stops the rest of the interval", () => {
    const ask = limitOf(3);
    expect([0, 1, 2, 3, 999.9].map(ask)).toEqual([PASS, PASS, PASS, STOP, STOP]);
  });

  test("says with the next one let through how many were not", () => {
    const ask = limitOf(2);
    for (const at of [0, 0, 1, 2, 3]) {
      ask(at);
    }
    expect(ask(1000)).toEqual({ pass: true, skipped: 3 });
    expect(ask(1000)).toEqual(PASS);
    expect(ask(1000)).toEqual(STOP);
  });

  test("begins an interval with the first occurrence after the last one has ended", () => {
    const ask = limitOf(1);
    expect(ask(500)).toEqual(PASS);
    expect(ask(1499)).toEqual(STOP);
    expect(ask(1700)).toEqual({ pass: true, skipped: 1 });
    expect(ask(2500)).toEqual(STOP);
    expect(ask(2699)).toEqual(STOP);
    expect(ask(2700)).toEqual({ pass: true, skipped: 2 });
  });

  test("saves nothing up while nothing happens", () => {
    const ask = limitOf(1);
    ask(0);
    expect([60_000, 60_000, 60_001].map(ask)).toEqual([PASS, STOP, STOP]);
  });

  test("keeps count over intervals in which all are stopped", () => {
    const ask = limitOf(0);
    expect([0, 1000, 2000].map(ask)).toEqual([STOP, STOP, STOP]);
  });

  test("is one of its own, each with its own count", () => {
    const first = limitOf(1);
    const second = limitOf(1);
    expect([first(0), first(1), second(2), second(3)]).toEqual([PASS, STOP, PASS, STOP]);
  });

  test("accounts for every occurrence and lets at most a burst through per interval", () => {
    const gap = fc.oneof(fc.nat(20), fc.nat(3000));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(gap, { maxLength: 100, size: "max" }),
        (burst, gaps) => {
          const ask = limitOf(burst);
          const passedAt: number[] = [];
          let at = 0;
          let stopped = 0;
          for (const ms of gaps) {
            at += ms;
            const verdict = ask(at);
            if (verdict.pass) {
              expect(verdict.skipped).toBe(stopped);
              passedAt.push(at);
              stopped = 0;
            } else {
              stopped += 1;
            }
          }
          // Two intervals meet: never more than two bursts in the time of one.
          for (const [index, start] of passedAt.entries()) {
            const end = passedAt[index + 2 * burst] ?? Number.POSITIVE_INFINITY;
            expect(end - start).toBeGreaterThanOrEqual(1000);
          }
        },
      ),
    );
  });
});
