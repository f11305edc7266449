import type { Outgoing } from "./outbox.ts";

/**
 * How long a confirmed envelope is remembered, in milliseconds: longer than others need to find an
 * outage and come back.
 */
const RECENT_MS = 15_000;

/** Envelopes and UTF-16 units remembered at most. */
const MAX_ENVELOPES = 5000;
const MAX_UNITS = 8 * 1024 * 1024;

/**
 * The last envelopes that Redis has confirmed. A Redis that forgets (it restarts without persistence)
 * loses the log, and with it what others had not read yet: then these are logged once more.
 */
export class Recent {
  #entries: Outgoing[] = [];
  /** Index of the oldest that is remembered; those before it are gone. */
  #head = 0;
  #units = 0;

  /** Remembers an envelope from its confirmation on. */
  add(entry: Outgoing, now: number): void {
    this.#entries.push({ ...entry, at: now });
    this.#units += entry.envelope.length;
    this.#trim(now);
  }

  /** What is remembered, in order. */
  list(now: number): readonly Outgoing[] {
    this.#trim(now);
    return this.#entries.slice(this.#head);
  }

  #trim(now: number): void {
    for (
      let oldest = this.#entries[this.#head];
      oldest !== undefined && (this.#isOver() || now - oldest.at >= RECENT_MS);
      oldest = this.#entries[this.#head]
    ) {
      this.#units -= oldest.envelope.length;
      this.#head += 1;
    }
    // Copied when half of it is gone, not each time.
    if (this.#head > 64 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  #isOver(): boolean {
    return this.#entries.length - this.#head > MAX_ENVELOPES || this.#units > MAX_UNITS;
  }
}
