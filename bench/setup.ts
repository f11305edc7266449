import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Cleanup } from "./cleanup.ts";
import { run } from "./contenders/run.ts";
import { buildNative, type NativePrograms } from "./native.ts";
import type { Options, WorkerTarget } from "./options.ts";

const ROOT = join(import.meta.dir, "..");
const EXECUTABLE = join(ROOT, "dist", "wavelog_worker");
const SOURCE = join(ROOT, "src", "main.ts");
/** Beside its sockets a server has listeners, threads, libraries. */
const OTHER_FILES = 500;

/** What every scenario needs. */
export interface Setup {
  readonly programs: NativePrograms;
  readonly workerTarget: WorkerTarget;
  /** The worker's program and first arguments. */
  readonly workerCommand: readonly string[];
  readonly workerVersion: string;
  /** For configuration and logs; removed at the end. */
  readonly directory: string;
  readonly cleanup: Cleanup;
  readonly clockTicks: number;
  /** The most files one process may have open. */
  readonly openFiles: number;
  /** Shorter runs, for a look rather than a verdict. */
  readonly quick: boolean;
  /** Says on stderr what is going on. */
  readonly progress: (text: string) => void;
}

async function workerCommand(target: WorkerTarget | undefined) {
  const chosen = target ?? ((await Bun.file(EXECUTABLE).exists()) ? "dist" : "source");
  const file = chosen === "dist" ? EXECUTABLE : SOURCE;
  if (!(await Bun.file(file).exists())) {
    throw new Error(`no worker to measure: ${file} does not exist`);
  }
  // The source runs on the very Bun that runs the bench.
  const command = chosen === "dist" ? [EXECUTABLE] : [process.execPath, SOURCE];
  return { workerTarget: chosen, workerCommand: command };
}

async function versionOf(command: readonly string[]): Promise<string> {
  return (await run([...command, "--version"])).replace(/^\S+ /, "");
}

const limits = z.object({ clock_ticks: z.number(), open_files: z.number() });

/** What the load generator says when it is ready. */
function limitsOf(load: string) {
  const { stdout } = Bun.spawnSync([load], { stdin: Buffer.from("quit\n") });
  const report = limits.parse(JSON.parse(stdout.toString()));
  return { clockTicks: report.clock_ticks, openFiles: report.open_files };
}

/** Compiles what must be compiled and finds the worker. Throws when either cannot be had. */
export async function makeSetup(
  options: Options,
  cleanup: Cleanup,
  progress: (text: string) => void,
): Promise<Setup> {
  const worker = await workerCommand(options.target);
  const workerVersion = await versionOf(worker.workerCommand);
  const programs = await buildNative();
  const directory = await mkdtemp(join(tmpdir(), "wavelog-bench-"));
  cleanup.add(() => rm(directory, { recursive: true, force: true }));
  const { clockTicks, openFiles } = limitsOf(programs.load);
  return {
    ...worker,
    workerVersion,
    programs,
    directory,
    cleanup,
    clockTicks,
    openFiles,
    quick: options.quick,
    progress,
  };
}

/** Throws, saying what to do, when the file limit does not allow so many sockets in one process. */
export function assertFilesFor(setup: Setup, sockets: number): void {
  const needed = sockets + OTHER_FILES;
  if (setup.openFiles < needed) {
    throw new Error(
      `needs ${needed} open files per process, the limit is ${setup.openFiles}; ` +
        `raise it as root: ulimit -Hn ${needed}`,
    );
  }
}
