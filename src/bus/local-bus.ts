import { pushFrame } from "../protocol/frames.ts";
import type { Deliver, EventBus, Outcome } from "./event-bus.ts";

/** `cluster_nodes` of a worker without Redis (contract, status object). */
const NO_CLUSTER = -1;

/** The bus of a worker that is alone: every event goes to this process's own sockets. */
export class LocalBus implements EventBus {
  readonly #deliver: Deliver;
  #seq = 0;

  constructor(deliver: Deliver) {
    this.#deliver = deliver;
  }

  publish(topic: string, payload: string): number {
    this.#deliver(topic, pushFrame(payload));
    this.#seq += 1;
    return this.#seq;
  }

  async outcome(): Promise<Outcome> {
    return { redis: "off" };
  }

  async nodes(): Promise<number> {
    return NO_CLUSTER;
  }
}
