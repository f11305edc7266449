import { loadavg } from "node:os";
import { median } from "./stats.ts";

/** One piece of work, some 20 ms on any machine of this decade; it is repeated and compared. */
const SPIN_STEPS = 20_000_000;
const SPINS = 25;
/** How quiet a machine is. */
export interface Noise {
  /** Processes running or waiting to, mean of the last minute. */
  readonly load: number;
  /** How far equal pieces of work were apart: slowest less fastest, by the median. */
  readonly spread: number;
}

function spin(): number {
  const begun = performance.now();
  let x = 1;
  for (let i = 0; i < SPIN_STEPS; i++) x = (x * 16_807) % 2_147_483_647;
  // Never true; that the engine cannot know, so it must do the work.
  if (x === 0) throw new Error("impossible");
  return performance.now() - begun;
}

/** Looks at the machine; takes about half a second. */
export function measureNoise(): Noise {
  const load = loadavg()[0] ?? Number.NaN;
  spin(); // compiled when it counts
  const times = Array.from({ length: SPINS }, spin);
  return { load, spread: (Math.max(...times) - Math.min(...times)) / median(times) };
}
