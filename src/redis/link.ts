import { backoffMs } from "./backoff.ts";
import type { RedisSession } from "./session.ts";

/** Told of what happens to the link; each call once per change. */
export interface LinkEvents {
  /** Redis is there and everything missed has been made up for. */
  up(awayMs: number): void;
  /** Redis is no longer there. */
  down(reason: string): void;
  /** Redis was not there at the start. */
  unavailable(reason: string): void;
}

/** What a {@link RedisLink} needs. */
export interface RedisLinkOptions {
  /** Opens a session within its own deadline, or rejects with the reason. */
  readonly open: () => Promise<RedisSession>;
  /**
   * Makes a fresh session useful: subscribes, catches up, restores. Only when it has resolved is the
   * link up. A rejection gives the session up.
   */
  readonly recover: (session: RedisSession) => Promise<void>;
  /** The session that was given to `recover` is of no use any more. */
  readonly onLost: () => void;
  readonly events: LinkEvents;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  readonly random: () => number;
}

/** How long making up for an outage may take, in milliseconds; a log of 5 minutes takes a fraction. */
const RECOVERY_DEADLINE_MS = 15_000;

/** How long Redis may be silent meanwhile, in milliseconds, and how often that is looked at. */
const RECOVERY_SILENCE_MS = 2500;
const SILENCE_CHECK_MS = 250;

/**
 * Keeps a session to Redis: opens one, has it made useful, waits until it is lost, and begins anew,
 * with pauses that grow while it fails. Nobody ever waits for it: `session` says what there is now.
 */
export class RedisLink {
  readonly #options: RedisLinkOptions;
  #session: RedisSession | undefined;
  #attempt: RedisSession | undefined;
  #isStopped = false;
  #awaySince: number;
  #hasFailed = false;
  #wake: (() => void) | undefined;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.#awaySince = options.now();
  }

  /** The session in use; `undefined` while Redis is away. */
  get session(): RedisSession | undefined {
    return this.#session;
  }

  /** Starts, and resolves when the first attempt has succeeded or failed. Never rejects. */
  async start(): Promise<void> {
    const isUp = await this.#try();
    void this.#keep(isUp);
  }

  /** Gives the session up for a reason the link cannot see itself, and begins anew. */
  fail(reason: string): void {
    this.#session?.close(reason);
    this.#attempt?.close(reason);
  }

  /** Ends for good. */
  stop(): void {
    this.#isStopped = true;
    this.fail("stopped");
    this.#wake?.();
  }

  async #keep(isUpAtStart: boolean): Promise<void> {
    let isUp = isUpAtStart;
    let failures = 0;
    while (!this.#isStopped) {
      if (isUp) {
        failures = 0;
        await this.#untilLost();
      } else {
        failures += 1;
      }
      await this.#pause(backoffMs(failures, this.#options.random()));
      isUp = !this.#isStopped && (await this.#try());
    }
  }

  async #untilLost(): Promise<void> {
    const reason = (await this.#session?.lost) ?? "lost";
    this.#session = undefined;
    this.#awaySince = this.#options.now();
    this.#hasFailed = true;
    this.#options.onLost();
    if (!this.#isStopped) {
      this.#options.events.down(reason);
    }
  }

  async #try(): Promise<boolean> {
    const { open, recover, events, now } = this.#options;
    try {
      const session = await open();
      this.#attempt = session;
      if (this.#isStopped) {
        throw new Error("stopped");
      }
      const deadline = setTimeout(() => {
        session.close("catching up took too long");
      }, RECOVERY_DEADLINE_MS);
      const watch = setInterval(() => {
        if (session.stalledMs() > RECOVERY_SILENCE_MS) {
          session.close("no answer while catching up");
        }
      }, SILENCE_CHECK_MS);
      const lost = session.lost.then((reason) => {
        throw new Error(reason);
      });
      try {
        await Promise.race([recover(session), lost]);
      } finally {
        clearTimeout(deadline);
        clearInterval(watch);
      }
      if (this.#isStopped) {
        throw new Error("stopped");
      }
      // From here on the loss is awaited by `#untilLost`.
      lost.catch(() => undefined);
      this.#session = session;
      events.up(now() - this.#awaySince);
      return true;
    } catch (fault) {
      const reason = fault instanceof Error ? fault.message : String(fault);
      if (this.#attempt !== undefined) {
        this.#attempt.close(reason);
        this.#options.onLost();
      }
      if (!this.#hasFailed && !this.#isStopped) {
        this.#hasFailed = true;
        events.unavailable(reason);
      }
      return false;
    } finally {
      this.#attempt = undefined;
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
