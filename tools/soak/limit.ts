import {
  accessSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** As much memory as a worker must do with on a Raspberry Pi, in bytes. */
export const PI_MEMORY_BYTES = 256 * 2 ** 20;

/**
 * Where the kernel shows control groups that may limit memory, by version, and the files that matter.
 * The newer one first.
 */
const HIERARCHIES = [
  {
    version: "v2",
    root: "/sys/fs/cgroup",
    limit: "memory.max",
    swap: "memory.swap.max",
    swapBytes: 0,
    peak: "memory.peak",
  },
  {
    version: "v1",
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    // Memory and swap together.
    swap: "memory.memsw.limit_in_bytes",
    swapBytes: PI_MEMORY_BYTES,
    peak: "memory.max_usage_in_bytes",
  },
] as const;

/** Between two attempts to remove a group whose process is just ending, in milliseconds, and how many. */
const REMOVE_PAUSE_MS = 50;
const REMOVE_TRIES = 40;

/** A limit of memory, by the kernel if this machine and user may set one. */
export class MemoryLimit implements AsyncDisposable {
  /** How memory is limited, in words. */
  readonly how: string;
  readonly #directory: string | undefined;
  readonly #peakFile: string | undefined;

  private constructor(how: string, directory?: string, peakFile?: string) {
    this.how = how;
    this.#directory = directory;
    this.#peakFile = peakFile;
  }

  /** Makes a control group with the limit, of whichever kind can be had. */
  static make(): MemoryLimit {
    for (const { version, root, limit, swap, swapBytes, peak } of HIERARCHIES) {
      const directory = join(root, `wavelog-soak-${process.pid}`);
      try {
        mkdirSync(directory);
      } catch {
        continue;
      }
      try {
        // The kernel makes the files of a group; where it does not, this is none.
        accessSync(join(directory, limit));
        writeFileSync(join(directory, limit), String(PI_MEMORY_BYTES));
        if (existsSync(join(directory, swap))) {
          writeFileSync(join(directory, swap), String(swapBytes));
        }
        const how = `a control group (${version}) allows it 256 MiB`;
        return new MemoryLimit(how, directory, join(directory, peak));
      } catch {
        rmdirSync(directory);
      }
    }
    return new MemoryLimit("no control group here, so measured against 256 MiB");
  }

  /** The command that runs another one under the limit. */
  command(command: readonly string[]): readonly string[] {
    return this.#directory === undefined
      ? command
      : ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', this.#directory, ...command];
  }

  /** Most memory that was ever used, by the kernel's count, in bytes; `undefined` when it has none. */
  peak(): number | undefined {
    if (this.#peakFile === undefined || !existsSync(this.#peakFile)) {
      return undefined;
    }
    return Number(readFileSync(this.#peakFile, "utf8"));
  }

  /** Removes the group; its processes have been ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#directory === undefined) {
      return;
    }
    for (let tries = 1; ; tries += 1) {
      try {
        rmdirSync(this.#directory);
        return;
      } catch (fault) {
        if (tries === REMOVE_TRIES) {
          throw fault;
        }
        await Bun.sleep(REMOVE_PAUSE_MS);
      }
    }
  }
}

/** The first processor that this process may run on. */
export function firstProcessor(): string {
  const status = readFileSync("/proc/self/status", "latin1");
  const list = /^Cpus_allowed_list:\s+(\d+)/m.exec(status)?.[1];
  if (list === undefined) {
    throw new Error("/proc/self/status has no Cpus_allowed_list");
  }
  return list;
}

/** Threads of a process. */
export function threadCount(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}
