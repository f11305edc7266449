/**
 * UTF-16 units of deliveries that are published in one turn of the loop. What is published in one
 * turn is written to each socket at once, so this stays well below the bytes a socket may have
 * waiting: a burst alone must never make a good reader look like a slow one. With the default it is
 * still some thousand events per system call.
 *
 * @param maxBuffered Bytes a socket may have waiting (`max_buffered`).
 */
export function turnBudget(maxBuffered: number): number {
  // A unit is three bytes at most.
  return Math.floor(maxBuffered / 4);
}

/** What a {@link DeliveryQueue} needs. */
export interface DeliveryQueueOptions {
  /** See {@link turnBudget}. */
  readonly budget: () => number;
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
  #waiting: string[] = [];
  /** Index of the first delivery in `#waiting` that has not been published. */
  #head = 0;
  #spent = 0;
  #isDeferred = false;

  constructor(options: DeliveryQueueOptions) {
    this.#options = options;
  }

  push(delivery: string): void {
    if (this.size > 0 || this.#spent >= this.#options.budget()) {
      this.#waiting.push(delivery);
      return;
    }
    this.#publish(delivery);
    this.#defer();
  }

  /** Deliveries that wait for a later turn. */
  get size(): number {
    return this.#waiting.length - this.#head;
  }

  #turn(): void {
    this.#isDeferred = false;
    this.#spent = 0;
    const budget = this.#options.budget();
    let delivery = this.#waiting[this.#head];
    while (delivery !== undefined && this.#spent < budget) {
      this.#publish(delivery);
      this.#head += 1;
      delivery = this.#waiting[this.#head];
    }
    if (delivery === undefined) {
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
