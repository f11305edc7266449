import { readdirSync, readFileSync } from "node:fs";
import { sum } from "./stats.ts";

/** Kernel and resident memory figures are in KiB. */
const BYTES_PER_KIB = 1024;
const MICROSECONDS_PER_SECOND = 1_000_000;
/** Fields of /proc/PID/stat, counted from behind the name, which may contain spaces. */
const SESSION = 3;
/** utime and stime, then those of children that have ended and were waited for. */
const CPU_FIELDS = [11, 12, 13, 14];

/** Resident memory in bytes. */
export interface Memory {
  /** All resident pages, those shared with other programs too. */
  readonly rss: number;
  /** The same with each shared page divided among those who share it. */
  readonly pss: number;
}

function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // ended meanwhile
  }
}

/** All processes of a session, the leader among them. Throws when there are none. */
export function processesOf(session: number): number[] {
  const found = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statOf(pid)?.[SESSION] === String(session));
  if (found.length === 0) throw new Error(`process ${session} is gone`);
  return found;
}

/**
 * CPU time of all processes of a session with all their threads, user and system, in
 * microseconds. The kernel tells it in steps of one clock tick. Throws when they are gone.
 */
export function cpuMicroseconds(session: number, ticksPerSecond: number): number {
  return sum(processesOf(session).map((pid) => processCpuMicroseconds(pid, ticksPerSecond)));
}

/** The same of one process; 0 when it is gone. */
export function processCpuMicroseconds(pid: number, ticksPerSecond: number): number {
  const ticks = sum(CPU_FIELDS.map((field) => Number(statOf(pid)?.[field] ?? 0)));
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

/** Resident memory of all processes of a session. Throws when one of them is just ending. */
export function memory(session: number): Memory {
  const all = processesOf(session).map(memoryOfOne);
  return { rss: sum(all.map((one) => one.rss)), pss: sum(all.map((one) => one.pss)) };
}
