import { describe, expect, test } from "bun:test";
import { EventSample } from "./event-sample.ts";

/** How many of so many events are told. */
function told(sample: EventSample<string>, kind: string, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => sample.take(kind)).filter((n) => n !== undefined);
}

describe("a sample of events", () => {
  test("tells of 20 a second, of each kind by itself", () => {
    const sample = new EventSample<string>();
    expect(told(sample, "a", 1000)).toEqual(Array(20).fill(0));
    expect(told(sample, "b", 5)).toEqual(Array(5).fill(0));
    sample.renew();
    expect(told(sample, "b", 1000).length).toBe(20);
  });

  test("says with the next one how many were left out before it", () => {
    const sample = new EventSample<string>();
    told(sample, "a", 20 + 7);
    sample.renew();
    expect(told(sample, "a", 3)).toEqual([7, 0, 0]);
  });

  test("forgets none that was left out while nothing is told", () => {
    const sample = new EventSample<string>();
    told(sample, "a", 120);
    sample.renew();
    sample.renew();
    expect(sample.take("a")).toBe(100);
  });
});
