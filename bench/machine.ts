import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { measureNoise, type Noise } from "./noise.ts";
import type { Setup } from "./setup.ts";

const BYTES_PER_GB = 1_000_000_000;

/** What the figures were measured on. */
export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly bun: string;
  readonly openFiles: number;
  /** The longest accept queue the kernel allows. */
  readonly acceptQueue: number;
  /** How quiet it was before and after. */
  readonly before: Noise;
  readonly after: Noise;
}

/** Describes this machine, `before` having been seen when the run began. Throws off Linux. */
export function describeMachine(setup: Setup, before: Noise): Machine {
  const cores = cpus();
  return {
    cores: cores.length,
    model: cores[0]?.model ?? "unknown processor",
    memoryGb: Math.round(totalmem() / BYTES_PER_GB),
    kernel: release(),
    bun: Bun.version,
    openFiles: setup.openFiles,
    acceptQueue: Number(readFileSync("/proc/sys/net/core/somaxconn", "latin1")),
    before,
    after: measureNoise(),
  };
}
