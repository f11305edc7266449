import type { EventListener } from "../events.ts";
import { ApiMetrics } from "./api-metrics.ts";
import { ClusterMetrics, type ClusterSources } from "./cluster-metrics.ts";
import { type Family, MetricSet } from "./metric-set.ts";
import { addProcessMetrics, type ProcessSources } from "./process-metrics.ts";
import { Scrape } from "./scrape.ts";
import { SocketMetrics, type SocketSources } from "./socket-metrics.ts";
import { kindsOf, Tally } from "./tally.ts";
import { ThreadMetrics, type ThreadSources } from "./thread-metrics.ts";
import { WorkerMetrics, type WorkerSources } from "./worker-metrics.ts";

/** What the metrics are read from, beside the events they listen to. */
export interface MetricSources {
  readonly worker: WorkerSources;
  readonly sockets: SocketSources;
  readonly threads: ThreadSources;
  readonly process: ProcessSources;
  /** `undefined` for a single worker, which has no metrics about Redis. */
  readonly cluster: ClusterSources | undefined;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/** Limits on which others than sockets may be refused, by their keys in the configuration. */
const OTHER_LIMITS = ["max_topics", "max_queued_events"];

/**
 * The worker's metrics (docs/metrics.md): listens to events and counts them, and reads what others
 * count already, when it is asked.
 */
export class Metrics {
  readonly #set = new MetricSet();
  readonly #scrape: Scrape;
  readonly #sockets: SocketMetrics;
  /** To be told of the worker's events. */
  readonly listeners: readonly EventListener[];

  constructor(sources: MetricSources) {
    const set = this.#set;
    const limits = new Tally(kindsOf("limit", OTHER_LIMITS));
    const worker = new WorkerMetrics(set, sources.worker);
    this.#sockets = new SocketMetrics(set, sources.sockets, limits);
    this.listeners = [
      worker,
      this.#sockets,
      new ApiMetrics(set, limits),
      new ThreadMetrics(set, sources.threads),
      ...(sources.cluster === undefined ? [] : [new ClusterMetrics(set, sources.cluster)]),
    ];
    addProcessMetrics(set, sources.process);
    this.#scrape = new Scrape(() => set.text(), sources.now);
  }

  /** Every metric there is. */
  get families(): readonly Family[] {
    return this.#set.families;
  }

  /** Subscribed sockets that have ended since the start, by reason. */
  closes(): Readonly<Record<string, number>> {
    return this.#sockets.closes();
  }

  /** The media type of {@link text}. */
  get contentType(): string {
    return this.#set.contentType;
  }

  /** All metrics in Prometheus' text format. Rejects on a bug. */
  text(): Promise<string> {
    return this.#scrape.text();
  }
}
