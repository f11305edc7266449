import { TOKEN_RESULTS, type TokenResult } from "../../protocol/token.ts";
import type { EventListener } from "../events.ts";
import type { MetricSet, Observe, Sample } from "./metric-set.ts";

/** How one gateway thread does; counts are since its start. */
export interface ThreadFigures {
  /** Events, and UTF-16 units of them, that wait for it. */
  readonly events: number;
  readonly units: number;
  readonly lagMs: number;
  /** What it has told of itself last. */
  readonly report: {
    readonly sockets: number;
    readonly deliveries: number;
    readonly bytes: number;
    readonly buffered: number;
    readonly mostBuffered: number;
    readonly tokens: Readonly<Record<TokenResult, number>>;
    readonly cpuSeconds: number | undefined;
  };
}

/** What these metrics are read from. */
export interface ThreadSources {
  /** Gateway threads, in the order of their numbers, from 1. */
  readonly threads: () => readonly ThreadFigures[];
  /** How many there are, for as long as the process lives. */
  readonly threadCount: number;
  /** Processor time the main thread has used, in seconds. */
  readonly mainCpuSeconds: () => number | undefined;
}

/** The thread of the internal API, which is no gateway thread and has no number. */
export const MAIN_THREAD = "main";

/** Seconds. */
const DELAY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Deliveries, and how the threads do that make them. */
export class ThreadMetrics implements EventListener {
  readonly #observeLag: Observe;
  readonly #observeLoop: (thread: string, seconds: number) => void;

  constructor(set: MetricSet, { threads, threadCount, mainCpuSeconds }: ThreadSources) {
    const sum = (figure: (thread: ThreadFigures) => number): number =>
      threads().reduce((total, thread) => total + figure(thread), 0);
    const each = (figure: (thread: ThreadFigures) => number | undefined): readonly Sample[] =>
      threads().map((thread, index) => ({
        labels: { thread: String(index + 1) },
        value: figure(thread),
      }));
    set.counter(
      "deliveries_total",
      "Frames handed to sockets: an event to ten sockets is ten.",
      () => sum(({ report }) => report.deliveries),
    );
    set.counter(
      "delivered_bytes_total",
      "Bytes of the frames handed to sockets, their WebSocket heads among them.",
      () => sum(({ report }) => report.bytes),
    );
    this.#observeLag = set.histogram(
      "delivery_lag_seconds",
      "Time from the acceptance of an event to its hand-over to the sockets, as measured now and then.",
      DELAY_BUCKETS,
    );
    set.gauge("buffered_bytes", "Bytes that wait for slow readers.", () =>
      sum(({ report }) => report.buffered),
    );
    set.gauge("buffered_max_bytes", "Bytes that wait for the slowest reader.", () =>
      Math.max(0, ...threads().map(({ report }) => report.mostBuffered)),
    );
    set.counters(
      "tokens_total",
      "Tokens checked, by result, those of refreshes among them.",
      ["result"],
      () =>
        TOKEN_RESULTS.map((result) => ({
          labels: { result },
          value: sum(({ report }) => report.tokens[result]),
        })),
    );
    set.gauges("thread_sockets", "Open sockets of each gateway thread.", ["thread"], () =>
      each(({ report }) => report.sockets),
    );
    set.gauges("queued_events", "Events that wait for each gateway thread.", ["thread"], () =>
      each(({ events }) => events),
    );
    set.gauges(
      "queued_bytes",
      "Size of the events that wait for each gateway thread; characters where they are not ASCII.",
      ["thread"],
      () => each(({ units }) => units),
    );
    set.counters("thread_cpu_seconds_total", "Processor time of each thread.", ["thread"], () => [
      { labels: { thread: MAIN_THREAD }, value: mainCpuSeconds() },
      ...each(({ report }) => report.cpuSeconds),
    ]);
    this.#observeLoop = set.histograms(
      "event_loop_delay_seconds",
      "The longest delay of each thread's event loop in each second.",
      DELAY_BUCKETS,
      "thread",
      [MAIN_THREAD, ...Array.from({ length: threadCount }, (_, index) => String(index + 1))],
    );
  }

  deliveryMeasured(lagMs: number): void {
    this.#observeLag(lagMs / 1000);
  }

  loopDelayed(thread: string, delayMs: number): void {
    this.#observeLoop(thread, Math.max(0, delayMs) / 1000);
  }
}
