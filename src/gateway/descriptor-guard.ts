/** With fewer files left than this, browsers are accepted no longer. */
const PAUSE_BELOW = 16;

/** With this many left beside the spare ones, they are accepted again. */
const RESUME_FROM = 32;

/** How long to wait after the port could not be had again, in milliseconds. */
const RETRY_MS = 1000;

/**
 * How often it is looked how many files are left, in milliseconds: PHP, which has a second, waits for
 * the next look when strangers have taken all of them.
 */
const LOOK_MS = 50;
const MAX_LOOK_MS = 250;

/** Files that strangers are taken to open in a millisecond: some times what a storm of browsers does. */
const TAKEN_PER_MS = 100;

/** What a {@link DescriptorGuard} needs. */
export interface DescriptorGuardOptions {
  /** Files the process may have open. */
  readonly limit: number;
  /** How many of them are kept back. */
  readonly spare: number;
  readonly openFiles: () => number;
  /** Opens a file that stands for one that is kept back. Throws when there is none left. */
  readonly hold: () => number;
  readonly release: (file: number) => void;
  /** The gateways' listeners. `resume` rejects when the port cannot be had. */
  readonly gateways: { pause(): Promise<void>; resume(): Promise<void> };
  readonly events: DescriptorEvents;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/** Told of what the guard has done. */
export interface DescriptorEvents {
  /** Browsers are accepted no longer: so many files of the limit are open. */
  acceptPaused(open: number, limit: number): void;
  /** They are again, after so many milliseconds. */
  acceptResumed(pausedMs: number): void;
  /** They should be, but the port cannot be had. */
  acceptFailed(fault: unknown): void;
}

/**
 * Sees to it that PHP gets in when strangers have taken all the files there are. A connection takes
 * its file before it has sent a byte, and a thread accepts as fast as it can; so some files are kept
 * back (opened at the start), and when the others are gone, the gateways stop accepting and the
 * spare ones are let go, for the internal API alone. Strangers who say nothing are closed after some
 * 12 s by Bun; once there is room again, files are put back and the gateways listen again. Sockets
 * that are open stay.
 */
export class DescriptorGuard {
  readonly #options: DescriptorGuardOptions;
  readonly #spare: number[] = [];
  #state: "open" | "changing" | "paused" = "open";
  #change: Promise<void> = Promise.resolve();
  #pausedAt = 0;
  #notBefore = Number.NEGATIVE_INFINITY;
  #pauses = 0;
  #isStopped = false;

  constructor(options: DescriptorGuardOptions) {
    this.#options = options;
  }

  /** How often browsers were not accepted for a while. */
  get pauses(): number {
    return this.#pauses;
  }

  /**
   * Looks how many files are left, and acts on it.
   *
   * @returns In how many milliseconds it should look again: before all that are left can be gone, but
   *   an idle worker is not woken for nothing.
   */
  look(): number {
    if (this.#isStopped || this.#state === "changing") {
      return LOOK_MS;
    }
    const { limit, spare, openFiles, now } = this.#options;
    const open = openFiles();
    if (this.#state === "open") {
      this.#hold();
      if (limit - open >= PAUSE_BELOW) {
        return Math.min(Math.max(LOOK_MS, (limit - open) / TAKEN_PER_MS), MAX_LOOK_MS);
      }
      this.#begin(this.#pause(open));
    } else if (limit - open >= spare + RESUME_FROM && now() >= this.#notBefore) {
      this.#begin(this.#resume());
    }
    return LOOK_MS;
  }

  /** Does nothing any more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#change;
    this.#release();
  }

  #begin(change: Promise<void>): void {
    this.#change = change;
  }

  async #pause(open: number): Promise<void> {
    this.#state = "changing";
    this.#pauses += 1;
    this.#pausedAt = this.#options.now();
    this.#options.events.acceptPaused(Math.min(open, this.#options.limit), this.#options.limit);
    await this.#options.gateways.pause();
    // Not before: a thread that still accepts would have them at once.
    this.#release();
    this.#state = "paused";
  }

  async #resume(): Promise<void> {
    this.#state = "changing";
    const { gateways, events, now } = this.#options;
    try {
      this.#hold();
      await gateways.resume();
      this.#state = "open";
      events.acceptResumed(now() - this.#pausedAt);
    } catch (fault) {
      this.#notBefore = now() + RETRY_MS;
      events.acceptFailed(fault);
      await gateways.pause();
      this.#release();
      this.#state = "paused";
    }
  }

  /** Opens what is missing of the spare files, as far as there are any. */
  #hold(): void {
    try {
      while (this.#spare.length < this.#options.spare) {
        this.#spare.push(this.#options.hold());
      }
    } catch {
      // There is none left, which the next look at their number tells.
    }
  }

  #release(): void {
    for (const file of this.#spare.splice(0)) {
      this.#options.release(file);
    }
  }
}
