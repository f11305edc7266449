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
  /** How many workers hear each other now; -1 when this one is alone (contract, `cluster_nodes`). */
  nodes(): Promise<number>;
}

/** Hands an encoded frame to all sockets of this process that watch the topic. Does not wait. */
export type Deliver = (topic: string, frame: string) => void;
