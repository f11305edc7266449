/** What an installation's envelopes are known by: the fingerprints of its secrets (`keyFingerprint`). */
export interface InstallationKeys {
  readonly current: string;
  /** Of the secret that is being replaced; `undefined` while none is. */
  readonly previous: string | undefined;
}

/** Keys remembered at most: a process that lives through more changes than this forgets the oldest. */
const MAX_ACCEPTED = 8;

/**
 * Which key this process's envelopes carry, and which it takes from others, while an operator
 * changes the secret of one worker after the other.
 *
 * A worker that has not heard of the new secret skips what carries its key. So the former one is
 * sent as long as it is set, or until somebody is heard who sends with the new one: only a worker
 * does for which the former one is history, so by then all know the new one. And since the others
 * may still be where this worker was a moment ago, every key that it ever had is taken. A key is a
 * name and no proof: an envelope without any is taken, too.
 */
export class EnvelopeKeys {
  #keys: InstallationKeys;
  #outgoing: string;
  /** The ones it had last come last. */
  readonly #accepted = new Set<string>();

  constructor(keys: InstallationKeys) {
    this.#keys = keys;
    this.#outgoing = keys.previous ?? keys.current;
    this.#accept(keys);
  }

  /** What envelopes are to carry now. */
  get outgoing(): string {
    return this.#outgoing;
  }

  /** Whether an envelope with this key is the installation's own. */
  accepts(key: string): boolean {
    return this.#accepted.has(key);
  }

  /** Another worker sends with this key now. Returns whether `outgoing` has changed. */
  heard(key: string): boolean {
    if (key !== this.#keys.current || key === this.#outgoing) {
      return false;
    }
    this.#outgoing = key;
    return true;
  }

  /** The operator has changed the secrets. The same as before change nothing. */
  change(keys: InstallationKeys): void {
    if (keys.current === this.#keys.current && keys.previous === this.#keys.previous) {
      return;
    }
    this.#keys = keys;
    this.#outgoing = keys.previous ?? keys.current;
    this.#accept(keys);
  }

  #accept({ current, previous }: InstallationKeys): void {
    for (const key of [previous, current]) {
      if (key !== undefined) {
        this.#accepted.delete(key);
        this.#accepted.add(key);
      }
    }
    for (const oldest of this.#accepted) {
      if (this.#accepted.size <= MAX_ACCEPTED) {
        return;
      }
      this.#accepted.delete(oldest);
    }
  }
}
