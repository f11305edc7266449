import { readdirSync, readFileSync } from "node:fs";

const BYTES_PER_KIB = 1024;

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) {
    throw new Error(`/proc/${pid}/status has no VmRSS`);
  }
  return Number(kib) * BYTES_PER_KIB;
}

/** How many files and sockets a process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
