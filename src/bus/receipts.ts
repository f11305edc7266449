import { OUTCOME_DEADLINE_MS, type Outcome } from "./event-bus.ts";

const QUEUED: Outcome = { redis: "queued" };

/** Those who wait to hear what became of an event. An event that nobody asks about is in no list. */
export class Receipts {
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();

  /** Waits for the confirmation of an event that has not been confirmed; not for long. Never rejects. */
  async wait(seq: number): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#waiting.set(seq, resolve);
    const timer = setTimeout(() => resolve(QUEUED), OUTCOME_DEADLINE_MS);
    const outcome = await promise;
    clearTimeout(timer);
    this.#waiting.delete(seq);
    return outcome;
  }

  /**
   * Redis has confirmed an event.
   *
   * @param subscribers How many workers have got it, this one among them.
   */
  confirmed(seq: number, subscribers: number): void {
    if (this.#waiting.size > 0) {
      const nodes = Math.max(0, subscribers - 1);
      this.#waiting.get(seq)?.({ redis: "sent", nodes });
    }
  }

  /** The connection is lost: what has not been confirmed waits in the outbox. */
  lost(): void {
    for (const resolve of this.#waiting.values()) {
      resolve(QUEUED);
    }
  }
}
