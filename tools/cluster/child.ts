import { closeSync, openSync, readFileSync } from "node:fs";

/** Debian keeps servers in `sbin`, which is not on everybody's path. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/nonexistent",
};

/**
 * What a server is started through. `setsid`: Ctrl-C in the terminal reaches this program alone, which
 * then stops the servers in order. `setpriv`: a server ends when this program dies, whatever kills it.
 */
export const LAUNCHER = ["setsid", "setpriv", "--pdeathsig", "TERM", "--"];

/** A worker promises to have stopped after 10 s; whoever takes longer is killed. */
const STOP_DEADLINE_MS = 12_000;

/** For its owner's eyes only: a log may tell what was configured. */
const LOG_MODE = 0o600;

/** Enough of a log to see why a server ended. */
const LOG_TAIL_CHARS = 1000;

/** How to start a server. */
export interface ChildOptions {
  /** What it is called in messages. */
  readonly name: string;
  readonly command: readonly string[];
  /** Beside {@link ENVIRONMENT}, never the caller's: a worker takes settings from there. */
  readonly env?: Readonly<Record<string, string>>;
  /** The file its output goes to. */
  readonly log: string;
}

/** A server that runs until it is stopped, at the latest at the end of its scope. */
export class Child implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly #process: Bun.Subprocess;
  readonly #log: string;

  constructor({ name, command, env = {}, log }: ChildOptions) {
    this.name = name;
    this.#log = log;
    // One descriptor for both, so that neither overwrites the other's lines.
    const output = openSync(log, "a", LOG_MODE);
    try {
      this.#process = Bun.spawn([...LAUNCHER, ...command], {
        env: { ...ENVIRONMENT, ...env },
        stdin: "ignore",
        stdout: output,
        stderr: output,
      });
    } finally {
      closeSync(output);
    }
    this.pid = this.#process.pid;
  }

  /** How it has ended: a signal's name or an exit status; `undefined` while it runs. */
  get end(): string | undefined {
    const { signalCode, exitCode } = this.#process;
    if (signalCode !== null) {
      return String(signalCode);
    }
    return exitCode === null ? undefined : `status ${exitCode}`;
  }

  /** Resolves when it has ended, in whatever way. */
  async ended(): Promise<void> {
    await this.#process.exited;
  }

  /** Throws, with the end of its log, when it has ended. */
  assertRunning(): void {
    if (this.end !== undefined) {
      const tail = readFileSync(this.#log, "utf8").slice(-LOG_TAIL_CHARS).trim();
      throw new Error(`${this.name} ended (${this.end}): ${tail}`);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Asks it to stop, and waits until it is gone. Also one that is frozen. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGTERM");
    this.signal("SIGCONT");
    const kill = setTimeout(() => this.signal("SIGKILL"), STOP_DEADLINE_MS);
    await this.#process.exited;
    clearTimeout(kill);
  }
}
