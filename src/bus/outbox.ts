/** An envelope that Redis has not confirmed yet. */
export interface Outgoing {
  /** The origin's own count; rises by one with each envelope. */
  readonly seq: number;
  readonly envelope: string;
  /** When it was put here, on the monotonic clock, in milliseconds. */
  readonly at: number;
}

/** How much an outbox holds; beyond, the oldest is dropped and counted. */
export interface OutboxLimits {
  readonly events: number;
  readonly bytes: number;
  readonly ageMs: number;
}

/**
 * Envelopes on their way to Redis, in order: those that have been written and wait for Redis' word,
 * then those that have not. Losing the connection makes all of them unwritten again.
 *
 * Bytes are counted as UTF-16 units, which is what they take here for text in ASCII.
 */
export class Outbox {
  #limits: OutboxLimits;
  #entries: Outgoing[] = [];
  /** Index of the oldest entry; those before it are gone. */
  #head = 0;
  /** Index of the first entry that has not been written. */
  #unwritten = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  /** Envelopes held, written or not. */
  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** Their size, in UTF-16 units. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Envelopes written and not confirmed. */
  get inFlight(): number {
    return this.#unwritten - this.#head;
  }

  /** Envelopes dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Other bounds from now on; what is beyond them is dropped with the next push or look. */
  reconfigure(limits: OutboxLimits): void {
    this.#limits = limits;
  }

  push(entry: Outgoing): void {
    this.#entries.push(entry);
    this.#bytes += entry.envelope.length;
    while (this.size > this.#limits.events || (this.#bytes > this.#limits.bytes && this.size > 1)) {
      this.#drop();
    }
  }

  /** The next envelope to be written, which counts as written from now on. */
  next(): Outgoing | undefined {
    const entry = this.#entries[this.#unwritten];
    if (entry !== undefined) {
      this.#unwritten += 1;
    }
    return entry;
  }

  /** The oldest envelope held. */
  get oldest(): Outgoing | undefined {
    return this.#first();
  }

  /** Redis has confirmed everything up to this envelope; each is handed out. */
  confirm(seq: number, visit?: (entry: Outgoing) => void): void {
    for (
      let entry = this.#first();
      entry !== undefined && entry.seq <= seq;
      entry = this.#first()
    ) {
      this.#shift(entry);
      visit?.(entry);
    }
  }

  /** The connection is lost: what was written and not confirmed is to be written again. */
  rewind(): void {
    this.#unwritten = this.#head;
  }

  /** Drops what is too old to be of use. */
  expire(now: number): void {
    const oldest = now - this.#limits.ageMs;
    for (
      let entry = this.#first();
      entry !== undefined && entry.at < oldest;
      entry = this.#first()
    ) {
      this.#drop();
    }
  }

  #first(): Outgoing | undefined {
    return this.#entries[this.#head];
  }

  #drop(): void {
    const entry = this.#first();
    if (entry !== undefined) {
      this.#shift(entry);
      this.#dropped += 1;
    }
  }

  #shift(entry: Outgoing): void {
    this.#bytes -= entry.envelope.length;
    this.#head += 1;
    this.#unwritten = Math.max(this.#unwritten, this.#head);
    // Freed now and then, not each time: the array is copied when half of it is gone.
    if (this.#head > 64 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#unwritten -= this.#head;
      this.#head = 0;
    }
  }
}
