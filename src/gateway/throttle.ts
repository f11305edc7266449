/** Deliveries that wait for a gateway thread, and UTF-16 units of them. */
export interface Backlog {
  readonly events: number;
  readonly units: number;
}

/** What a {@link Throttle} needs. */
export interface ThrottleOptions {
  /** From here on the threads count as full. A single event may go beyond `units`, however large. */
  readonly limits: Backlog;
  /** What waits for the busiest thread. */
  readonly backlog: () => Backlog;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Runs something so many milliseconds later. */
  readonly defer: (next: () => void, ms: number) => void;
}

/** How long a publish waits for room, in milliseconds: PHP itself gives up after a second. */
export const PATIENCE_MS = 250;

/** How often it is looked whether there is room again, in milliseconds. */
const LOOK_MS = 4;

/** Publishes that may wait at once; beyond, one is refused at once. Their bodies are held. */
const MAX_WAITING = 1000;

interface Waiter {
  readonly units: number;
  readonly until: number;
  readonly settle: (isIn: boolean) => void;
}

/**
 * Lets publishes in while the gateway threads keep up, in the order in which they came. What is let
 * in is delivered; when the threads are full a publish waits a little, then is refused, so that
 * memory stays bounded whatever is published.
 */
export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #waiting: Waiter[] = [];
  #waitingUnits = 0;

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Whether the threads have no room at this moment. */
  get isFull(): boolean {
    return !this.#fits(this.#options.backlog(), 0, 0);
  }

  /**
   * Asks to publish an event of so many UTF-16 units. `true`, or a promise of it, means now; `false`
   * means refused. Never rejects.
   */
  enter(units: number): true | Promise<boolean> {
    if (this.#waiting.length === 0 && !this.isFull) {
      return true;
    }
    const isCrowded =
      this.#waiting.length >= MAX_WAITING || this.#waitingUnits >= this.#options.limits.units;
    if (isCrowded) {
      return Promise.resolve(false);
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const until = this.#options.now() + PATIENCE_MS;
    this.#waitingUnits += units;
    if (this.#waiting.push({ units, until, settle: resolve }) === 1) {
      this.#look();
    }
    return promise;
  }

  #look(): void {
    this.#options.defer(() => this.#settle(), LOOK_MS);
  }

  /** Lets in whoever fits, and refuses whoever has waited long enough. */
  #settle(): void {
    const backlog = this.#options.backlog();
    const now = this.#options.now();
    let events = 0;
    let units = 0;
    let first = this.#waiting[0];
    while (first !== undefined) {
      const fits = this.#fits(backlog, events, units);
      if (!fits && now < first.until) {
        this.#look();
        return;
      }
      this.#waiting.shift();
      this.#waitingUnits -= first.units;
      if (fits) {
        // They publish only after this turn: the backlog does not show them yet.
        events += 1;
        units += first.units;
      }
      first.settle(fits);
      first = this.#waiting[0];
    }
  }

  #fits(backlog: Backlog, events: number, units: number): boolean {
    const { limits } = this.#options;
    return backlog.events + events < limits.events && backlog.units + units < limits.units;
  }
}
