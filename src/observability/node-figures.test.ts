import { describe, expect, test } from "bun:test";
import { MAX_REPORT_LENGTH, readNodeReport } from "../protocol/node-report.ts";
import { Incidents } from "./incidents.ts";
import { mostWatched, NodeFigures } from "./node-figures.ts";

function scene(watchers: ReadonlyMap<string, number> = new Map([["a", 3]])) {
  const clock = { now: 0, deliveries: 0 };
  const incidents = new Incidents({
    node: "n",
    redisAddress: "",
    now: () => clock.now,
    wallClock: () => clock.now,
  });
  const figures = new NodeFigures({
    readiness: () => "ready",
    headcount: () => ({ sockets: 3, activeTopics: 1 }),
    threads: () => [
      { lagMs: 0.5, report: { deliveries: clock.deliveries } },
      { lagMs: 1.234, report: { deliveries: 1000 } },
    ],
    probeMs: () => undefined,
    closes: () => ({ client: 1 }),
    refusals: () => ({ auth: 2 }),
    incidents: () => incidents.list(),
    watchers: () => watchers,
    now: () => clock.now,
    wallClock: () => Date.parse("2026-01-31T18:00:00.000Z") + clock.now,
  });
  return { clock, figures, incidents };
}

test("a node tells how it does, with rates of the last seconds", () => {
  const { clock, figures } = scene();
  expect(figures.details()).toEqual({
    state: "ready",
    active_topics: 1,
    publishes_per_s: 0,
    deliveries_per_s: 0,
    lag_ms: 1.23,
    last_publish: null,
    disconnects: { client: 1 },
    refusals: { auth: 2 },
    incidents: [],
    watchers: [["a", 3]],
  });
  figures.tick();
  for (let second = 1; second <= 4; second += 1) {
    clock.now = second * 1000;
    clock.deliveries += 30;
    figures.published();
    figures.published();
    figures.tick();
  }
  expect(figures.details()).toMatchObject({
    publishes_per_s: 2,
    deliveries_per_s: 30,
    last_publish: "2026-01-31T18:00:04.000Z",
  });
  expect(figures.figures()).toEqual({
    sockets: 3,
    publishes: 2,
    deliveries: 30,
    lag: 1.234,
    redis: null,
  });
});

test("a report can always be read by the others, whatever is in it", () => {
  const long = new Map(
    Array.from({ length: 1000 }, (_, index) => [`${index}`.padEnd(1024, "\u0001"), index] as const),
  );
  const { figures, incidents } = scene(long);
  for (let node = 0; node < 100; node += 1) {
    incidents.peerGone({ node: `${node}`, host: "\ud83d".repeat(300) }, false, 0);
  }
  incidents.redisDown("\u001b".repeat(10_000));
  const plain = { node: "n", host: "h", version: "1", started: "now", topics: 1 };
  const text = JSON.stringify({
    ...plain,
    sockets: 1,
    clients: 1,
    probe_ms: null,
    ...figures.details(),
  });
  expect(text.length).toBeLessThan(MAX_REPORT_LENGTH);
  const read = readNodeReport(text);
  expect(read?.incidents?.length).toBe(8);
  expect(read?.watchers?.length).toBeWithin(5, 20);
});

describe("the topics with the most sockets", () => {
  test("come first, by name where it is the same", () => {
    const watchers = new Map([
      ["c", 1],
      ["b", 5],
      ["a", 1],
      ["d", 7],
    ]);
    expect(mostWatched(watchers, 3)).toEqual([
      ["d", 7],
      ["b", 5],
      ["a", 1],
    ]);
    expect(mostWatched(watchers, 4).length).toBe(4);
    expect(mostWatched(new Map(), 3)).toEqual([]);
  });

  test("are found among many", () => {
    const watchers = new Map(
      Array.from({ length: 50_000 }, (_, index) => [`${index}`, (index * 7919) % 50_000] as const),
    );
    const found = mostWatched(watchers, 200);
    expect(found.map(([, sockets]) => sockets)).toEqual(
      Array.from({ length: 200 }, (_, index) => 49_999 - index),
    );
  });
});
