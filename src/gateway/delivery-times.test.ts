import { describe, expect, test } from "bun:test";
import { DeliveryTimes } from "./delivery-times.ts";
import { Progress } from "./progress.ts";

describe("deliveries to two threads", () => {
  test("are counted from 1, with the time of the latest", () => {
    const times = new DeliveryTimes([new Progress(), new Progress()]);
    expect([times.latest, times.handed]).toEqual([0, 0]);
    times.posted(10);
    times.posted(20);
    expect([times.latest, times.latestAt, times.handed]).toEqual([2, 20, 0]);
  });

  test("are handed over when both have done so", () => {
    const [one, other] = [new Progress(), new Progress()];
    const times = new DeliveryTimes([one, other]);
    times.posted(10);
    times.posted(10);
    one.add(5, 11);
    one.add(5, 12);
    expect(times.handed).toBe(0);
    expect(times.handedAt(1)).toBeUndefined();
    other.add(5, 15);
    expect(times.handed).toBe(1);
    expect(times.handedAt(1)).toBe(15);
    expect(times.handedAt(2)).toBeUndefined();
    other.add(5, 11.5);
    expect(times.handed).toBe(2);
    expect(times.handedAt(2)).toBe(12);
  });
});
