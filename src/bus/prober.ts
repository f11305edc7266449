/** How often a probe is sent, in milliseconds. */
const PROBE_INTERVAL_MS = 1000;

/**
 * How long a probe may stay out, in milliseconds. With the interval and a reconnect it keeps the
 * time to find a dead path below 5 s, and is long enough for a busy Redis.
 */
const PROBE_DEADLINE_MS = 2500;

/** What a {@link Prober} asks for. */
export type ProbeStep =
  | { readonly action: "none" }
  | { readonly action: "send"; readonly count: number }
  /** The path is dead, whatever the sockets say. */
  | { readonly action: "give_up"; readonly outMs: number };

/**
 * Proves the path through Redis: sends itself probes over the channel and measures their way. A
 * socket that is connected proves nothing; a probe that comes back proves all of it.
 */
export class Prober {
  #count = 0;
  /** When the probe that is out was sent; `undefined` when none is. */
  #sentAt: number | undefined;
  #nextAt: number;
  #provedAt: number;
  #roundTripMs: number | undefined;
  #returnedAt: number | undefined;

  /** @param now Milliseconds on a clock that never goes back. */
  constructor(now: number) {
    this.#nextAt = now;
    this.#provedAt = now;
  }

  /** When the path was last known to be whole: everything published before has come through. */
  get provedAt(): number {
    return this.#provedAt;
  }

  /** The last round trip, in milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** How long ago the last probe has come back, in milliseconds; `undefined` when none has. */
  ageMs(now: number): number | undefined {
    return this.#returnedAt === undefined ? undefined : now - this.#returnedAt;
  }

  /** What is to be done now; to be called a few times a second. */
  step(now: number): ProbeStep {
    if (this.#sentAt !== undefined) {
      const outMs = now - this.#sentAt;
      return outMs >= PROBE_DEADLINE_MS ? { action: "give_up", outMs } : { action: "none" };
    }
    if (now < this.#nextAt) {
      return { action: "none" };
    }
    this.#count += 1;
    this.#sentAt = now;
    this.#nextAt = now + PROBE_INTERVAL_MS;
    return { action: "send", count: this.#count };
  }

  /**
   * A probe of this process has come back; an old one proves nothing.
   *
   * @param isProof Whether everything that came before it has been taken as well.
   * @returns How long it was out, in milliseconds; `undefined` for an old one.
   */
  returned(count: number, now: number, isProof: boolean): number | undefined {
    if (this.#sentAt === undefined || count !== this.#count) {
      return undefined;
    }
    this.#provedAt = isProof ? this.#sentAt : this.#provedAt;
    this.#roundTripMs = now - this.#sentAt;
    this.#returnedAt = now;
    this.#sentAt = undefined;
    return this.#roundTripMs;
  }
}
