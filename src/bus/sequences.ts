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
    this.#remember(originId, seq);
    return last === undefined || seq === last + 1 ? "next" : "gap";
  }

  /** Whether a count is neither the next one nor seen before, without remembering it. */
  isGap(originId: string, seq: number): boolean {
    const last = this.#last.get(originId);
    return last !== undefined && seq > last + 1;
  }

  /** An origin has shown itself that has sent nothing yet; a known one stays as it is. */
  begin(originId: string): void {
    if (!this.#last.has(originId)) {
      this.#remember(originId, 0);
    }
  }

  /** Whether an origin has sent more than has been seen, given the last count that it has sent. */
  isBehind(originId: string, lastSent: number): boolean {
    const last = this.#last.get(originId);
    return last !== undefined && last < lastSent;
  }

  #remember(originId: string, seq: number): void {
    // Deleted first, so that the map stays in the order of the last sign of life.
    this.#last.delete(originId);
    this.#last.set(originId, seq);
    if (this.#last.size > MAX_ORIGINS) {
      const [oldest = ""] = this.#last.keys();
      this.#last.delete(oldest);
    }
  }
}
