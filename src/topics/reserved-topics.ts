import type { TopicMeta } from "../protocol/topic.ts";
import type { RegisterResult, TopicRegistry } from "./registry.ts";

/**
 * Puts topics of the worker's own in front of a registry, out of reach of every caller: registering
 * or removing one is answered as usual and changes nothing. Some are always known and never expire
 * (contract: `worker.status` "never expires, and no API call can remove it or open it"), others are
 * never known, so that nobody can watch them.
 */
export class ReservedTopics implements TopicRegistry {
  readonly #reserved: ReadonlyMap<string, TopicMeta>;
  readonly #hidden: ReadonlySet<string>;
  readonly #registry: TopicRegistry;

  /**
   * @param reserved Topics that are always known, and what is known of them.
   * @param hidden Topics that are never known.
   */
  constructor(
    reserved: ReadonlyMap<string, TopicMeta>,
    hidden: ReadonlySet<string>,
    registry: TopicRegistry,
  ) {
    this.#reserved = reserved;
    this.#hidden = hidden;
    this.#registry = registry;
  }

  async register(topic: string, meta: TopicMeta): Promise<RegisterResult> {
    return this.#isOwn(topic) ? "refreshed" : this.#registry.register(topic, meta);
  }

  async unregister(topic: string): Promise<boolean> {
    return this.#isOwn(topic) ? this.#reserved.has(topic) : this.#registry.unregister(topic);
  }

  async lookup(topic: string): Promise<TopicMeta | undefined> {
    return this.#isOwn(topic) ? this.#reserved.get(topic) : this.#registry.lookup(topic);
  }

  async list(): Promise<readonly string[]> {
    // The registry may have met one of them all the same: in Redis, say, where others write too.
    const others = (await this.#registry.list()).filter((topic) => !this.#isOwn(topic));
    return [...this.#reserved.keys(), ...others];
  }

  async count(): Promise<number> {
    const own = [...this.#reserved.keys(), ...this.#hidden];
    const [count, ...met] = await Promise.all([
      this.#registry.count(),
      ...own.map((topic) => this.#registry.lookup(topic)),
    ]);
    return this.#reserved.size + count - met.filter((meta) => meta !== undefined).length;
  }

  #isOwn(topic: string): boolean {
    return this.#reserved.has(topic) || this.#hidden.has(topic);
  }
}
