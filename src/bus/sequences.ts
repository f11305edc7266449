/**
 * What a count from an origin means: `next` in its order, `repeated` (seen before), or `gap`: next,
 * but some before it have not been seen.
 */
export type Sequence = "next" | "repeated" | "gap";

/**
 * Origins remembered at most. A cluster has a handful; each restart of a worker is a new one.
 * Whoever writes envelopes of invented origins makes old ones be forgotten, nothing more.
 */
const MAX_ORIGINS = 1024;

/**
 * Remembers the last count of each origin, so that an event that comes over several ways (the
 * channel, the log, sent again after a lost connection) is delivered once.
 */
export class Sequences {
  readonly #last = new Map<string, number>();

  /** Looks at a count and remembers it, unless it is `repeated`. */
  see(originId: string, seq: number): Sequence {
    const last = this.#last.get(originId);
    if (last !== undefined && seq <= last) {
      return "repeated";
    }
    // Deleted first, so that the map stays in the order of the last sign of life.
    this.#last.delete(originId);
    this.#last.set(originId, seq);
    if (this.#last.size > MAX_ORIGINS) {
      const [oldest = ""] = this.#last.keys();
      this.#last.delete(oldest);
    }
    return last === undefined || seq === last + 1 ? "next" : "gap";
  }

  /** Whether a count is the next one or unknown, without remembering it. */
  isGap(originId: string, seq: number): boolean {
    const last = this.#last.get(originId);
    return last !== undefined && seq > last + 1;
  }
}
