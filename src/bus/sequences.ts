/**
 * What a count from an origin means: `next` in its order, `repeated` (seen before), `gap`: next, but
 * some before it have not been seen, or `untold`: there is no room to remember this origin.
 */
export type Sequence = "next" | "repeated" | "gap" | "untold";

/** Origins remembered at most. A cluster has a handful; each restart of a worker is a new one. */
const MAX_ORIGINS = 1024;

/** How long an origin is remembered that is not heard of, in milliseconds: as long as the log is. */
const SILENCE_MS = 10 * 60_000;

interface Origin {
  readonly last: number;
  /** When it was last heard of with something new, on the injected clock. */
  readonly heardAt: number;
}

/**
 * Remembers the last count of each origin, so that an event that comes over several ways (the
 * channel, the log, sent again after a lost connection) is delivered once.
 *
 * Bounded, and who is known stays known: whoever writes envelopes of invented origins takes up the
 * room of newcomers, never that of a worker that has been there before.
 */
export class Sequences {
  /** In the order of the last sign of life, the oldest first. */
  readonly #origins = new Map<string, Origin>();
  readonly #now: () => number;

  /** @param now Milliseconds on a clock that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Looks at a count and remembers it, unless it is `repeated` or `untold`. */
  see(originId: string, seq: number): Sequence {
    const last = this.#origins.get(originId)?.last;
    if (last !== undefined && seq <= last) {
      return "repeated";
    }
    if (!this.#remember(originId, seq)) {
      return "untold";
    }
    return last === undefined || seq === last + 1 ? "next" : "gap";
  }

  /** Whether a count is neither the next one nor seen before, without remembering it. */
  isGap(originId: string, seq: number): boolean {
    const last = this.#origins.get(originId)?.last;
    return last !== undefined && seq > last + 1;
  }

  /** An origin has shown itself that has sent nothing yet; a known one stays as it is. */
  begin(originId: string): void {
    if (!this.#origins.has(originId)) {
      this.#remember(originId, 0);
    }
  }

  /** Whether an origin has sent more than has been seen, given the last count that it has sent. */
  isBehind(originId: string, lastSent: number): boolean {
    const last = this.#origins.get(originId)?.last;
    return last !== undefined && last < lastSent;
  }

  /** Whether all that an origin has sent up to this count has been seen. */
  hasAll(originId: string, seq: number): boolean {
    return (this.#origins.get(originId)?.last ?? -1) >= seq;
  }

  /** False when there is no room for a newcomer. */
  #remember(originId: string, last: number): boolean {
    const heardAt = this.#now();
    // Deleted first, so that the map stays in order.
    if (!this.#origins.delete(originId) && this.#origins.size >= MAX_ORIGINS) {
      this.#forgetSilent(heardAt);
      if (this.#origins.size >= MAX_ORIGINS) {
        return false;
      }
    }
    this.#origins.set(originId, { last, heardAt });
    return true;
  }

  #forgetSilent(now: number): void {
    for (const [originId, { heardAt }] of this.#origins) {
      if (now - heardAt < SILENCE_MS) {
        return;
      }
      this.#origins.delete(originId);
    }
  }
}
