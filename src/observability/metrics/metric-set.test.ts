import { describe, expect, test } from "bun:test";
import { MetricSet } from "./metric-set.ts";

describe("a set of metrics, as text", () => {
  test("has name, help and type of each, and its figures as they are when it is asked", async () => {
    const set = new MetricSet();
    let depth = 3;
    set.gauge("depth", "How deep it is.", () => depth);
    expect(await set.text()).toBe(
      "# HELP wavelog_worker_depth How deep it is.\n" +
        "# TYPE wavelog_worker_depth gauge\n" +
        "wavelog_worker_depth 3\n",
    );
    depth = 4;
    expect(await set.text()).toContain("\nwavelog_worker_depth 4\n");
  });

  test("leaves out what has no figure", async () => {
    const set = new MetricSet();
    set.gauge("one", "One.", () => undefined);
    set.gauges("two", "Two.", ["thread"], () => [
      { labels: { thread: "1" }, value: undefined },
      { labels: { thread: "2" }, value: 5 },
    ]);
    const series = (await set.text()).split("\n").filter((line) => line.startsWith("wavelog"));
    expect(series).toEqual(['wavelog_worker_two{thread="2"} 5']);
  });

  test("has what others count, and forgets series that are gone", async () => {
    const set = new MetricSet();
    let counts: Readonly<Record<string, number>> = { a: 1, b: 2 };
    set.counters("things_total", "Things.", ["kind"], () =>
      Object.entries(counts).map(([kind, value]) => ({ labels: { kind }, value })),
    );
    expect(await set.text()).toContain('{kind="a"} 1\nwavelog_worker_things_total{kind="b"} 2\n');
    counts = { b: 7 };
    expect((await set.text()).split("\n").slice(2)).toEqual([
      'wavelog_worker_things_total{kind="b"} 7',
      "",
    ]);
  });

  test("keeps Prometheus' own names", async () => {
    const set = new MetricSet();
    set.counter("process_cpu_seconds_total", "Time.", () => 1.5);
    expect(await set.text()).toContain("\nprocess_cpu_seconds_total 1.5\n");
  });

  test("spreads measurements over buckets, each with those below", async () => {
    const set = new MetricSet();
    const observe = set.histogram("wait_seconds", "Waits.", [0.1, 1]);
    for (const seconds of [0.05, 0.5, 0.5, 5]) {
      observe(seconds);
    }
    expect((await set.text()).split("\n").slice(2)).toEqual([
      'wavelog_worker_wait_seconds_bucket{le="0.1"} 1',
      'wavelog_worker_wait_seconds_bucket{le="1"} 3',
      'wavelog_worker_wait_seconds_bucket{le="+Inf"} 4',
      "wavelog_worker_wait_seconds_sum 6.05",
      "wavelog_worker_wait_seconds_count 4",
      "",
    ]);
  });

  test("takes measurements of known values alone, which are all there from the start", async () => {
    const set = new MetricSet();
    const observe = set.histograms("wait_seconds", "Waits.", [1], "thread", ["1", "2"]);
    observe("2", 0.5);
    observe("3", 0.5);
    const counts = (await set.text()).split("\n").filter((line) => line.includes("_count"));
    expect(counts).toEqual([
      'wavelog_worker_wait_seconds_count{thread="1"} 0',
      'wavelog_worker_wait_seconds_count{thread="2"} 1',
    ]);
  });

  test("is described for its readers", () => {
    const set = new MetricSet();
    set.gauge("depth", "How deep it is.", () => 1);
    set.tally("ends_total", "Ends.", new Map([["x", { code: "1", reason: "x" }]]));
    expect(set.families).toEqual([
      { name: "wavelog_worker_depth", type: "gauge", help: "How deep it is.", labels: [] },
      {
        name: "wavelog_worker_ends_total",
        type: "counter",
        help: "Ends.",
        labels: ["code", "reason"],
      },
    ]);
  });
});
