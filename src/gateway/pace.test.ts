import { expect, test } from "bun:test";
import { Pace } from "./pace.ts";

test("is unknown at first", () => {
  expect(new Pace().within(1000)).toEqual({ events: 0, units: 0 });
  expect(new Pace().lagMs(1000)).toBe(0);
});

test("is what was ahead of a mark by the time it took", () => {
  const pace = new Pace();
  expect(pace.sent(1000, { events: 300, units: 600_000 })).toBe(true);
  pace.reached(1030);
  expect(pace.within(500)).toEqual({ events: 5000, units: 10_000_000 });
  expect(pace.lagMs(2000)).toBe(30);
});

test("moves half way to what is measured anew", () => {
  const pace = new Pace();
  pace.sent(0, { events: 200, units: 0 });
  pace.reached(10);
  pace.sent(20, { events: 200, units: 0 });
  pace.reached(60);
  expect(pace.within(1).events).toBe(12.5);
});

test("is not measured behind next to nothing, the lag is", () => {
  const pace = new Pace();
  pace.sent(0, { events: 3, units: 1000 });
  pace.reached(50);
  expect(pace.within(1000)).toEqual({ events: 0, units: 0 });
  expect(pace.lagMs(60)).toBe(50);
});

test("one mark at a time; the lag grows while it is on its way", () => {
  const pace = new Pace();
  expect(pace.sent(0, { events: 0, units: 0 })).toBe(true);
  expect(pace.sent(1, { events: 0, units: 0 })).toBe(false);
  expect(pace.lagMs(700)).toBe(700);
  expect(pace.reached(800)).toBe(800);
  expect(pace.reached(900)).toBeUndefined();
  expect(pace.lagMs(1000)).toBe(800);
});

test("it is time for a mark after many events, or large ones, unless one is on its way", () => {
  const pace = new Pace();
  const times = Array.from({ length: 600 }, () => pace.count(10));
  expect(times.indexOf(true)).toBe(255);
  pace.sent(0, { events: 600, units: 6000 });
  expect(pace.count(1_000_000)).toBe(false);
  pace.reached(1);
  expect(pace.count(1)).toBe(true);
  pace.sent(2, { events: 2, units: 2 });
  pace.reached(3);
  expect(pace.count(1)).toBe(false);
  expect(pace.count(131_072)).toBe(true);
});
