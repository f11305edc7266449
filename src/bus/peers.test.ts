import { expect, test } from "bun:test";
import type { NodeReport } from "../protocol/node-report.ts";
import { Peers } from "./peers.ts";

function report(node: string, host: string = `host of ${node}`): NodeReport {
  const started = "2026-01-02T03:04:05.678Z";
  const counts = { topics: 1, sockets: 2, clients: 2, probe_ms: 0.4 };
  return { node, host, version: "1.0.0", started, ...counts };
}

/** A clock that is turned by hand, and what has been told. */
function scene() {
  const clock = { now: 0 };
  const told: string[] = [];
  const peers = new Peers({
    now: () => clock.now,
    events: {
      gone: ({ node }, isExpected, silentMs) => {
        told.push(`${node} ${isExpected ? "left" : "gone"}`);
        expect(silentMs).toBe(isExpected ? 0 : 7000);
      },
      back: ({ node }) => told.push(`${node} back`),
    },
  });
  let canHear = true;
  /** Lets time pass, in which these nodes send their probes. */
  const pass = (seconds: number, ...nodes: readonly string[]): void => {
    for (let second = 0; second < seconds; second += 1) {
      clock.now += 1000;
      for (const node of nodes) {
        peers.heard(node, false);
      }
      peers.tick(canHear);
    }
  };
  const states = (): readonly string[] => peers.list().map(({ node, state }) => `${node} ${state}`);
  const hear = (can: boolean): void => {
    canHear = can;
  };
  return { clock, peers, told, pass, states, hear };
}

test("a node is known from its first probe on, and shown from its first report on", () => {
  const { peers, pass, states } = scene();
  pass(1, "a");
  expect([peers.names(), states()]).toEqual([["a"], []]);
  peers.reported([report("a"), report("a stranger, whose probes nobody has heard")]);
  expect([peers.names(), states()]).toEqual([["a"], ["a here"]]);
});

test("a newcomer is told from those that are known", () => {
  const { peers } = scene();
  expect([peers.heard("a", false), peers.heard("a", false), peers.heard("a", true)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(peers.heard("b", true)).toBe(false);
});

test("one that falls silent is gone after 6 s, and back when it is heard again", () => {
  const { peers, pass, states, told } = scene();
  pass(1, "a", "b");
  peers.reported([report("a"), report("b")]);
  pass(6, "b");
  expect([states(), told]).toEqual([["a here", "b here"], []]);
  pass(1, "b");
  expect([states(), told, peers.names()]).toEqual([["a gone", "b here"], ["a gone"], ["b"]]);
  pass(100, "b");
  expect(peers.list()[0]?.silentMs).toBe(107_000);
  pass(1, "a", "b");
  expect([states(), told]).toEqual([
    ["a here", "b here"],
    ["a gone", "a back"],
  ]);
});

test("one that says good-bye has left, which is not told a second time", () => {
  const { peers, pass, states, told } = scene();
  pass(1, "a");
  peers.reported([report("a")]);
  peers.heard("a", true);
  expect([states(), told]).toEqual([["a left"], ["a left"]]);
  pass(60);
  expect([states(), told]).toEqual([["a left"], ["a left"]]);
  pass(1);
  expect(states()).toEqual([]);
});

test("while Redis is away nobody falls silent, and there is time to be heard afterwards", () => {
  const { peers, pass, told, hear } = scene();
  pass(1, "a");
  peers.reported([report("a")]);
  hear(false);
  pass(100);
  expect(told).toEqual([]);
  hear(true);
  pass(6);
  expect(told).toEqual([]);
  pass(1);
  expect(told).toEqual(["a gone"]);
});

test("a process that was stopped for a while does not take the others for gone", () => {
  const { clock, peers, pass, told } = scene();
  pass(1, "a");
  peers.reported([report("a")]);
  clock.now += 60_000;
  pass(1);
  expect(told).toEqual([]);
  pass(6);
  expect(told).toEqual([]);
  pass(1);
  expect(told).toEqual(["a gone"]);
});

test("a node started on the same host takes the place of one that has gone, and of one alone", () => {
  const { peers, pass, states, told } = scene();
  pass(1, "a", "b", "c");
  peers.reported([report("a", "one"), report("b", "one"), report("c", "two")]);
  // Both on one host; the third was there before.
  pass(7, "c");
  expect(told).toEqual(["a gone", "b gone"]);
  pass(1, "c", "d");
  peers.reported([report("d", "one")]);
  expect([told.slice(2), states()]).toEqual([["a back"], ["b gone", "c here", "d here"]]);
  pass(1, "c", "d", "e");
  peers.reported([report("e", "another")]);
  expect(told.length).toBe(3);
  pass(1, "c", "d", "e", "f");
  peers.reported([report("f", "one")]);
  expect([told.slice(3), states()]).toEqual([["b back"], ["c here", "d here", "e here", "f here"]]);
});

test("a restart that is quicker than the silence is told as what it is", () => {
  const { peers, pass, told, states } = scene();
  pass(1, "a", "b");
  peers.reported([report("a", "one"), report("b", "two")]);
  pass(2, "b");
  pass(1, "b", "c");
  peers.reported([report("c", "one")]);
  expect(told).toEqual([]);
  pass(4, "b", "c");
  expect([told, states()]).toEqual([
    ["a gone", "a back"],
    ["b here", "c here"],
  ]);
});

test("one that has gone is forgotten after a day, one without a report at once", () => {
  const { clock, peers, pass, states, told } = scene();
  pass(1, "a", "b");
  peers.reported([report("a")]);
  pass(7);
  expect([states(), told]).toEqual([["a gone"], ["a gone"]]);
  clock.now += 24 * 3_600_000;
  pass(1);
  expect(states()).toEqual([]);
});

test("however many send probes, no more than 128 are known, and those that are there stay", () => {
  const { peers, pass } = scene();
  pass(1, "a");
  peers.reported([report("a")]);
  for (let node = 0; node < 1000; node += 1) {
    peers.heard(`invented ${node}`, false);
  }
  expect(peers.names().length).toBe(128);
  expect(peers.names()).toContain("a");
  pass(7, "a");
  peers.heard("a newcomer", false);
  expect(peers.names()).toEqual(["a", "a newcomer"]);
});
