import type { ReadFile } from "../config/config-file.ts";
import type { Environment } from "../config/environment.ts";
import type { Reread } from "../config/reload.ts";
import type { Config } from "../config/schema.ts";

/** Exit status of a command that did what it was asked. */
export const OK = 0;

/** Exit status when something is wrong with the configuration, the worker or the way to it. */
export const FAILED = 1;

/** Exit status when the command line itself makes no sense. */
export const MISUSED = 2;

/** Where a command's text goes to and comes from. */
export interface Io {
  /** Writes a line of results to standard output. */
  out(line: string): void;
  /** Writes a line for people to standard error. */
  err(line: string): void;
  /** Whether standard output is a terminal. */
  readonly isTty: boolean;
  /** Reads standard input to its end, or up to one byte more than the limit. */
  readInput(maxBytes: number): Promise<Uint8Array>;
}

/**
 * Runs a worker until it stops.
 *
 * @param reread Reads the configuration again, from where it came.
 * @returns the exit status.
 */
export type Serve = (
  config: Config,
  version: string,
  err: (line: string) => void,
  reread: () => Reread,
) => Promise<number>;

/** Everything the commands need from outside, so that tests can give them something else. */
export interface CliDeps {
  readonly io: Io;
  readonly env: Environment;
  readonly readFile: ReadFile;
  /** CPU cores this process may use. */
  readonly cores: number;
  readonly serve: Serve;
  readonly version: () => string;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Random bytes fit for secrets. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Waits that many milliseconds, or until the signal aborts; never rejects. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From now on, Ctrl-C or SIGTERM aborts this signal instead of ending the process. */
  readonly interrupted: () => AbortSignal;
}
