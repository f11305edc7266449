import { expect, test } from "bun:test";
import { type Figures, HISTORY_SECONDS, History } from "./history.ts";

function figures(sockets: number, over: Partial<Figures> = {}): Figures {
  return { sockets, publishes: 1.5, deliveries: 30, lag: 0.123, redis: null, ...over };
}

test("what was added is there, in columns, the oldest first", () => {
  const history = new History();
  expect(history.columns()).toEqual({ times: [], nodes: [] });
  history.add(1000, new Map([["a", figures(1)]]));
  history.add(1001, new Map([["a", figures(2, { redis: 0.456, lag: null })]]));
  expect(history.columns()).toEqual({
    times: [1000, 1001],
    nodes: [
      {
        node: "a",
        columns: {
          sockets: [1, 2],
          publishes: [1.5, 1.5],
          deliveries: [30, 30],
          lag: [0.12, null],
          redis: [null, 0.46],
        },
      },
    ],
  });
});

test("a node that comes later or goes has gaps, and is forgotten when all of it is one", () => {
  const history = new History();
  history.add(1, new Map([["a", figures(1)]]));
  history.add(2, new Map([["b", figures(2)]]));
  const columns = (): unknown =>
    history.columns().nodes.map(({ node, columns: { sockets } }) => [node, sockets]);
  expect(columns()).toEqual([
    ["a", [1, null]],
    ["b", [null, 2]],
  ]);
  for (let second = 3; second <= HISTORY_SECONDS + 1; second += 1) {
    history.add(second, new Map([["b", figures(2)]]));
  }
  expect(history.columns().nodes.map(({ node }) => node)).toEqual(["b"]);
});

test("ten minutes are kept, and a dozen nodes", () => {
  const history = new History();
  for (let second = 1; second <= 2.5 * HISTORY_SECONDS; second += 1) {
    const nodes = Array.from({ length: 30 }, (_, node) => [`${node}`, figures(second)] as const);
    history.add(second, new Map(nodes));
  }
  const { times, nodes } = history.columns();
  expect([times.length, times[0], times.at(-1)]).toEqual([HISTORY_SECONDS, 901, 1500]);
  expect(nodes.length).toBe(12);
  expect(nodes[0]?.columns.sockets[0]).toBe(901);
  expect(nodes[0]?.columns.sockets.at(-1)).toBe(1500);
});
