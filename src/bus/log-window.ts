/** Events the catch-up log holds at most. */
const MAX_EVENTS = 10_000;

/** UTF-16 units the catch-up log holds at most, so that large payloads do not fill Redis' memory. */
const MAX_UNITS = 64 * 1024 * 1024;

/**
 * How many events the catch-up log may hold. Every worker sees every event, so each knows by itself
 * how many of the last ones stay within the bounds.
 */
export class LogWindow {
  /** Sizes of the last events, a ring. */
  readonly #sizes = new Uint32Array(MAX_EVENTS);
  #next = 0;
  #total = 0;

  /** An event has been seen, of this length in UTF-16 units. */
  add(length: number): void {
    this.#total += length - (this.#sizes[this.#next] ?? 0);
    this.#sizes[this.#next] = length;
    this.#next = (this.#next + 1) % MAX_EVENTS;
  }

  /** Events to which the log is to be trimmed, at least 1. */
  limit(): number {
    if (this.#total <= MAX_UNITS) {
      return MAX_EVENTS;
    }
    let count = 0;
    for (let units = 0; units <= MAX_UNITS && count < MAX_EVENTS; count += 1) {
      units += this.#sizes[(this.#next - 1 - count + MAX_EVENTS) % MAX_EVENTS] ?? 0;
    }
    return Math.max(count - 1, 1);
  }
}
