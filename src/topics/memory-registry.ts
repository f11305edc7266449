import type { TopicMeta } from "../protocol/topic.ts";
import type { RegisterResult, TopicLimits, TopicRegistry } from "./registry.ts";

/** What is known of a topic. */
export interface Entry {
  readonly meta: TopicMeta;
  /** When the topic is no longer known, on the injected clock, in milliseconds. */
  readonly expiresAt: number;
}

/** What a {@link MemoryRegistry} needs to know. */
export interface MemoryRegistryOptions extends TopicLimits {
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/**
 * A registry of this process alone.
 *
 * Entries stand in the map in the order of their expiry: all have the same TTL, and a refresh moves
 * an entry to the end. So a sweep looks only at entries that have expired, and costs nothing when
 * there is none. A TTL that is made shorter breaks the order for a while: then it looks at all.
 */
export class MemoryRegistry implements TopicRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  #limits: TopicLimits;
  /** The expiry of the last entry; a new one before it would not stand where it belongs. */
  #lastExpiry = Number.NEGATIVE_INFINITY;
  #isOrdered = true;

  constructor(options: MemoryRegistryOptions) {
    this.#now = options.now;
    this.#limits = options;
  }

  /** Goes by other bounds from the next registration on; what is registered stays as it is. */
  reconfigure(limits: TopicLimits): void {
    this.#limits = limits;
  }

  async register(topic: string, meta: TopicMeta): Promise<RegisterResult> {
    this.sweep();
    const isKnown = this.#entries.delete(topic);
    if (!isKnown && this.#entries.size >= this.#limits.maxTopics) {
      return "full";
    }
    const expiresAt = this.#now() + this.#limits.ttlMs;
    this.#entries.set(topic, { meta, expiresAt });
    this.#isOrdered &&= this.#lastExpiry <= expiresAt;
    this.#lastExpiry = expiresAt;
    return isKnown ? "refreshed" : "registered";
  }

  async unregister(topic: string): Promise<boolean> {
    this.sweep();
    return this.#entries.delete(topic);
  }

  async lookup(topic: string): Promise<TopicMeta | undefined> {
    return this.get(topic)?.meta;
  }

  async list(): Promise<readonly string[]> {
    this.sweep();
    return [...this.#entries.keys()];
  }

  async count(): Promise<number> {
    this.sweep();
    return this.#entries.size;
  }

  /** As `lookup`, at once and with the time of expiry. */
  get(topic: string): Entry | undefined {
    const entry = this.#entries.get(topic);
    return entry !== undefined && this.#now() < entry.expiresAt ? entry : undefined;
  }

  /** Everything that is known, soonest expiry first. */
  entries(): readonly (readonly [topic: string, entry: Entry])[] {
    this.sweep();
    return [...this.#entries];
  }

  /** Knows these from now on and nothing else; beyond the bound, those that expire last. */
  replace(entries: readonly (readonly [topic: string, entry: Entry])[]): void {
    const sorted = entries.toSorted(([, a], [, b]) => a.expiresAt - b.expiresAt);
    this.#entries.clear();
    for (const [topic, entry] of sorted.slice(-this.#limits.maxTopics)) {
      this.#entries.set(topic, entry);
    }
    this.#lastExpiry = sorted.at(-1)?.[1].expiresAt ?? Number.NEGATIVE_INFINITY;
    this.#isOrdered = true;
  }

  /** Forgets what has expired; to be called now and then, so that an idle worker shrinks too. */
  sweep(): void {
    const now = this.#now();
    let last = Number.NEGATIVE_INFINITY;
    let isOrdered = true;
    for (const [topic, { expiresAt }] of this.#entries) {
      if (expiresAt <= now) {
        this.#entries.delete(topic);
      } else if (this.#isOrdered) {
        return;
      } else {
        isOrdered &&= last <= expiresAt;
        last = expiresAt;
      }
    }
    // All have been looked at.
    this.#lastExpiry = last;
    this.#isOrdered = isOrdered;
  }
}
