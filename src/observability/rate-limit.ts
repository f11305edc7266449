/** How {@link rateLimit} decides about one occurrence. */
export type RateVerdict =
  | { readonly pass: false }
  /** Let through; `skipped` were not since the last one that was. */
  | { readonly pass: true; readonly skipped: number };

/**
 * Lets at most `burst` occurrences through per interval and counts the others, so that what
 * strangers cause cannot fill a log and is still accounted for.
 *
 * @param intervalMs Length of an interval.
 * @param now Milliseconds on a clock that never goes back.
 */
export function rateLimit(burst: number, intervalMs: number, now: () => number): () => RateVerdict {
  let start = Number.NEGATIVE_INFINITY;
  let passed = 0;
  let skipped = 0;
  return () => {
    const at = now();
    if (at - start >= intervalMs) {
      start = at;
      passed = 0;
    }
    if (passed >= burst) {
      skipped += 1;
      return { pass: false };
    }
    passed += 1;
    const verdict = { pass: true, skipped } as const;
    skipped = 0;
    return verdict;
  };
}
