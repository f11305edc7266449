/**
 * How often it is looked whether the loop is on time, in milliseconds: what blocks longer is seen, and
 * of what blocks for half as long, half. Each look wakes a thread that may have nothing else to do.
 */
const STEP_MS = 250;

/** What a {@link LoopDelay} needs. */
export interface LoopDelayOptions {
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Runs something so many milliseconds later. */
  readonly wait: (next: () => void, ms: number) => void;
}

/**
 * Measures how late a thread's loop is: the time by which a timer comes too late is time for which
 * nothing else was done either.
 */
export class LoopDelay {
  readonly #options: LoopDelayOptions;
  #dueAt: number;
  #longestMs = 0;

  /** Starts measuring, for as long as the thread runs. */
  constructor(options: LoopDelayOptions) {
    this.#options = options;
    this.#dueAt = this.#next();
  }

  /** The longest delay since the last call, in milliseconds. */
  take(): number {
    this.#look();
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return longest;
  }

  #next(): number {
    this.#options.wait(() => {
      this.#look();
      this.#dueAt = this.#next();
    }, STEP_MS);
    return this.#options.now() + STEP_MS;
  }

  #look(): void {
    this.#longestMs = Math.max(this.#longestMs, this.#options.now() - this.#dueAt);
  }
}
