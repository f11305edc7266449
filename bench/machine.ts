import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import type { Noise } from "./noise.ts";
import type { Machine } from "./report/types.ts";
import type { Setup } from "./setup.ts";

const BYTES_PER_GB = 1_000_000_000;

/** How quiet the machine was when the run began and when it ended. */
export interface Quiet {
  readonly before: Noise;
  readonly after: Noise;
}

/** Describes this machine. Throws when it is not Linux. */
export function describeMachine(setup: Setup, { before, after }: Quiet): Machine {
  const cores = cpus();
  return {
    cores: cores.length,
    model: cores[0]?.model ?? "unknown processor",
    memoryGb: Math.round(totalmem() / BYTES_PER_GB),
    kernel: release(),
    bun: Bun.version,
    openFiles: setup.openFiles,
    acceptQueue: Number(readFileSync("/proc/sys/net/core/somaxconn", "latin1")),
    loadBefore: before.load,
    // Whatever disturbed at one end may have disturbed in between.
    noise: Math.max(before.spread, after.spread),
  };
}
