const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A length of time as people say it, in its two largest units: `0.4 s`, `12 s`, `3 min 5 s`, `2 d 4 h`. */
export function plainDuration(ms: number): string {
  if (ms < SECOND_MS) {
    return `${(Math.max(0, ms) / SECOND_MS).toFixed(1)} s`;
  }
  const parts = [
    [Math.floor(ms / DAY_MS), "d"],
    [Math.floor((ms % DAY_MS) / HOUR_MS), "h"],
    [Math.floor((ms % HOUR_MS) / MINUTE_MS), "min"],
    [Math.floor((ms % MINUTE_MS) / SECOND_MS), "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}
