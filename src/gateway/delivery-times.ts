import { countsBetween, type Progress } from "./progress.ts";

/**
 * When deliveries were posted to the gateway threads, and when the last of the threads has handed
 * them to its sockets: in milliseconds on the main thread's clock. Deliveries are counted from 1.
 */
export class DeliveryTimes {
  readonly #threads: readonly Progress[];
  #latest = 0;
  #latestAt = 0;

  /** @param threads The progress of each thread; all of them get every delivery. */
  constructor(threads: readonly Progress[]) {
    this.#threads = threads;
  }

  /** A delivery is posted now. */
  posted(now: number): void {
    this.#latest += 1;
    this.#latestAt = now;
  }

  /** The count of the latest delivery; 0 before the first. */
  get latest(): number {
    return this.#latest;
  }

  /** When the latest delivery was posted. */
  get latestAt(): number {
    return this.#latestAt;
  }

  /** The count up to which every thread has handed over all deliveries. */
  get handed(): number {
    let behind = 0;
    for (const { events } of this.#threads) {
      behind = Math.max(behind, countsBetween(events, this.#latest));
    }
    return this.#latest - behind;
  }

  /** When every thread had handed it over; `undefined` while one has not, or when it is forgotten. */
  handedAt(delivery: number): number | undefined {
    let last = Number.NEGATIVE_INFINITY;
    for (const thread of this.#threads) {
      const at = thread.handedAt(delivery);
      if (at === undefined) {
        return undefined;
      }
      last = Math.max(last, at);
    }
    return last;
  }
}
