/** First and last pause between two attempts, in milliseconds. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;

/**
 * How long to wait before an attempt: doubling from 100 ms to 5 s, each shortened by up to a half at
 * random, so that the workers of a cluster do not come back in step.
 *
 * @param failures Attempts that have failed in a row, from 0.
 * @param random From 0 (included) to 1.
 */
export function backoffMs(failures: number, random: number): number {
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LAST_PAUSE_MS);
  return Math.round(pause * (1 - random / 2));
}
