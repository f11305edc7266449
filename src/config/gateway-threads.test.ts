import { expect, test } from "bun:test";
import { resolveGatewayThreads } from "./gateway-threads.ts";

test.each<["auto" | number, number, number]>([
  ["auto", 1, 1],
  ["auto", 2, 1],
  ["auto", 4, 3],
  ["auto", 9, 8],
  ["auto", 128, 8],
  ["auto", 0, 1],
  [1, 128, 1],
  [64, 1, 64],
])("%p on %d cores is %d", (setting, cores, threads) => {
  expect(resolveGatewayThreads(setting, cores)).toBe(threads);
});
