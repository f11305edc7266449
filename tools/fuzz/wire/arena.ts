import { eventually } from "../../../test/support/changes.ts";
import { openFiles, residentBytes } from "../../../test/support/proc.ts";
import type { Witness } from "../../../test/support/witness.ts";
import type { WorkerProcess } from "../../../test/support/worker.ts";
import { Wrong } from "../check.ts";

const MIB = 1024 * 1024;

/**
 * What a garbage-collected program may hold more at rest than after its first cases, in bytes; a
 * leak of 4 KiB for each of the cases would be more.
 */
const MEMORY_MARGIN = 160 * MIB;

/** Files that a runtime opens for itself when it first needs them. */
const FILES_MARGIN = 6;

/** How long memory and files may take to be given back, in milliseconds. */
const REST_MS = 20_000;

/** The program that is attacked: its workers, and ordinary people who must not notice. */
export class Arena implements AsyncDisposable {
  readonly #workers: readonly WorkerProcess[];
  readonly #witnesses: readonly Witness[];
  readonly #scope: AsyncDisposableStack;
  /** How many lines of each worker's log have been looked at. */
  readonly #linesSeen: number[];
  readonly #filesAtStart: readonly number[];
  /** After the first batch: what is loaded and compiled once is no growth. */
  #bytesAtStart: readonly number[] | undefined;

  /** @param scope Ends what belongs to it. */
  constructor(
    workers: readonly WorkerProcess[],
    witnesses: readonly Witness[],
    scope: AsyncDisposableStack,
  ) {
    this.#workers = workers;
    this.#witnesses = witnesses;
    this.#scope = scope;
    this.#linesSeen = workers.map(() => 0);
    this.#filesAtStart = workers.map(({ pid }) => openFiles(pid));
  }

  /** Rejects when a worker has ended, or said that something is wrong with itself. */
  async inspect(): Promise<void> {
    for (const [index, worker] of this.#workers.entries()) {
      const { all } = worker.stdout;
      const lines = all.slice(this.#linesSeen[index]);
      this.#linesSeen[index] = all.length;
      const bad = lines.find((line) => !/^\{"level":"(?:info|warn)"/.test(line));
      if (worker.program.hasEnded) {
        throw new Wrong(`the worker has ended: ${worker.stderr.text}${bad ?? ""}`);
      }
      if (bad !== undefined || worker.stderr.text !== "") {
        throw new Wrong(`the worker says: ${worker.stderr.text}${bad ?? ""}`);
      }
    }
    this.#bytesAtStart ??= this.#workers.map(({ pid }) => residentBytes(pid));
  }

  /** Looks back when all is over: nobody was disturbed, nothing has grown, and it stops as it should. */
  async finish(): Promise<void> {
    await this.inspect();
    await Promise.all(this.#witnesses.map((witness) => witness.stop()));
    for (const [index, worker] of this.#workers.entries()) {
      const bytes = (this.#bytesAtStart?.[index] ?? 0) + MEMORY_MARGIN;
      await atRest(
        () => residentBytes(worker.pid) < bytes,
        () => `${residentBytes(worker.pid)} bytes of memory, more than ${bytes}`,
      );
      const files = (this.#filesAtStart[index] ?? 0) + FILES_MARGIN;
      await atRest(
        () => openFiles(worker.pid) <= files,
        () => `${openFiles(worker.pid)} files are open, more than ${files}`,
      );
      const status = await worker.stop();
      if (status !== 0 || worker.stderr.text !== "") {
        throw new Wrong(`the worker ended with ${status}: ${worker.stderr.text}`);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#witnesses.map((witness) => witness.stop()));
    await this.#scope.disposeAsync();
  }
}

/** Waits for what holds once the program is at rest; rejects when it never does. */
async function atRest(holds: () => boolean, what: () => string): Promise<void> {
  try {
    await eventually(holds, "the worker to be at rest", REST_MS);
  } catch (cause) {
    throw new Wrong(what(), { cause });
  }
}
