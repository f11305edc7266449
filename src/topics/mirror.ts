import type { TopicMeta } from "../protocol/topic.ts";

/** What this process knows about a topic. */
export interface Known {
  readonly meta: TopicMeta;
  /** When it is no longer known, on the monotonic clock, in milliseconds. */
  readonly expiresAt: number;
}

/**
 * What this process knows of the topics that are registered in Redis: decides while Redis is out of
 * reach, and is what an empty Redis gets back.
 */
export class Mirror {
  readonly #known = new Map<string, Known>();
  #maxTopics: number;
  readonly #now: () => number;

  /** @param now Milliseconds on a clock that never goes back. */
  constructor(maxTopics: number, now: () => number) {
    this.#maxTopics = maxTopics;
    this.#now = now;
  }

  /** Holds at most so many from now on; what is known stays until it expires. */
  reconfigure(maxTopics: number): void {
    this.#maxTopics = maxTopics;
  }

  get(topic: string): Known | undefined {
    const known = this.#known.get(topic);
    return known !== undefined && this.#now() < known.expiresAt ? known : undefined;
  }

  /** Whether a topic that is not known would be one too many. */
  isFull(): boolean {
    if (this.#known.size >= this.#maxTopics) {
      this.sweep();
    }
    return this.#known.size >= this.#maxTopics;
  }

  /** Takes note of a topic for so long; one too many is left out. */
  set(topic: string, meta: TopicMeta, ttlMs: number): void {
    if (ttlMs > 0 && (this.#known.has(topic) || !this.isFull())) {
      this.#known.set(topic, { meta, expiresAt: this.#now() + ttlMs });
    }
  }

  /** Forgets a topic; whether it was known. */
  delete(topic: string): boolean {
    const wasKnown = this.get(topic) !== undefined;
    this.#known.delete(topic);
    return wasKnown;
  }

  /** Everything that is known now. */
  entries(): readonly (readonly [topic: string, known: Known])[] {
    this.sweep();
    return [...this.#known];
  }

  /** Forgets what has expired. */
  sweep(): void {
    const now = this.#now();
    for (const [topic, { expiresAt }] of this.#known) {
      if (expiresAt <= now) {
        this.#known.delete(topic);
      }
    }
  }
}
