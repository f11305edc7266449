import { describe, expect, test } from "bun:test";
import { fill } from "./fill.ts";
import { readConstants } from "./scaling-constants.ts";
import { scalingTables } from "./scaling-tables.ts";

function row(id: string, value: number) {
  return { id, cells: { worker: { kind: "measured", samples: [value] } } };
}

function line(name: string, points: readonly (readonly [x: number, y: number])[]) {
  return { name, points: points.map(([x, y]) => ({ x, samples: [y] })) };
}

/** A worker whose costs are round numbers. */
function result() {
  return {
    at: "2026-11-24T18:00:00.000Z",
    commit: "abc1234",
    machine: { cores: 2, model: "a processor" },
    scenarios: [
      {
        rows: [
          row("growth-costs.second", 5_000),
          row("growth-costs.event", 200),
          row("growth-costs.delivery", 5),
          row("growth-memory.keep-alive", 15_000),
          row("growth-nodes.intake", 20_000),
        ],
        curves: [
          {
            id: "growth-memory.rss",
            lines: [
              line("worker, 1 thread", [
                [0, 50e6],
                [10_000, 60e6],
              ]),
            ],
          },
          {
            id: "growth-payload.cpu",
            lines: [
              line("worker", [
                [0, 5],
                [1_024, 5.5],
                [2_048, 6],
              ]),
            ],
          },
          {
            id: "growth-nodes.cpu",
            lines: [
              line("the node PHP publishes at", [
                [1, 300],
                [3, 310],
              ]),
              line("each other node, without browsers", [
                [2, 108],
                [3, 110],
              ]),
              line("Redis", [
                [1, 30],
                [2, 35],
                [3, 40],
              ]),
            ],
          },
          {
            id: "growth-nodes.traffic",
            lines: [
              line("to Redis", [
                [1, 800],
                [3, 800],
              ]),
              line("from Redis", [
                [1, 500],
                [3, 1_300],
              ]),
            ],
          },
          {
            id: "growth-threads.burst",
            lines: [
              line("worker", [
                [1, 2e6],
                [2, 1e6],
              ]),
            ],
          },
          {
            id: "growth-threads.cpu",
            lines: [
              line("worker", [
                [1, 0.5],
                [2, 0.6],
              ]),
            ],
          },
          {
            id: "growth-threads.storm",
            lines: [
              line("worker", [
                [1, 500],
                [2, 600],
              ]),
            ],
          },
        ],
      },
    ],
  };
}

describe("constants", () => {
  test("are read from rows and from the slopes of curves", () => {
    const constants = readConstants(result());
    expect(constants).toMatchObject({ second: 5_000, event: 200, delivery: 5, intake: 20_000 });
    // 5,000 µs a second are 10 µs of each of 500 events.
    expect(constants.clusterPublish).toBe(300);
    expect(constants.hear).toBe(100);
    expect(constants.keepAlive).toBeCloseTo(1, 9);
    expect(constants.socketBytes).toBeCloseTo(1_000, 6);
    expect(constants.kib).toBeCloseTo(0.5, 9);
    expect(constants.redisEvent).toBeCloseTo(25, 9);
    expect(constants.redisNode).toBeCloseTo(5, 9);
    expect(constants.redisNodeBytes).toBeCloseTo(400, 9);
    expect(constants.letInPerSecond).toBe(20_000);
  });

  test("that were not measured are named", () => {
    const without = result();
    without.scenarios[0]?.rows.splice(4, 1);
    expect(() => readConstants(without)).toThrow("growth-nodes.intake");
    const { scenarios, ...rest } = result();
    const lineless = scenarios.map((scenario) => ({ ...scenario, curves: [] }));
    expect(() => readConstants({ ...rest, scenarios: lineless })).toThrow("growth-memory.rss");
  });
});

describe("tables", () => {
  const tables = scalingTables(readConstants(result()));
  const cellsOf = (text = "", start: string) =>
    text
      .split("\n")
      .find((candidate) => candidate.startsWith(start))
      ?.split(" | ");

  test("calculate a contest of 100,000 as the formulas say", () => {
    // 2,000 events: 0.6 cores to publish, 0.2 to hear; 2,000 deliveries a node and 20,000 pings.
    expect(cellsOf(tables["today"], "| 100,000 | contest")).toEqual([
      "| 100,000",
      "contest: 2,000/s events, 10,000/s deliveries",
      "5",
      "70 MB",
      "0.80",
      "0.03",
      "0.84",
      "0.10",
      "4.0 MB/s",
      "too much for: main thread |",
    ]);
  });

  test("divide events among nodes where they are sharded", () => {
    // Each event goes to five of 50 nodes: 2,000 heard, 400 published by each.
    expect(cellsOf(tables["sharded"], "| 1,000,000 | contest")?.slice(4, 8)).toEqual([
      "0.32",
      "0.03",
      "0.36",
      "1.00",
    ]);
  });

  test("are the same text for the same result", () => {
    expect(scalingTables(readConstants(result()))).toEqual(tables);
  });
});

describe("filling", () => {
  const document = "before\n<!-- one: made by x -->\nold\n<!-- /one -->\nafter\n";

  test("replaces what is between the marks, and can be done again", () => {
    const once = fill(document, { one: "costs $1 | $&" });
    expect(once).toBe("before\n<!-- one: made by x -->\n\ncosts $1 | $&\n\n<!-- /one -->\nafter\n");
    expect(fill(once, { one: "costs $1 | $&" })).toBe(once);
  });

  test("refuses a text without a place", () => {
    expect(() => fill(document, { two: "" })).toThrow('no place for "two"');
  });

  test("the document has a place for every table", async () => {
    const path = new URL("../../docs/scaling.md", import.meta.url);
    const tables = scalingTables(readConstants(result()));
    expect(fill(await Bun.file(path).text(), tables)).toContain("0.84");
  });
});
