import { blocks, type Fit, fitLine, type Point } from "./fit.ts";

/** What is known of the worker at a moment. */
export interface Sample {
  /** Seconds from the start of the load. */
  readonly at: number;
  /** Resident memory in MiB. */
  readonly memory: number;
  /** Open files, sockets of clients among them. */
  readonly files: number;
  readonly threads: number;
  /** How long the status call took, in milliseconds: the delay of the main thread's loop, and more. */
  readonly status: number;
  /** Median of connect, upgrade and auth of clients since the last sample, in milliseconds: the gateway's. */
  readonly handshake: number;
}

/** A thing that is sampled. */
export interface Metric {
  readonly key: Exclude<keyof Sample, "at">;
  readonly what: string;
  readonly unit: string;
  /**
   * Growth in an hour that is no leak. A KiB lost with each session would be 50 MiB an hour, a file
   * left open with one in a thousand 50 files.
   */
  readonly bound: number;
}

export const METRICS: readonly Metric[] = [
  { key: "memory", what: "memory", unit: "MiB", bound: 16 },
  { key: "files", what: "open files", unit: "", bound: 10 },
  { key: "threads", what: "threads", unit: "", bound: 1 },
  { key: "status", what: "delay of the main thread", unit: "ms", bound: 1 },
  { key: "handshake", what: "delay of the gateway", unit: "ms", bound: 2 },
];

/** Standard errors within which a slope is noise: of ten fits, one in a hundred runs is outside. */
const NOISE_ERRORS = 3;

/** A metric over a run. */
export interface Finding {
  readonly metric: Metric;
  readonly fit: Fit;
  /** Whether it has grown by more than noise and more than its bound. */
  readonly hasGrown: boolean;
}

/** A metric's values from a moment on. */
export function pointsOf(samples: readonly Sample[], metric: Metric, from: number): Point[] {
  return samples
    .filter((sample) => sample.at >= from && Number.isFinite(sample[metric.key]))
    .map((sample) => ({ at: sample.at, value: sample[metric.key] }));
}

/** Fits every metric from the end of the warm-up on. */
export function findings(samples: readonly Sample[], warmUp: number): Finding[] {
  return METRICS.map((metric) => {
    const fit = fitLine(blocks(pointsOf(samples, metric, warmUp)));
    const hasGrown = fit.perHour > NOISE_ERRORS * fit.error && fit.perHour > metric.bound;
    return { metric, fit, hasGrown };
  });
}
