/** How much goes on all the time. */
export interface Load {
  readonly topics: number;
  /** Clients at a time, and the mean length of their sessions in milliseconds. */
  readonly visitors: number;
  readonly meanMs: number;
  /** Between two events of PHP, in milliseconds. */
  readonly publishEveryMs: number;
}

/** A busy evening of a club: 15 people come and go in a second, 25 events are published. */
export const LOAD: Load = { topics: 10, visitors: 300, meanMs: 20_000, publishEveryMs: 40 };

/** Share of a run that is left out of the fits, and the longest time that is, in seconds. */
export const WARM_UP_SHARE = 0.25;
export const LONGEST_WARM_UP = 120;
