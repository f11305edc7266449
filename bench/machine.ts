import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
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
  /** Processes running or waiting to, mean of the last minute: what else goes on here. */
  readonly loadBefore: number;
}

/** Describes this machine. Throws when it is not Linux. */
export function describeMachine(setup: Setup): Machine {
  const cores = cpus();
  return {
    cores: cores.length,
    model: cores[0]?.model ?? "unknown processor",
    memoryGb: Math.round(totalmem() / BYTES_PER_GB),
    kernel: release(),
    bun: Bun.version,
    openFiles: setup.openFiles,
    acceptQueue: Number(readFileSync("/proc/sys/net/core/somaxconn", "latin1")),
    loadBefore: loadavg()[0] ?? Number.NaN,
  };
}
