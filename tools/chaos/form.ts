import type { FaultLengths } from "./script.ts";

/** How large a run is. */
export interface Form {
  /** Browsers of the cluster, over so many topics. */
  readonly browsers: number;
  readonly topics: number;
  /** Browsers of the single worker, over so many topics. */
  readonly singleBrowsers: number;
  readonly singleTopics: number;
  /** Between two events of one PHP, in milliseconds. */
  readonly publishEveryMs: number;
  /** How long everything runs undisturbed before the faults and after them, in milliseconds. */
  readonly calmMs: number;
  readonly lengths: FaultLengths;
}

/** `make chaos`. */
export const FULL: Form = {
  browsers: 500,
  topics: 25,
  singleBrowsers: 100,
  singleTopics: 5,
  publishEveryMs: 40,
  calmMs: 8000,
  lengths: {
    restartedInTurn: 3,
    freezeMs: [3000, 8000],
    emptyAwayMs: [500, 4000],
    reloadMs: 5000,
    garbageMs: [8000, 14_000],
    silentSockets: [2000, 4000],
    stalledReaders: [8, 16],
    singleEveryMs: [8000, 14_000],
  },
};

/** What `make test` has time for. */
export const SHORT: Form = {
  browsers: 60,
  topics: 6,
  singleBrowsers: 15,
  singleTopics: 3,
  publishEveryMs: 50,
  calmMs: 1500,
  lengths: {
    // The rotation restarts one worker; no time for more.
    restartedInTurn: 0,
    freezeMs: [3000, 3500],
    emptyAwayMs: [500, 1500],
    reloadMs: 1000,
    garbageMs: [3000, 4000],
    silentSockets: [200, 300],
    stalledReaders: [2, 4],
    singleEveryMs: [7000, 9000],
  },
};
