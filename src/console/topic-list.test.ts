import { expect, test } from "bun:test";
import type { NodeReport } from "../protocol/node-report.ts";
import { makeTopicList } from "./topic-list.ts";

function report(over: Partial<NodeReport>): NodeReport {
  const started = "2026-01-31T17:00:00.000Z";
  const counts = { topics: 1, sockets: 0, clients: 0, probe_ms: null };
  return { node: "b", host: "b", version: "1", started, ...counts, ...over };
}

test("topics that are registered or watched anywhere, those with the most sockets first", () => {
  const list = makeTopicList({
    registered: ["quiet", "b", "a"],
    here: new Map([
      ["a", 2],
      ["no longer registered", 1],
    ]),
    others: [
      report({
        watchers: [
          ["b", 2],
          ["a", 3],
          ["elsewhere", 1],
        ],
        active_topics: 3,
      }),
      report({ watchers: [["b", 1]], active_topics: 1 }),
    ],
  });
  expect(list).toEqual({
    type: "topics",
    topics: [
      ["a", 2, 5, true],
      ["b", 0, 3, true],
      ["elsewhere", 0, 1, false],
      ["no longer registered", 1, 1, false],
      ["quiet", 0, 0, true],
    ],
    left_out: 0,
    is_partial: false,
  });
});

test("no more than two thousand, and the rest is counted", () => {
  const registered = Array.from({ length: 5000 }, (_, index) => `topic ${index}`);
  const here = new Map([["topic 4999", 1]]);
  const { topics, left_out } = makeTopicList({ registered, here, others: [] });
  expect([topics.length, left_out]).toEqual([2000, 3000]);
  expect(topics[0]).toEqual(["topic 4999", 1, 1, true]);
});

test("it is said when another node has more than it tells", () => {
  const partial = (over: Partial<NodeReport>): boolean =>
    makeTopicList({ registered: [], here: new Map(), others: [report(over)] }).is_partial;
  expect(partial({ watchers: [["a", 1]], active_topics: 2 })).toBe(true);
  expect(partial({ watchers: [["a", 1]], active_topics: 1 })).toBe(false);
  // Of a version that tells nothing of its topics.
  expect(partial({ sockets: 3 })).toBe(true);
  expect(partial({ sockets: 0 })).toBe(false);
});
