import type { Readiness } from "../../protocol/readiness.ts";
import type { EventListener } from "../events.ts";
import type { MetricSet } from "./metric-set.ts";

/** What these metrics are read from. */
export interface WorkerSources {
  /** Such as `1.0.0+1a2b3c4`. */
  readonly version: string;
  readonly readiness: () => Readiness;
  readonly topics: { count(): Promise<number> };
  readonly activeTopics: () => number;
}

const READINESSES: readonly Readiness[] = ["ready", "degraded", "not_ready", "draining"];

/** What the worker is, how it does, and what it knows. */
export class WorkerMetrics implements EventListener {
  #stateFaults = 0;

  constructor(set: MetricSet, { version, readiness, topics, activeTopics }: WorkerSources) {
    const [release = version, commit = ""] = version.split("+");
    const build = { version: release, commit, bun: Bun.version };
    set.gauges("build_info", "Always 1; the labels say what runs here.", Object.keys(build), () => [
      { labels: build, value: 1 },
    ]);
    set.gauges(
      "readiness",
      "1 for what the worker says on /readyz, 0 for everything else.",
      ["state"],
      () => {
        const now = readiness();
        return READINESSES.map((state) => ({ labels: { state }, value: state === now ? 1 : 0 }));
      },
    );
    set.gauge("topics_registered", "Topics that are registered.", () => topics.count());
    set.gauge("topics_active", "Topics with at least one socket here.", activeTopics);
    set.counter(
      "state_file_failures_total",
      "How often the state file could not be used or written.",
      () => this.#stateFaults,
    );
  }

  stateUnusable(): void {
    this.#stateFaults += 1;
  }

  stateWriteFailed(): void {
    this.#stateFaults += 1;
  }
}
