import { describe, expect, test } from "bun:test";
import type { Incident } from "../protocol/incident.ts";
import { Incidents } from "./incidents.ts";

const NODE = "b3f1000000000000";
const START = Date.parse("2026-01-31T18:00:00.000Z");
const ADDRESS = "203.0.113.7";

/** Incidents on a clock that is turned by hand. */
function scene() {
  const clock = { now: 5000 };
  const incidents = new Incidents({
    node: NODE,
    redisAddress: "redis://redis.example.org:6379",
    now: () => clock.now,
    wallClock: () => START + clock.now - 5000,
  });
  const pass = (seconds: number): void => {
    clock.now += seconds * 1000;
  };
  const newest = (): Incident => {
    const [incident] = incidents.list();
    if (incident === undefined) {
      throw new Error("no incident");
    }
    return incident;
  };
  return { incidents, pass, newest };
}

describe("an outage of Redis", () => {
  test("is told while it lasts, with what to do, and afterwards with its length and what came of it", () => {
    const { incidents, pass, newest } = scene();
    pass(10);
    incidents.redisDown("connect ECONNREFUSED");
    pass(12);
    expect(newest()).toEqual({
      kind: "redis",
      node: NODE,
      level: "error",
      text: "has lost Redis (connect ECONNREFUSED): it serves its own browsers alone",
      advice:
        "Is Redis at redis://redis.example.org:6379 running, and does this machine reach it? Until it is back, browsers of one node miss what is published on another; that waits and is sent then.",
      since: "2026-01-31T18:00:10.000Z",
      until: null,
    });
    incidents.outboxSent(214, 0);
    incidents.redisUp();
    pass(1000);
    expect(newest()).toMatchObject({
      text: "lost Redis for 12 s; 214 events queued, all sent on",
      since: "2026-01-31T18:00:10.000Z",
      until: "2026-01-31T18:00:22.000Z",
    });
    expect(incidents.list().length).toBe(1);
  });

  test("that loses events says how many, at once and in the end", () => {
    const { incidents, pass, newest } = scene();
    incidents.outboxDropped(5);
    pass(60);
    incidents.redisDown("no answer");
    incidents.outboxDropped(8);
    expect(newest().text).toEndWith(
      "alone. 3 events for the other nodes found no room and are lost",
    );
    incidents.outboxDropped(14);
    incidents.caughtUp(1);
    incidents.outboxSent(1000, 9);
    pass(60);
    incidents.redisUp();
    expect(newest().text).toBe(
      "lost Redis for 1 min; 1,009 events queued, 9 of them lost, 1 missed event caught up",
    );
    expect(incidents.list()[1]?.text).toBe("could not pass 5 events on to the other nodes");
  });

  test("at the start, and one in which nothing was published", () => {
    const { incidents, pass, newest } = scene();
    incidents.redisUnavailable("ECONNREFUSED\n");
    expect(newest().text).toBe(
      "has not reached Redis since its start (ECONNREFUSED\ufffd): it serves its own browsers alone",
    );
    pass(3725);
    incidents.redisUp();
    expect(newest().text).toBe(
      "reached Redis only 1 h 2 min after its start; nothing was published meanwhile",
    );
    pass(1);
    incidents.redisDown("x");
    expect(incidents.list().length).toBe(2);
  });
});

describe("what comes in cases", () => {
  test("is one incident until there are none for 30 s", () => {
    const { incidents, pass, newest } = scene();
    incidents.overloaded();
    expect(newest()).toMatchObject({ text: "refuses publishes with 503: 1 event", until: null });
    pass(5);
    incidents.overloaded();
    pass(29);
    incidents.overloaded();
    expect(newest().text).toBe("refuses publishes with 503: 3 events within 34 s");
    pass(30);
    expect(newest()).toMatchObject({
      text: "refused publishes with 503: 3 events within 34 s",
      until: "2026-01-31T18:00:34.000Z",
    });
    incidents.overloaded();
    expect(incidents.list().map(({ until }) => until)).toEqual([null, "2026-01-31T18:00:34.000Z"]);
  });

  test("names the last one", () => {
    const { incidents, pass, newest } = scene();
    incidents.forbidden("192.0.2.1");
    pass(0.5);
    incidents.forbidden(`192.0.2.2\u001b[31m`);
    expect(newest()).toMatchObject({
      kind: "forbidden",
      level: "warning",
      text: "refused 2 calls without the right secret, the last from 192.0.2.2\ufffd[31m",
    });
    expect(newest().advice).toContain("worker_secret");
  });

  test("is counted with what the gateways have counted without telling", () => {
    const { incidents, newest } = scene();
    const refused = { type: "refused", topic: "a", address: ADDRESS } as const;
    const reason = "too many connections";
    incidents.socket({ ...refused, cause: "max_connections", reason });
    incidents.socket({ ...refused, cause: "max_connections", reason, unreported: 1233 });
    expect(newest()).toMatchObject({
      level: "error",
      text: "turned 1,235 browsers away: max_connections is reached",
    });
  });

  test("is told by why a token was refused", () => {
    const { incidents } = scene();
    const refused = { type: "refused", topic: "a", address: ADDRESS, cause: "auth" } as const;
    incidents.socket({ ...refused, reason: "token expired" });
    incidents.socket({ ...refused, reason: "token signature does not match the secret" });
    incidents.socket({ ...refused, reason: "token expired" });
    expect(
      incidents.list().map(({ level, text, advice }) => [level, text, advice.slice(0, 32)]),
    ).toEqual([
      [
        "warning",
        "turned 1 browser away: no valid token (token signature does not match the secret)",
        "Wavelog signs with another secre",
      ],
      [
        "info",
        "turned 2 browsers away: no valid token (token expired)",
        "Pages that were open for long ne",
      ],
    ]);
  });

  test("is left out where strangers do it all the time", () => {
    const { incidents } = scene();
    for (const cause of ["handshake_timeout", "closed_before_auth", "bad_request"] as const) {
      incidents.socket({ type: "refused", topic: "", address: ADDRESS, cause, reason: "x" });
    }
    const gone = { topic: "a", userId: 1, address: ADDRESS, code: 1006, reason: "" };
    incidents.socket({ type: "disconnected", ...gone, durationMs: 1 });
    expect(incidents.list()).toEqual([]);
    incidents.socket({ type: "disconnected", ...gone, durationMs: 1, buffered: 2_000_000 });
    expect(incidents.list().map(({ kind }) => kind)).toEqual(["slow_reader"]);
  });
});

