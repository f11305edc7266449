/** The topic on which browsers may ask for the worker's state; only the worker itself registers it. */
export const STATUS_TOPIC = "worker.status";

/** Longest topic in UTF-8 bytes; keeps the registry's memory and Redis keys bounded. */
export const MAX_TOPIC_BYTES = 1024;

/** What a topic's registration says about it (`meta` of a register call). */
export interface TopicMeta {
  readonly requireToken: boolean;
}

/**
 * A topic as UTF-8 can carry it: lone surrogates, which JSON can escape but UTF-8 cannot express,
 * become U+FFFD. Both ends of every comparison go through here or through a UTF-8 decoder, which
 * does the same.
 */
export function normalizeTopic(topic: string): string {
  return topic.isWellFormed() ? topic : topic.toWellFormed();
}

/** Whether a topic is longer than {@link MAX_TOPIC_BYTES}. */
export function isTopicTooLong(topic: string): boolean {
  // A UTF-16 unit is at most three bytes of UTF-8: short topics are never measured.
  return topic.length * 3 > MAX_TOPIC_BYTES && Buffer.byteLength(topic, "utf8") > MAX_TOPIC_BYTES;
}
