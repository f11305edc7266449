import { expect, test } from "bun:test";
import { countsBetween, Progress, REMEMBERED } from "./progress.ts";

test("what one thread adds, the other sees, and when it was", () => {
  const theirs = new Progress();
  const ours = new Progress(theirs.buffer);
  theirs.add(10, 100.25);
  theirs.add(5, 200.5);
  expect([ours.events, ours.units]).toEqual([2, 15]);
  expect([1, 2].map((event) => ours.handedAt(event))).toEqual([100.25, 200.5]);
});

test("counts go on across their wrap", () => {
  const progress = new Progress();
  progress.add(0x7fff_fff0, 1);
  const before = progress.units;
  progress.add(0x20, 2);
  expect(countsBetween(before, progress.units)).toBe(0x20);
  expect(countsBetween(0xffff_fff0, 0x10)).toBe(0x20);
});

test("there is no time of what has not been handed over", () => {
  const progress = new Progress();
  expect(progress.handedAt(1)).toBeUndefined();
  progress.add(1, 10);
  expect(progress.handedAt(2)).toBeUndefined();
});

test("only the last times are remembered", () => {
  const progress = new Progress();
  const events = REMEMBERED + 5;
  for (let event = 1; event <= events; event += 1) {
    progress.add(1, event * 2);
  }
  const oldest = events - REMEMBERED + 2;
  expect(progress.handedAt(events)).toBe(events * 2);
  expect(progress.handedAt(oldest)).toBe(oldest * 2);
  // Its place is the next to be written over.
  expect(progress.handedAt(oldest - 1)).toBeUndefined();
  expect(progress.handedAt(1)).toBeUndefined();
});
