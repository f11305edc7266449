import { closeSync, openSync } from "node:fs";
import type { Cleanup } from "./cleanup.ts";
import { within } from "./deadline.ts";

/** The worker promises to have stopped 10 s after SIGTERM; whoever takes longer is killed. */
const STOP_MS = 12_000;
/** The kernel ends a killed process at once. */
const KILL_MS = 2_000;
/** Enough of a log to see why a server ended. */
const LOG_TAIL_CHARS = 2_000;

/** For its owner's eyes only: it may tell what was configured. */
const LOG_MODE = 0o600;
/** Nothing of the caller's environment, because the worker takes settings from there. */
export const CLEAN_ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin" };

/** How to start a program that runs until it is stopped. */
export interface ChildOptions {
  /** What it is called in messages. */
  readonly name: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it may end with any status when it is told to. */
  readonly anyStatus?: boolean;
  /** The file its stdout and stderr go to. */
  readonly log: string;
  readonly cleanup: Cleanup;
}

/**
 * A server process. Stopped when the bench ends, if not earlier.
 */
export class Child implements AsyncDisposable {
  readonly pid: number;
  readonly #process: Bun.Subprocess;
  readonly #options: ChildOptions;
  readonly #forget: () => void;

  constructor(options: ChildOptions) {
    options.cleanup.assertOpen();
    this.#options = options;
    // One descriptor for both, so that neither overwrites the other's lines.
    const log = openSync(options.log, "a", LOG_MODE);
    try {
      this.#process = Bun.spawn([...options.command], {
        env: { ...CLEAN_ENVIRONMENT, ...options.environment },
        stdin: "ignore",
        stdout: log,
        stderr: log,
      });
    } finally {
      closeSync(log);
    }
    this.pid = this.#process.pid;
    this.#forget = options.cleanup.add(() => this.#end());
  }

  /** Throws, with the end of its log, when the process has ended by itself. */
  async assertRunning(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) return;
    const log = await Bun.file(this.#options.log).text();
    const how = this.#process.signalCode ?? `status ${this.#process.exitCode}`;
    throw new Error(`${this.#options.name} ended (${how}): ${log.slice(-LOG_TAIL_CHARS).trim()}`);
  }

  async #end(): Promise<void> {
    this.#process.kill("SIGTERM");
    try {
      await within(STOP_MS, `${this.#options.name} to stop`, this.#process.exited);
    } catch (error) {
      this.#process.kill("SIGKILL");
      await within(KILL_MS, `${this.#options.name} to be killed`, this.#process.exited);
      throw error;
    } finally {
      this.#endSession();
    }
  }

  /** Whatever the program had started and has left behind; where it led a session of its own. */
  #endSession(): void {
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // Nothing is left, as it should be, or it led none.
    }
  }

  /** Ends the process when something else has failed already: its own faults are not told. */
  async abandon(): Promise<void> {
    this.#forget();
    await this.#end().catch(() => undefined);
  }

  /**
   * Asks the process to stop and waits for its end. Throws when it had ended before, when it had
   * to be killed, and when it ends with another status than 0.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    await this.assertRunning();
    await this.#end();
    if (this.#process.exitCode !== 0 && this.#options.anyStatus !== true) {
      const how = this.#process.signalCode ?? `status ${this.#process.exitCode}`;
      throw new Error(`${this.#options.name} stopped with ${how} instead of status 0`);
    }
  }
}
