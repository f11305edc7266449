/**
 * UTF-16 units of deliveries that are published in one turn of the loop. What is published in one
 * turn is written to each socket at once, so this stays well below the bytes a socket may have
 * waiting (`MAX_BUFFERED_BYTES`): a burst alone must never make a good reader look like a slow one.
 * It is still some thousand events per system call.
 */
export const TURN_BUDGET = 256 * 1024;

/** What a {@link DeliveryQueue} needs. */
export interface DeliveryQueueOptions {
  readonly publish: (delivery: string) => void;
  /** Runs something in the next turn of the loop, after the sockets have been written to. */
  readonly defer: (next: () => void) => void;
}

/**
 * Publishes deliveries in order, at once while there is room in this turn of the loop, else in the
 * turns that follow. Between turns the loop writes to sockets, reads from them and lets newcomers
 * in, however much is published.
 */
export class DeliveryQueue {
  readonly #options: DeliveryQueueOptions;
  #waiting: (string | (() => void))[] = [];
  /** Index of the first one in `#waiting` whose turn has not come. */
  #head = 0;
  #spent = 0;
  #isDeferred = false;

  constructor(options: DeliveryQueueOptions) {
    this.#options = options;
  }

  push(delivery: string): void {
    if (this.size > 0 || this.#spent >= TURN_BUDGET) {
      this.#waiting.push(delivery);
      return;
    }
    this.#publish(delivery);
    this.#defer();
  }

  /** Calls back once everything pushed before has been published. */
  mark(reached: () => void): void {
    if (this.size > 0) {
      this.#waiting.push(reached);
    } else {
      reached();
    }
  }

  /** Deliveries, and marks, that wait for a later turn. */
  get size(): number {
    return this.#waiting.length - this.#head;
  }

  #turn(): void {
    this.#isDeferred = false;
    this.#spent = 0;
    let next = this.#waiting[this.#head];
    while (next !== undefined && this.#spent < TURN_BUDGET) {
      if (typeof next === "string") {
        this.#publish(next);
      } else {
        next();
      }
      this.#head += 1;
      next = this.#waiting[this.#head];
    }
    if (next === undefined) {
      this.#waiting = [];
      this.#head = 0;
    }
    if (this.#spent > 0) {
      this.#defer();
    }
  }

  #publish(delivery: string): void {
    this.#spent += delivery.length;
    this.#options.publish(delivery);
  }

  #defer(): void {
    if (!this.#isDeferred) {
      this.#isDeferred = true;
      this.#options.defer(() => this.#turn());
    }
  }
}
