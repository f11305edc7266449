import { expect, test } from "bun:test";
import { p99 } from "./stats.ts";

test("p99 is a value that was measured, in whatever order they come", () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);
  expect(p99(values)).toBe(198);
  expect(p99([3, 1, 2])).toBe(3);
  expect(p99([])).toBeNaN();
});
