import { eventually, within } from "./changes.ts";
import { Lines } from "./lines.ts";

/** Nothing of the caller's environment: the worker would take settings from it. */
const CLEAN_ENVIRONMENT = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent" };

/** The worker promises to have stopped after 10 s. */
const STOP_DEADLINE_MS = 12_000;

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** A file descriptor for its standard output, which is then not read here. */
  readonly stdout?: number;
}

/** A program that runs, and what it prints. */
export class Program implements AsyncDisposable {
  readonly stdout: Lines;
  readonly stderr: Lines;
  readonly #process: Bun.Subprocess<"ignore" | Uint8Array, "pipe" | number, "pipe">;

  constructor(command: readonly string[], options: ProgramOptions = {}) {
    const { cwd, env = {}, stdin, stdout = "pipe" } = options;
    this.#process = Bun.spawn([...command], {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...CLEAN_ENVIRONMENT, ...env },
      stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
      stdout,
      stderr: "pipe",
    });
    const output = this.#process.stdout;
    this.stdout = new Lines(output instanceof ReadableStream ? output : undefined);
    this.stderr = new Lines(this.#process.stderr);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Whether it has ended, in whatever way. */
  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Waits for its end and all it prints: the exit status, or the signal that ended it. */
  async exit(deadlineMs: number = STOP_DEADLINE_MS): Promise<number | NodeJS.Signals> {
    await within(this.#process.exited, "the program to end", deadlineMs);
    await within(
      Promise.all([this.stdout.finished, this.stderr.finished]),
      "the program's output to end",
      deadlineMs,
    );
    return this.#process.signalCode ?? this.#process.exitCode ?? 0;
  }

  /** Waits until it is gone, without a word about how. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await eventually(() => this.hasEnded, "the program to be gone");
  }
}

/** Runs a program to its end. */
export async function run(
  command: readonly string[],
  options: ProgramOptions = {},
): Promise<{ status: number | NodeJS.Signals; stdout: string; stderr: string }> {
  await using program = new Program(command, options);
  const status = await program.exit();
  return { status, stdout: program.stdout.text, stderr: program.stderr.text };
}
