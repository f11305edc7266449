import { existsSync, readdirSync, readFileSync } from "node:fs";
import { sum } from "./stats.ts";

/** Kernel and resident memory figures are in KiB. */
const BYTES_PER_KIB = 1024;
const MICROSECONDS_PER_SECOND = 1_000_000;
/** Fields 14 and 15 of /proc/PID/stat, counted from behind the name, which may contain spaces. */
const UTIME_AFTER_NAME = 11;
const STIME_AFTER_NAME = 12;

/** Resident memory in bytes. */
export interface Memory {
  /** All resident pages, those shared with other programs too. */
  readonly rss: number;
  /** The same with each shared page divided among those who share it. */
  readonly pss: number;
}

/**
 * CPU time of a whole process, all its threads, user and system, in microseconds. The kernel
 * tells it in steps of one clock tick. Throws when the process is gone.
 */
export function cpuMicroseconds(pid: number, ticksPerSecond: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[UTIME_AFTER_NAME]) + Number(fields[STIME_AFTER_NAME]);
  return (ticks * MICROSECONDS_PER_SECOND) / ticksPerSecond;
}

function memoryOfOne(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const bytes = (name: string): number => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1];
    if (found === undefined) throw new Error(`/proc/${pid}/smaps_rollup has no ${name}`);
    return Number(found) * BYTES_PER_KIB;
  };
  return { rss: bytes("Rss"), pss: bytes("Pss") };
}

function children(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => `/proc/${pid}/task/${thread}/children`)
    .filter(existsSync) // some kernels are built without it
    .flatMap((file) => readFileSync(file, "latin1").split(" "))
    .filter((id) => id !== "")
    .map(Number);
}

/**
 * Resident memory of a process and of the processes it started, should it have started any.
 * Throws when one of them is gone.
 */
export function memory(pid: number): Memory {
  const all = [memoryOfOne(pid), ...children(pid).map(memory)];
  return { rss: sum(all.map((one) => one.rss)), pss: sum(all.map((one) => one.pss)) };
}
