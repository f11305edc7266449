import { describe, expect, test } from "bun:test";
import type { Incident } from "../protocol/incident.ts";
import type { NodeReport } from "../protocol/node-report.ts";
import { type KnownPeer, makeSnapshot, type SnapshotSources } from "./snapshot.ts";

const AT = Date.parse("2026-01-31T18:00:00.000Z");

function report(node: string, over: Partial<NodeReport> = {}): NodeReport {
  return {
    node,
    host: `host of ${node}`,
    version: "1.0.0",
    started: "2026-01-31T17:00:00.000Z",
    topics: 1,
    sockets: 2,
    clients: 2,
    probe_ms: 0.4,
    state: "ready",
    ...over,
  };
}

function peer(node: string, over: Partial<KnownPeer> = {}): KnownPeer {
  return { report: report(node), state: "here", silentMs: 500, ...over };
}

function incident(node: string, over: Partial<Incident> = {}): Incident {
  return {
    kind: "redis",
    node,
    level: "error",
    text: `of ${node}`,
    advice: "",
    since: "2026-01-31T17:30:00.000Z",
    until: "2026-01-31T17:31:00.000Z",
    ...over,
  };
}

function snapshot(over: Partial<SnapshotSources> = {}) {
  return makeSnapshot({
    own: report("a"),
    incidents: [],
    peers: [],
    redis: "up",
    redisAddress: "redis://one",
    subscribers: 1,
    at: AT,
    ...over,
  });
}

test("this node comes first, the others by host", () => {
  const { nodes, node } = snapshot({ peers: [peer("z"), peer("b")] });
  expect([node, nodes.map((one) => one.node)]).toEqual(["a", ["a", "b", "z"]]);
  expect(nodes[1]).toEqual({
    node: "b",
    host: "host of b",
    version: "1.0.0",
    started: "2026-01-31T17:00:00.000Z",
    state: "ready",
    silent_since: null,
    topics: 1,
    active_topics: null,
    sockets: 2,
    clients: 2,
    publishes_per_s: null,
    deliveries_per_s: null,
    lag_ms: null,
    probe_ms: 0.4,
    outbox: null,
    last_publish: null,
  });
});

test("a node is what it says, unless it cannot be heard", () => {
  const { state: _, ...stateless } = report("e");
  const peers = [
    peer("b", { report: report("b", { state: "draining" }) }),
    peer("c", { state: "gone", silentMs: 60_000 }),
    peer("d", { state: "left", silentMs: 1000 }),
    peer("e", { report: stateless }),
  ];
  const states = (redis: "up" | "down"): unknown =>
    snapshot({ peers, redis }).nodes.map(({ node, state }) => `${node} ${state}`);
  expect(states("up")).toEqual(["a ready", "b draining", "c gone", "d left", "e unknown"]);
  expect(states("down")).toEqual(["a ready", "b unknown", "c gone", "d left", "e unknown"]);
  expect(snapshot({ peers }).nodes.map(({ silent_since }) => silent_since)).toEqual([
    null,
    null,
    "2026-01-31T17:59:00.000Z",
    "2026-01-31T17:59:59.000Z",
    null,
  ]);
});

test("workers that only listen are counted, as far as that is known", () => {
  expect(snapshot({ subscribers: 3, peers: [peer("b")] }).other_workers).toBe(1);
  expect(snapshot({ subscribers: 1, peers: [peer("b")] }).other_workers).toBe(0);
  expect(snapshot({ subscribers: 3, redis: "down" }).other_workers).toBe(0);
});

test("disconnects and refusals are summed over the nodes that are there", () => {
  const { disconnects, refusals } = snapshot({
    own: report("a", { disconnects: { client: 1, lost: 2 }, refusals: { auth: 1 } }),
    peers: [
      peer("b", { report: report("b", { disconnects: { client: 10 }, refusals: { auth: 5 } }) }),
      peer("c", { state: "gone", report: report("c", { disconnects: { client: 100 } }) }),
      peer("d"),
    ],
  });
  expect([disconnects, refusals]).toEqual([{ client: 11, lost: 2 }, { auth: 6 }]);
});

describe("incidents of all nodes", () => {
  const told = (over: Partial<SnapshotSources>): unknown =>
    snapshot(over).incidents.map(({ node, kind, until }) => [node, kind, until === null]);

  test("are one list: what goes on, then the newest", () => {
    const old = incident("a", { since: "2026-01-31T17:10:00.000Z" });
    const open = incident("b", { since: "2026-01-31T17:00:00.000Z", until: null });
    const recent = incident("b", { kind: "overload" });
    const peers = [peer("b", { report: report("b", { incidents: [recent, open] }) })];
    expect(told({ incidents: [old], peers })).toEqual([
      ["b", "redis", true],
      ["b", "overload", false],
      ["a", "redis", false],
    ]);
  });

  test("that a node was in when it vanished have ended with it", () => {
    const open = incident("b", { until: null });
    const peers = [
      peer("b", { state: "gone", silentMs: 60_000, report: report("b", { incidents: [open] }) }),
    ];
    const [ended] = snapshot({ peers }).incidents;
    expect(ended?.until).toBe("2026-01-31T17:59:00.000Z");
  });

  test("about a third node are told once, by this node if it knows", () => {
    const gone = incident("c", { kind: "gone", until: null });
    const later = incident("c", { kind: "gone", until: null, since: "2026-01-31T17:30:01.000Z" });
    const peers = ["b", "d"].map((node) =>
      peer(node, { report: report(node, { incidents: [later] }) }),
    );
    expect(snapshot({ incidents: [gone], peers }).incidents).toEqual([gone]);
    // Started after it had vanished, this node knows of it by the others alone.
    expect(snapshot({ peers }).incidents).toEqual([later]);
  });

  test("are a hundred at most", () => {
    const incidents = Array.from({ length: 8 }, (_, index) => incident("x", { kind: `${index}` }));
    const peers = Array.from({ length: 50 }, (_, index) =>
      peer(`${index}`, {
        report: report(`${index}`, {
          incidents: incidents.map((one) => ({ ...one, node: `${index}` })),
        }),
      }),
    );
    expect(snapshot({ peers }).incidents.length).toBe(100);
  });
});
