/** Events of one kind that a thread tells the main thread of in one second; more than are logged. */
const TOLD_PER_SECOND = 20;

/**
 * Picks, of the events that strangers can cause as fast as they can connect, those that the main
 * thread is told of, so that a flood costs it nothing. What is left out is counted, and told with
 * the next one that is not.
 */
export class EventSample<Kind> {
  readonly #told = new Map<Kind, number>();
  readonly #leftOut = new Map<Kind, number>();

  /** Whether to tell of this one: how many were left out before it, or `undefined` to leave it out. */
  take(kind: Kind): number | undefined {
    const told = this.#told.get(kind) ?? 0;
    const leftOut = this.#leftOut.get(kind) ?? 0;
    if (told >= TOLD_PER_SECOND) {
      this.#leftOut.set(kind, leftOut + 1);
      return undefined;
    }
    this.#told.set(kind, told + 1);
    this.#leftOut.delete(kind);
    return leftOut;
  }

  /** A second has passed. */
  renew(): void {
    this.#told.clear();
  }
}
