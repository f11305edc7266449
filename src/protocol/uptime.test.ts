import { expect, test } from "bun:test";
import { formatUptime } from "./uptime.ts";

test.each([
  [0, "0s"],
  [59.9, "59s"],
  [60, "1m0s"],
  [862, "14m22s"],
  [3600, "1h0m0s"],
  [12_125, "3h22m5s"],
  [93_780, "26h3m0s"],
  [-5, "0s"],
])("%p seconds are %p", (seconds, text) => {
  expect(formatUptime(seconds)).toBe(text);
});
