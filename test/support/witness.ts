import { randomUUID } from "node:crypto";
import { makeToken } from "./token.ts";
import type { WorkerProcess } from "./worker.ts";
import type { WsClient } from "./ws-client.ts";

/** Between two events, in milliseconds: always some on the way, little load. */
const EVENT_INTERVAL_MS = 5;

/**
 * Ordinary people who are connected while something bad happens to the worker: they must not notice.
 * Events are published to them all the time.
 */
export class Witness {
  readonly #publisher: WorkerProcess;
  readonly #topic = `witness.${randomUUID()}`;
  readonly #sockets: WsClient[] = [];
  #published = 0;
  #isStopping = false;
  #publishing: Promise<void> = Promise.resolve();

  private constructor(publisher: WorkerProcess) {
    this.#publisher = publisher;
  }

  /**
   * Connects some, and begins to publish.
   *
   * @param publisher The worker that is told of the events, when it is another one of a cluster.
   */
  static async start(
    worker: WorkerProcess,
    count: number = 4,
    publisher: WorkerProcess = worker,
  ): Promise<Witness> {
    const witness = new Witness(publisher);
    const topic = witness.#topic;
    await publisher.api.register(topic, true);
    for (let user_id = 1; user_id <= count; user_id += 1) {
      const token = makeToken(worker.secret, topic, { user_id });
      witness.#sockets.push(await worker.subscribe(topic, token));
    }
    witness.#publishing = witness.#publish();
    // A failure is told by `stop`, which may come much later.
    witness.#publishing.catch(() => undefined);
    return witness;
  }

  /** Events that have been answered 200 so far. */
  get published(): number {
    return this.#published;
  }

  /** Stops publishing and says good-bye; throws when anyone has missed anything. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    try {
      await this.#publishing;
      const expected = ['{"type":"auth_ok"}'];
      for (let event = 0; event < this.#published; event += 1) {
        expected.push(`{"type":"push","payload":${event}}`);
      }
      for (const socket of this.#sockets) {
        const frames = await socket.framesReach(expected.length);
        if (!Bun.deepEquals(frames, expected)) {
          throw new Error("a witness heard something else than was published");
        }
      }
    } finally {
      for (const socket of this.#sockets) {
        socket[Symbol.dispose]();
      }
    }
  }

  async #publish(): Promise<void> {
    while (!this.#isStopping) {
      await this.#publisher.api.publish(this.#topic, `${this.#published}`);
      this.#published += 1;
      await Bun.sleep(EVENT_INTERVAL_MS);
    }
  }
}
