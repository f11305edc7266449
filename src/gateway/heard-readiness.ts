import type { Readiness } from "../protocol/readiness.ts";

/**
 * How long a thread goes by what the main thread has told it, in milliseconds. It is told once a
 * second; a main thread that is silent for longer lets nobody publish either.
 */
export const HEARD_WITHIN_MS = 3500;

/** The worker's readiness as one gateway thread knows it from the main thread. */
export class HeardReadiness {
  #readiness: Readiness = "not_ready";
  #heardAt = Number.NEGATIVE_INFINITY;

  /** The main thread has said so. */
  hear(readiness: Readiness, now: number): void {
    this.#readiness = readiness;
    this.#heardAt = now;
  }

  /** What holds now: nothing that was said too long ago. */
  at(now: number): Readiness {
    return now - this.#heardAt <= HEARD_WITHIN_MS ? this.#readiness : "not_ready";
  }
}
