import { createHash } from "node:crypto";

/** Largest seed that may be given. */
export const MAX_SEED = 0x7fff_ffff;

/** The generator's seed of one target: another for each, so that none repeats another's cases. */
export function seedOf(seed: number, target: string): number {
  return createHash("sha256").update(`${seed} ${target}`).digest().readInt32BE();
}
