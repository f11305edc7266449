import type { TopicMeta } from "../protocol/topic.ts";
import type { RegisterResult, TopicRegistry } from "./registry.ts";

/** What is known of a topic. */
export interface Entry {
  readonly meta: TopicMeta;
  /** When the topic is no longer known, on the injected clock, in milliseconds. */
  readonly expiresAt: number;
}

/** What a {@link MemoryRegistry} needs to know. */
export interface MemoryRegistryOptions {
  /** How long a registration lasts, in milliseconds. */
  readonly ttlMs: number;
  /** How many topics are held at most; a further one is refused with `full`. */
  readonly maxTopics: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/**
 * A registry of this process alone.
 *
 * Entries stand in the map in the order of their expiry: all have the same TTL, and a refresh moves
 * an entry to the end. So a sweep looks only at entries that have expired, and costs nothing when
 * there is none.
 */
export class MemoryRegistry implements TopicRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #options: MemoryRegistryOptions;

  constructor(options: MemoryRegistryOptions) {
    this.#options = options;
  }

  async register(topic: string, meta: TopicMeta): Promise<RegisterResult> {
    this.sweep();
    const isKnown = this.#entries.delete(topic);
    if (!isKnown && this.#entries.size >= this.#options.maxTopics) {
      return "full";
    }
    const expiresAt = this.#options.now() + this.#options.ttlMs;
    this.#entries.set(topic, { meta, expiresAt });
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
    return entry !== undefined && this.#options.now() < entry.expiresAt ? entry : undefined;
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
    for (const [topic, entry] of sorted.slice(-this.#options.maxTopics)) {
      this.#entries.set(topic, entry);
    }
  }

  /** Forgets what has expired; to be called now and then, so that an idle worker shrinks too. */
  sweep(): void {
    const now = this.#options.now();
    for (const [topic, entry] of this.#entries) {
      if (now < entry.expiresAt) {
        return;
      }
      this.#entries.delete(topic);
    }
  }
}
