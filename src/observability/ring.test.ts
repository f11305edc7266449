import { expect, test } from "bun:test";
import { Ring } from "./ring.ts";

test("a ring holds the last few, the latest first", () => {
  const ring = new Ring<number>(3);
  expect(ring.newestFirst()).toEqual([]);
  ring.push(1);
  ring.push(2);
  expect(ring.newestFirst()).toEqual([2, 1]);
  ring.push(3);
  expect(ring.newestFirst()).toEqual([3, 2, 1]);
  ring.push(4);
  ring.push(5);
  expect(ring.newestFirst()).toEqual([5, 4, 3]);
  expect(ring.size).toBe(3);
});

test("it tells which one leaves next, once it is full", () => {
  const ring = new Ring<string>(2);
  ring.push("a");
  expect(ring.leaving).toBeUndefined();
  ring.push("b");
  expect(ring.leaving).toBe("a");
  ring.push("c");
  expect(ring.leaving).toBe("b");
});
