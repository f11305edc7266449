import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import type { NodeReport } from "../protocol/node-report.ts";
import { DEADLINE_MS, RedisServer, rejection } from "../redis/redis-server-fixture.ts";
import type { RedisSession } from "../redis/session.ts";
import { Presence } from "./presence.ts";

// Longer than each wait in a test, so that a wait in vain says what it was for.
setDefaultTimeout(2 * DEADLINE_MS);

let server: RedisServer;
let session: RedisSession;

beforeAll(async () => {
  server = await RedisServer.start();
  session = await server.open();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await server.command("FLUSHALL");
});

function report(over: Partial<NodeReport> = {}): NodeReport {
  return {
    node: "0123456789abcdef",
    host: "one.example.org",
    version: "1.0.0",
    started: "2026-01-02T03:04:05.678Z",
    topics: 12,
    sockets: 34,
    clients: 30,
    probe_ms: 0.42,
    ...over,
  };
}

describe("a node's report", () => {
  test("stands in a key of its own, as JSON, for 15 s", async () => {
    await new Presence("wavelog").report(session, report());
    expect(await server.command("GET", "wavelog:node:0123456789abcdef")).toBe(
      '{"node":"0123456789abcdef","host":"one.example.org","version":"1.0.0",' +
        '"started":"2026-01-02T03:04:05.678Z","topics":12,"sockets":34,"clients":30,"probe_ms":0.42}',
    );
    expect(await server.command("PTTL", "wavelog:node:0123456789abcdef")).toBeWithin(
      14_000,
      15_001,
    );
  });

  test("is listed with the others', by host and id", async () => {
    const presence = new Presence("wavelog");
    const nodes = [
      report({ node: "c", host: "two" }),
      report({ node: "b", host: "one", probe_ms: null }),
      report({ node: "a", host: "two" }),
    ];
    for (const node of nodes) {
      await presence.report(session, node);
    }
    const [first, second, third] = [nodes[1], nodes[2], nodes[0]];
    expect<readonly unknown[]>(await presence.list(session)).toEqual([first, second, third]);
  });

  test("is replaced by the next one, and vanishes when the node says good-bye", async () => {
    const presence = new Presence("wavelog");
    await presence.report(session, report({ sockets: 1 }));
    await presence.report(session, report({ sockets: 2 }));
    expect(await presence.list(session)).toEqual([report({ sockets: 2 })]);
    await presence.withdraw(session, "0123456789abcdef");
    expect(await presence.list(session)).toEqual([]);
    await presence.withdraw(session, "0123456789abcdef");
  });

  test("of a ghost vanishes by itself", async () => {
    const presence = new Presence("wavelog");
    await presence.report(session, report({ node: "ghost" }));
    await presence.report(session, report({ node: "alive" }));
    await server.command("PEXPIRE", "wavelog:node:ghost", 0);
    expect((await presence.list(session)).map(({ node }) => node)).toEqual(["alive"]);
  });

  test("is not seen by a neighbour with another prefix, whatever stands in it", async () => {
    for (const prefix of ["wavelog", "wave*", "w[a-z]*", "wav?log", "a\\", "*"]) {
      await new Presence(prefix).report(session, report({ node: `of ${prefix}` }));
    }
    for (const prefix of ["wavelog", "wave*", "w[a-z]*", "wav?log", "a\\", "*"]) {
      const listed = await new Presence(prefix).list(session);
      expect(listed.map(({ node }) => node)).toEqual([`of ${prefix}`]);
    }
  });

  test("cannot be written to a server that refuses", async () => {
    await using replica = await RedisServer.start();
    const other = await replica.open();
    await replica.command("REPLICAOF", "127.0.0.1", server.port);
    expect(await rejection(new Presence("wavelog").report(other, report()))).toStartWith(
      "READONLY ",
    );
  });
});

describe("what is no report", () => {
  const STRANGE: readonly string[] = [
    "",
    "{",
    "null",
    "7",
    "[]",
    '"text"',
    "{}",
    JSON.stringify({ ...report(), node: 7 }),
    JSON.stringify({ ...report(), host: null }),
    JSON.stringify({ ...report(), version: ["1"] }),
    JSON.stringify({ ...report(), started: undefined }),
    JSON.stringify({ ...report(), topics: "12" }),
    JSON.stringify({ ...report(), sockets: 1.5 }),
    JSON.stringify({ ...report(), clients: null }),
    JSON.stringify({ ...report(), probe_ms: "fast" }),
    JSON.stringify({ ...report(), probe_ms: undefined }),
    "\u0000\ufffd",
    "[".repeat(100_000),
  ];
  for (const text of STRANGE) {
    test(`is left out: ${JSON.stringify(text.slice(0, 130))}`, async () => {
      await server.command("SET", "wavelog:node:strange", text);
      await new Presence("wavelog").report(session, report());
      expect(await new Presence("wavelog").list(session)).toEqual([report()]);
    });
  }

  test("is left out when the key holds no text at all", async () => {
    await server.command("RPUSH", "wavelog:node:list", "x");
    await server.command("HSET", "wavelog:node:hash", "x", "y");
    expect(await new Presence("wavelog").list(session)).toEqual([]);
  });

  test("brings no fields along that are not known", async () => {
    const text = JSON.stringify({ ...report(), secret: "x", toString: 1 });
    await server.command("SET", "wavelog:node:0123456789abcdef", text);
    const [listed] = await new Presence("wavelog").list(session);
    expect(listed === undefined ? [] : Object.keys(listed)).toEqual(Object.keys(report()));
  });

  test("in great number does not make a list longer than 256", async () => {
    for (let node = 0; node < 400; node += 1) {
      await server.command("SET", `wavelog:node:${node}`, JSON.stringify(report()));
    }
    expect((await new Presence("wavelog").list(session)).length).toBeLessThanOrEqual(256);
  });
});
