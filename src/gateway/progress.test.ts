import { expect, test } from "bun:test";
import { countsBetween, Progress } from "./progress.ts";

test("what one thread adds, the other sees", () => {
  const theirs = new Progress();
  const ours = new Progress(theirs.buffer);
  theirs.add(10);
  theirs.add(5);
  expect([ours.events, ours.units]).toEqual([2, 15]);
});

test("counts go on across their wrap", () => {
  const progress = new Progress();
  progress.add(0x7fff_fff0);
  const before = progress.units;
  progress.add(0x20);
  expect(countsBetween(before, progress.units)).toBe(0x20);
  expect(countsBetween(0xffff_fff0, 0x10)).toBe(0x20);
});
