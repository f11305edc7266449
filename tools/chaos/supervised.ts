import { Child, type ChildOptions } from "../cluster/child.ts";

/** A worker promises to have stopped after 10 s. */
const END_DEADLINE_MS = 12_000;

/** Ends a program, and waits until it is gone. Throws when it takes too long. */
export async function endChild(child: Child, signal: NodeJS.Signals): Promise<void> {
  child.signal(signal);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Error(`${child.name} runs on ${END_DEADLINE_MS} ms after ${signal}`));
  }, END_DEADLINE_MS);
  try {
    await Promise.race([child.ended(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** How a program has ended. */
export interface Ended {
  /** A signal's name or an exit status. */
  readonly how: string;
  /** Whether the script has ended it. */
  readonly isMeant: boolean;
}

/** As long as systemd waits with `deploy/wavelog_worker.service` (`RestartSec`), in milliseconds. */
const RESTART_AFTER_MS = 100;

/** A program under a supervisor as systemd is one: whenever it ends, it is started again. */
export class Supervised implements AsyncDisposable {
  /** Every end so far. */
  readonly ends: Ended[] = [];
  readonly #options: ChildOptions;
  #child: Child;
  #isEndMeant = false;
  #isOver = false;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.#child = this.#start();
  }

  /** The process that runs now. */
  get pid(): number {
    return this.#child.pid;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Sends a signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.signal(signal);
  }

  /** Ends the process that runs now, and waits until it has ended; the next one starts soon. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#isEndMeant = true;
    await endChild(this.#child, signal);
  }

  /** Ends it for good. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#child.signal("SIGKILL");
    await this.#child.ended();
  }

  #start(): Child {
    const child = new Child(this.#options);
    void this.#restartAfter(child);
    return child;
  }

  async #restartAfter(child: Child): Promise<void> {
    await child.ended();
    this.ends.push({ how: child.end ?? "unknown", isMeant: this.#isEndMeant });
    this.#isEndMeant = false;
    await Bun.sleep(RESTART_AFTER_MS);
    if (!this.#isOver) {
      this.#child = this.#start();
    }
  }
}
