import type { TopicMeta } from "../protocol/topic.ts";

/** What became of a registration. */
export type RegisterResult = "registered" | "refreshed" | "full";

/**
 * The topics PHP has registered, each with a time to live.
 *
 * Semantics every implementation keeps (the suite in `registry-suite.ts` holds them to it):
 * - a topic is known from `register` until its TTL has passed, or `unregister`;
 * - registering again refreshes the TTL, and the latest meta wins;
 * - calls take effect in the order in which they were made;
 * - no call throws or rejects; a registry that is full says so.
 */
export interface TopicRegistry {
  /** Adds or refreshes a topic; `full` when a new one would exceed the bound. */
  register(topic: string, meta: TopicMeta): Promise<RegisterResult>;
  /** Removes a topic; `false` when it was not known. */
  unregister(topic: string): Promise<boolean>;
  /** The meta of a known topic, `undefined` for an unknown or expired one. */
  lookup(topic: string): Promise<TopicMeta | undefined>;
  /** All known topics, in no particular order. */
  list(): Promise<readonly string[]>;
  /** How many topics are known. */
  count(): Promise<number>;
}

/** Bounds of a registry; an operator may change them while it is in use. */
export interface TopicLimits {
  /** How long a registration lasts, in milliseconds. */
  readonly ttlMs: number;
  /** How many topics are held at most; a further one is refused with `full`. */
  readonly maxTopics: number;
}
