import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { median } from "./stats.ts";

/** One piece of work, some 20 ms on any machine of this decade; it is repeated and compared. */
const SPIN_STEPS = 20_000_000;
const SPINS = 25;
/** Place of "steal" among the times of /proc/stat's first line. */
const STEAL = 7;

/** How quiet a machine is. */
export interface Noise {
  /** Processes running or waiting to, mean of the last minute. */
  readonly load: number;
  /** The slowest of equal pieces of work by their median, less one; 0 when nothing disturbs. */
  readonly spinSpread: number;
  /** CPU time the hypervisor gave to others since the system started, part of the whole. */
  readonly steal: number;
}

function spin(): number {
  const begun = performance.now();
  let x = 1;
  for (let i = 0; i < SPIN_STEPS; i++) x = (x * 16_807) % 2_147_483_647;
  // Never true; that the engine cannot know, so it must do the work.
  if (x === 0) throw new Error("impossible");
  return performance.now() - begun;
}

function stolen(): number {
  const times = readFileSync("/proc/stat", "latin1").split("\n")[0]?.split(/\s+/).slice(1) ?? [];
  const all = times.map(Number).reduce((a, b) => a + b, 0);
  return all === 0 ? 0 : Number(times[STEAL] ?? 0) / all;
}

/** Looks at the machine; takes about half a second. */
export function measureNoise(): Noise {
  const load = loadavg()[0] ?? Number.NaN;
  spin(); // compiled when it counts
  const times = Array.from({ length: SPINS }, spin);
  return { load, spinSpread: Math.max(...times) / median(times) - 1, steal: stolen() };
}
