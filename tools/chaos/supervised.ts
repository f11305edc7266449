import { Child, type ChildOptions } from "../cluster/child.ts";

/** How a program has ended. */
export interface Ended {
  /** A signal's name or an exit status. */
  readonly how: string;
  /** Whether the script has ended it. */
  readonly isMeant: boolean;
}

/**
 * A program under a supervisor as systemd is one with `Restart=always`: whenever it ends, it is started
 * again at once.
 */
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

  /** Ends the process that runs now, and waits until it has ended; the next one has started then. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#isEndMeant = true;
    child.signal(signal);
    await child.ended();
  }

  /** Ends it for good. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#child.signal("SIGKILL");
    await this.#child.ended();
  }

  #start(): Child {
    const child = new Child(this.#options);
    void child.ended().then(() => this.#restart(child));
    return child;
  }

  #restart(child: Child): void {
    if (this.#isOver) {
      return;
    }
    this.ends.push({ how: child.end ?? "unknown", isMeant: this.#isEndMeant });
    this.#isEndMeant = false;
    this.#child = this.#start();
  }
}
