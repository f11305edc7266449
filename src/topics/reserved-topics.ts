import type { TopicMeta } from "../protocol/topic.ts";
import type { RegisterResult, TopicRegistry } from "./registry.ts";

/**
 * Puts topics of the worker's own in front of a registry: always known, never expiring, and out of
 * reach of every caller. Registering or removing one is answered as usual and changes nothing
 * (contract: `worker.status` "never expires, and no API call can remove it or open it").
 */
export class ReservedTopics implements TopicRegistry {
  readonly #reserved: ReadonlyMap<string, TopicMeta>;
  readonly #registry: TopicRegistry;

  constructor(reserved: ReadonlyMap<string, TopicMeta>, registry: TopicRegistry) {
    this.#reserved = reserved;
    this.#registry = registry;
  }

  async register(topic: string, meta: TopicMeta): Promise<RegisterResult> {
    return this.#reserved.has(topic) ? "refreshed" : this.#registry.register(topic, meta);
  }

  async unregister(topic: string): Promise<boolean> {
    return this.#reserved.has(topic) || this.#registry.unregister(topic);
  }

  async lookup(topic: string): Promise<TopicMeta | undefined> {
    return this.#reserved.get(topic) ?? this.#registry.lookup(topic);
  }

  async list(): Promise<readonly string[]> {
    return [...this.#reserved.keys(), ...(await this.#registry.list())];
  }

  async count(): Promise<number> {
    return this.#reserved.size + (await this.#registry.count());
  }
}
