import { expect, test } from "bun:test";
import { plainDuration } from "./plain-duration.ts";

test.each([
  [-5, "0.0 s"],
  [0, "0.0 s"],
  [449, "0.4 s"],
  [999, "1.0 s"],
  [1000, "1 s"],
  [12_999, "12 s"],
  [60_000, "1 min"],
  [185_000, "3 min 5 s"],
  [3_600_000, "1 h"],
  [3_605_000, "1 h"],
  [3_725_000, "1 h 2 min"],
  [187_200_000, "2 d 4 h"],
])("%p ms are %p", (ms, text) => {
  expect(plainDuration(ms)).toBe(text);
});