describe("what lasts", () => {
  test("is told once, however often it is found", () => {
    const { incidents, pass, newest } = scene();
    incidents.threadSilence(false);
    expect(incidents.list()).toEqual([]);
    incidents.threadSilence(true);
    pass(1);
    incidents.threadSilence(true);
    expect(newest()).toMatchObject({ level: "error", until: null });
    pass(7);
    incidents.threadSilence(false);
    expect(newest().text).toBe("had a gateway thread that did not answer for 8 s");
    incidents.threadSilence(false);
    expect(incidents.list().length).toBe(1);
  });

  test("ends with its cause: files, port, state file", () => {
    const { incidents, pass } = scene();
    incidents.acceptPaused(1000, 1024);
    incidents.acceptFailed(new Error("EADDRINUSE"));
    incidents.stateWriteFailed("/var/lib/x", "ENOSPC");
    incidents.stateWriteFailed("/var/lib/x", "ENOSPC");
    expect(incidents.list().map(({ text }) => text)).toEqual([
      "cannot write its state file (ENOSPC)",
      "cannot get its port for browsers back (EADDRINUSE)",
      "lets no browser in: 1000 of 1024 file descriptors are taken",
    ]);
    pass(90);
    incidents.acceptResumed();
    incidents.stateRecovered();
    expect(incidents.list().map(({ text, until }) => [text, until])).toEqual([
      ["could not write its state file for 1 min 30 s (ENOSPC)", "2026-01-31T18:01:30.000Z"],
      ["could not get its port for browsers back (EADDRINUSE)", "2026-01-31T18:01:30.000Z"],
      [
        "let no browser in for 1 min 30 s: all 1024 file descriptors were taken",
        "2026-01-31T18:01:30.000Z",
      ],
    ]);
  });
});

describe("another node", () => {
  const peer = { node: "77aa", host: "push2" };

  test("that vanishes is an incident of its own, until it is back", () => {
    const { incidents, pass, newest } = scene();
    pass(10);
    incidents.peerGone(peer, false, 6000);
    expect(newest()).toMatchObject({
      node: "77aa",
      level: "error",
      text: "has vanished without saying good-bye",
      since: "2026-01-31T18:00:04.000Z",
      until: null,
    });
    expect(newest().advice).toStartWith(
      "On push2: is it running (systemctl status wavelog_worker)",
    );
    pass(7);
    incidents.peerBack(peer);
    expect(newest()).toMatchObject({ text: "was not to be heard for 13 s", advice: "" });
  });

  test("that stops as it should is worth a word", () => {
    const { incidents, newest } = scene();
    incidents.peerGone(peer, true, 0);
    expect(newest()).toMatchObject({ level: "info", text: "has stopped, as it was asked to" });
    expect(newest().until).not.toBeNull();
  });
});

test("a start and a drain are told", () => {
  const { incidents } = scene();
  incidents.started("1.0.0");
  incidents.draining(5000, 1);
  expect(incidents.list().map(({ text }) => text)).toEqual([
    "stops, as it was asked to: its 1 browser go to the other nodes within 5 s",
    "started (version 1.0.0)",
  ]);
});

test("the newest 50 are kept, and what goes on before all that is over", () => {
  const { incidents, pass } = scene();
  incidents.threadSilence(true);
  for (let count = 0; count < 200; count += 1) {
    pass(60);
    incidents.overloaded();
  }
  const list = incidents.list();
  expect(list.length).toBe(50);
  expect(list.at(-1)?.kind).toBe("thread");
  // However many nodes vanish.
  for (let node = 0; node < 200; node += 1) {
    incidents.peerGone({ node: `${node}`, host: "x" }, false, 0);
  }
  expect(incidents.list().length).toBe(50);
  expect(incidents.list()[0]?.node).toBe("199");
});
