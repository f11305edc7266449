import { readFileSync } from "node:fs";

/** Linux' account of the thread that reads it: nanoseconds on a processor, and two more numbers. */
const SCHEDULE_STATISTICS = "/proc/thread-self/schedstat";

const NANOSECONDS = 1e9;

/** Processor time that the calling thread has used, in seconds; `undefined` where nobody counts it. */
export function threadCpuSeconds(): number | undefined {
  try {
    const [spent = ""] = readFileSync(SCHEDULE_STATISTICS, "latin1").split(" ");
    return /^\d+$/.test(spent) ? Number(spent) / NANOSECONDS : undefined;
  } catch {
    return undefined;
  }
}
