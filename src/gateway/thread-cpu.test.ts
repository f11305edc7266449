import { expect, test } from "bun:test";
import { threadCpuSeconds } from "./thread-cpu.ts";

test("the time a thread computes is counted, and no other", async () => {
  const before = threadCpuSeconds() ?? Number.NaN;
  await Bun.sleep(50);
  const rested = threadCpuSeconds() ?? Number.NaN;
  const end = performance.now() + 100;
  while (performance.now() < end) {
    // Busy.
  }
  const worked = threadCpuSeconds() ?? Number.NaN;
  expect(worked - rested).toBeGreaterThan(rested - before);
  // Others use the machine too.
  expect(worked - rested).toBeWithin(0.01, 0.2);
});
