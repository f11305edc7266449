import type { MetricSet } from "./metric-set.ts";

/** What these metrics are read from. */
export interface ProcessSources {
  /** Infinite when none is left to count with. */
  readonly openFiles: () => number;
  /** `undefined` where it cannot be read. */
  readonly fileLimit: number | undefined;
}

const MICROSECONDS = 1e6;

/**
 * The process as a whole, under the names every Prometheus client uses. Written here and not taken
 * from prom-client: of what that collects by default, Bun answers handles, heap spaces and pauses of
 * the garbage collector with nought, and `process_heap_bytes` is address space (6 GB).
 */
export function addProcessMetrics(set: MetricSet, { openFiles, fileLimit }: ProcessSources): void {
  set.counter(
    "process_cpu_seconds_total",
    "Processor time of the process, of user and system together.",
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS;
    },
  );
  set.gauge(
    "process_start_time_seconds",
    "When the process was started, in Unix seconds.",
    () => performance.timeOrigin / 1000,
  );
  set.gauge("process_resident_memory_bytes", "Memory the process has in RAM.", () =>
    process.memoryUsage.rss(),
  );
  set.gauge("process_open_fds", "Open file descriptors, those kept back for PHP among them.", () =>
    Math.min(openFiles(), fileLimit ?? Number.POSITIVE_INFINITY),
  );
  set.gauge("process_max_fds", "How many file descriptors may be open.", () => fileLimit);
}
