import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import Registry from "prom-client/lib/registry.js";
import { type Labels, Tally } from "./tally.ts";

/** What begins every name but those that Prometheus itself has chosen. */
const PREFIX = "wavelog_worker_";

/** What a metric is, as its reader and docs/metrics.md know it. */
export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
}

/** A number, or `undefined` while there is none: then the series is absent. */
type Figure = number | undefined;

/** One series of a metric with labels. */
export interface Sample {
  readonly labels: Labels;
  readonly value: Figure;
}

/** Takes a measurement, in seconds. */
export type Observe = (seconds: number) => void;

/**
 * Metrics in Prometheus' text format. Those that are read rather than counted are asked at each
 * scrape. Names are given without their prefix, unless they begin with `process_`.
 */
export class MetricSet {
  readonly #registry = new Registry();
  readonly #families: Family[] = [];

  /** Every metric, in the order of the text. */
  get families(): readonly Family[] {
    return this.#families;
  }

  /** The media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics as they are now. Rejects when one of them cannot be read. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** A number that goes up and down. */
  gauge(name: string, help: string, read: () => Figure | Promise<Figure>): void {
    const config = this.#config("gauge", name, help, []);
    const gauge = new Gauge({
      ...config,
      collect: async () => {
        const value = await read();
        if (value === undefined) {
          gauge.remove();
        } else {
          gauge.set(value);
        }
      },
    });
  }

  /** Numbers that go up and down, told apart by labels. */
  gauges(
    name: string,
    help: string,
    labels: readonly string[],
    read: () => Iterable<Sample>,
  ): void {
    const config = this.#config("gauge", name, help, labels);
    const gauge = new Gauge({
      ...config,
      collect: () => {
        gauge.reset();
        for (const { labels: of, value } of read()) {
          if (value !== undefined) {
            gauge.set(of, value);
          }
        }
      },
    });
  }

  /** A number that somebody else counts up from the start. */
  counter(name: string, help: string, read: () => Figure): void {
    this.counters(name, help, [], () => [{ labels: {}, value: read() }]);
  }

  /** The same, told apart by labels. */
  counters(
    name: string,
    help: string,
    labels: readonly string[],
    read: () => Iterable<Sample>,
  ): void {
    const config = this.#config("counter", name, help, labels);
    const counter = new Counter({
      ...config,
      collect: () => {
        counter.reset();
        for (const { labels: of, value } of read()) {
          if (value !== undefined) {
            counter.inc(of, value);
          }
        }
      },
    });
  }

  /** Counts events of kinds that are known beforehand; an event costs next to nothing. */
  tally(name: string, help: string, kinds: ReadonlyMap<string, Labels>): Tally {
    const tally = new Tally(kinds);
    const [first = {}] = kinds.values();
    this.counters(name, help, Object.keys(first), () => samplesOf(tally));
    return tally;
  }

  /** How measurements, in seconds, are spread. */
  histogram(name: string, help: string, buckets: readonly number[]): Observe {
    const histogram = new Histogram({
      ...this.#config("histogram", name, help, []),
      buckets: [...buckets],
    });
    return (seconds) => histogram.observe(seconds);
  }

  /** The same for each value of a label; other values are left out. */
  histograms(
    name: string,
    help: string,
    buckets: readonly number[],
    label: string,
    values: readonly string[],
  ): (value: string, seconds: number) => void {
    const histogram = new Histogram({
      ...this.#config("histogram", name, help, [label]),
      buckets: [...buckets],
    });
    const known = new Map(values.map((value) => [value, { [label]: value }]));
    for (const labels of known.values()) {
      histogram.zero(labels);
    }
    return (value, seconds) => {
      const labels = known.get(value);
      if (labels !== undefined) {
        histogram.observe(labels, seconds);
      }
    };
  }

  #config(type: Family["type"], name: string, help: string, labels: readonly string[]) {
    const full = name.startsWith("process_") ? name : PREFIX + name;
    this.#families.push({ name: full, type, help, labels });
    return { name: full, help, labelNames: [...labels], registers: [this.#registry] };
  }
}

function* samplesOf(tally: Tally): Iterable<Sample> {
  for (const { labels, count } of tally.rows()) {
    yield { labels, value: count };
  }
}
