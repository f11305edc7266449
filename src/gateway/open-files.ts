import { readdirSync, readFileSync, statSync } from "node:fs";

/** Linux' own account of this process. */
const LIMITS = "/proc/self/limits";
const OPEN_FILES = "/proc/self/fd";

/**
 * How many files this process may have open; `undefined` where it cannot be read. Bun raises the
 * soft limit to the hard one at its start, so this is what really holds.
 */
export function fileLimit(): number | undefined {
  try {
    const [, soft] =
      /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync(LIMITS, "latin1")) ?? [];
    return soft === undefined || soft === "unlimited" ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/**
 * How many files this process has open; infinitely many when there is none left to count with. Since
 * Linux 6.2 the folder's size is their number, which costs no file and next to no time.
 */
export function openFiles(): number {
  const { size } = statSync(OPEN_FILES);
  if (size > 0) {
    return size;
  }
  try {
    return readdirSync(OPEN_FILES).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
