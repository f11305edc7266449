/**
 * Takes events and brings each to every socket that watches its topic, here and on other workers.
 *
 * Semantics every implementation keeps:
 * - `publish` never throws and never waits: local sockets get the event first, in the order of the
 *   calls;
 * - an event is delivered to a socket at most once.
 */
export interface EventBus {
  /**
   * Takes one event.
   *
   * @param payload Valid JSON text; forwarded byte for byte.
   * @returns This process's count of it, from 1, higher with each event. With the process's id before
   *   it, it names the event in the whole cluster.
   */
  publish(topic: string, payload: string): number;
  /**
   * What becomes of an event on its way to other workers. Resolves when that is known, and after
   * {@link OUTCOME_DEADLINE_MS} at the latest. Never rejects.
   *
   * @param seq What {@link publish} has returned, in the same turn of the loop.
   */
  outcome(seq: number): Promise<Outcome>;
  /** How many workers hear each other now; -1 when this one is alone (contract, `cluster_nodes`). */
  nodes(): Promise<number>;
}

/** How long the outcome of an event may be waited for, in milliseconds. */
export const OUTCOME_DEADLINE_MS = 200;

/** What has become of an event on its way to other workers. */
export type Outcome =
  /** There is no Redis, and no other worker. */
  | { readonly redis: "off" }
  /** It waits in the outbox: not written to Redis yet, or not confirmed by it. */
  | { readonly redis: "queued" }
  /** Redis has confirmed it, and has passed it on to so many other workers. */
  | { readonly redis: "sent"; readonly nodes: number };

/** Hands an encoded frame to all sockets of this process that watch the topic. Does not wait. */
export type Deliver = (topic: string, frame: string) => void;
