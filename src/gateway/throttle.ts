/** A bound, or a count, of deliveries that wait for a gateway thread. */
export interface QueueSize {
  readonly events: number;
  /** UTF-16 units. */
  readonly units: number;
}

/** What waits for a gateway thread. */
export interface Backlog extends QueueSize {
  /** What the thread can hand to its sockets within {@link MAX_DELAY_MS}; nothing if unknown. */
  readonly reach: QueueSize;
}

/** What a {@link Throttle} needs. */
export interface ThrottleOptions {
  /** From here on the threads count as full. A single event may go beyond `units`, however large. */
  readonly limits: QueueSize;
  /** What waits for each thread. */
  readonly backlogs: () => readonly Backlog[];
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Runs something so many milliseconds later. */
  readonly defer: (next: () => void, ms: number) => void;
}

/** How long a publish waits for room, in milliseconds: PHP itself gives up after a second. */
export const PATIENCE_MS = 250;

/** How often it is looked whether there is room again, in milliseconds. */
const LOOK_MS = 4;

/**
 * No more is let in than is delivered in this time, in milliseconds, though there be room: what is
 * late is of no use, and after a flood all is soon as before.
 */
export const MAX_DELAY_MS = 500;

/**
 * The part of the limits that is always let in: a thread that lets ten thousand browsers in is late,
 * but not flooded.
 */
const ALWAYS_FREE = 0.1;

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
  #limits: QueueSize;
  #waitingUnits = 0;

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#limits = options.limits;
  }

  /** From now on these limits hold; what waits is let in or refused by them. */
  reconfigure(limits: QueueSize): void {
    this.#limits = limits;
  }

  /** Whether the threads have no room at this moment. */
  get isFull(): boolean {
    return !this.#fits(this.#options.backlogs(), 0, 0);
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
      this.#waiting.length >= MAX_WAITING || this.#waitingUnits >= this.#limits.units;
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
    const backlogs = this.#options.backlogs();
    const now = this.#options.now();
    let events = 0;
    let units = 0;
    let first = this.#waiting[0];
    while (first !== undefined) {
      const fits = this.#fits(backlogs, events, units);
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

  /** Whether there is room in every thread, beside so much that has just been let in. */
  #fits(backlogs: readonly Backlog[], events: number, units: number): boolean {
    const limits = this.#limits;
    return backlogs.every(
      (backlog) =>
        backlog.events + events < bound(limits.events, backlog.reach.events) &&
        backlog.units + units < bound(limits.units, backlog.reach.units),
    );
  }
}

function bound(limit: number, reach: number): number {
  return Math.min(limit, Math.max(limit * ALWAYS_FREE, reach));
}
