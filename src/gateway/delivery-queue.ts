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

/** How long the queue waits for readers that do not keep up before it looks again, in milliseconds. */
const PAUSE_MS = 5;

/** What a {@link DeliveryQueue} needs. */
export interface DeliveryQueueOptions {
  /** See {@link turnBudget}. */
  readonly budget: () => number;
  readonly publish: (delivery: string) => void;
  /** Runs something in the next turn of the loop, after the sockets have been written to. */
  readonly defer: (next: () => void) => void;
  /** Runs something so many milliseconds later. */
  readonly wait: (next: () => void, ms: number) => void;
  /**
   * How long a delivery should wait for its readers, in milliseconds; 0 when they keep up. Asked once
   * for each budget, and again while it waits.
   */
  readonly patience: (delivery: string) => number;
}

/**
 * Publishes deliveries in order, at once while there is room in this turn of the loop, else in the
 * turns that follow. Between turns the loop writes to sockets, reads from them and lets newcomers
 * in, however much is published. When many readers are behind, the machine is too slow and not they:
 * the queue waits for them a little rather than lose them.
 */
export class DeliveryQueue {
  readonly #options: DeliveryQueueOptions;
  #waiting: (string | (() => void))[] = [];
  /** Index of the first one in `#waiting` whose turn has not come. */
  #head = 0;
  #spent = 0;
  #isDeferred = false;
  /** UTF-16 units published since the last look at the readers. */
  #sinceLook = 0;
  /** How long the queue has waited for them since. */
  #waitedMs = 0;

  constructor(options: DeliveryQueueOptions) {
    this.#options = options;
  }

  push(delivery: string): void {
    if (this.size > 0 || this.#spent >= this.#options.budget()) {
      this.#waiting.push(delivery);
      return;
    }
    if (this.#isHeldBack(delivery)) {
      this.#waiting.push(delivery);
      this.#defer();
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
    const first = this.#waiting[this.#head];
    if (typeof first === "string" && this.#isHeldBack(first)) {
      this.#isDeferred = true;
      this.#options.wait(() => this.#turn(), PAUSE_MS);
      return;
    }
    this.#spent = 0;
    const budget = this.#options.budget();
    let next = this.#waiting[this.#head];
    while (next !== undefined && this.#spent < budget) {
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

  /** Whether the readers of the next delivery need time; it looks once for each budget. */
  #isHeldBack(delivery: string): boolean {
    if (this.#sinceLook < this.#options.budget()) {
      return false;
    }
    if (this.#waitedMs < this.#options.patience(delivery)) {
      this.#waitedMs += PAUSE_MS;
      return true;
    }
    this.#waitedMs = 0;
    this.#sinceLook = 0;
    return false;
  }

  #publish(delivery: string): void {
    this.#spent += delivery.length;
    this.#sinceLook += delivery.length;
    this.#options.publish(delivery);
  }

  #defer(): void {
    if (!this.#isDeferred) {
      this.#isDeferred = true;
      this.#options.defer(() => this.#turn());
    }
  }
}
