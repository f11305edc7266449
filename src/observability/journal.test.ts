import { describe, expect, test } from "bun:test";
import { pino } from "pino";
import type { SocketEvent } from "../protocol/socket-event.ts";
import { Journal } from "./journal.ts";

/** A journal, the lines it has written, and a hand on its clock. */
class Scene {
  readonly journal: Journal;
  readonly text: string[] = [];
  now = 1000;

  constructor(level = "info") {
    const log = pino(
      { level, base: null, timestamp: false, formatters: { level: (label) => ({ level: label }) } },
      { write: (line) => this.text.push(line) },
    );
    this.journal = new Journal(log, () => this.now);
  }

  /** The lines since the last look, parsed. */
  take(): unknown[] {
    return this.text.splice(0).map((line) => JSON.parse(line));
  }
}

const CLIENT = { topic: "contest_session.42", address: "203.0.113.9" };
const REFUSED = { type: "refused", ...CLIENT, cause: "auth", reason: "no token" } as const;
const SLOW = {
  type: "disconnected",
  ...CLIENT,
  userId: 7,
  code: 1006,
  reason: "slow reader",
  durationMs: 21_000,
  buffered: 1_048_600,
} as const satisfies SocketEvent;
const REFRESH_REFUSED: SocketEvent = {
  type: "refresh_refused",
  ...CLIENT,
  userId: 7,
  reason: "token expired",
};

/** Text that would forge a line, drive a terminal or turn the line around. */
const NASTY = "a\nb\u001b[2J\u202e";
/** Alone, or after the journal's own words. */
const CLEANED_AT_END = /^(?:[^\p{Cc}\p{Cf}]*: )?a\ufffdb\ufffd\[2J\ufffd$/u;

describe("the journal writes one line", () => {
  const LINES: readonly [what: string, tell: (journal: Journal) => void, line: object][] = [
    [
      "for a topic's registration",
      (journal) => journal.registered("a", true, true),
      { level: "info", topic: "a", require_token: true, msg: "topic registered" },
    ],
    [
      "for its refresh",
      (journal) => journal.registered("a", false, false),
      { level: "info", topic: "a", require_token: false, msg: "topic registered again" },
    ],
    [
      "for its removal",
      (journal) => journal.unregistered("a", true),
      { level: "info", topic: "a", known: true, msg: "topic unregistered" },
    ],
    [
      "for the removal of an unknown one",
      (journal) => journal.unregistered("a", false),
      { level: "info", topic: "a", known: false, msg: "topic unregistered" },
    ],
    [
      "for a registry that is full, with what to do",
      (journal) => journal.registryFull("a"),
      {
        level: "error",
        topic: "a",
        msg: "topic refused: max_topics reached; unregister some or raise it",
      },
    ],
    [
      "for a publish there was no room for, with what to do",
      (journal) => journal.overloaded("a"),
      {
        level: "error",
        topic: "a",
        msg: "publish refused with 503: more is published than the gateway threads can deliver; see max_queued_events",
      },
    ],
    [
      "for events of an original worker there was no room for",
      (journal) => journal.heldDropped(5),
      {
        level: "error",
        dropped: 5,
        msg: "cluster: more events of an original worker came than could be delivered; see max_queued_events",
      },
    ],
    [
      "for a wrong secret at the operator's page",
      (journal) => journal.pageForbidden("192.0.2.1"),
      {
        level: "warn",
        address: "192.0.2.1",
        msg: "operator's page: wrong secret; it is worker_secret",
      },
    ],
    [
      "for a node that stops",
      (journal) => journal.peerGone({ node: "77aa", host: "push2" }, true),
      { level: "info", node: "77aa", host: "push2", msg: "cluster: a node has stopped" },
    ],
    [
      "for a node that vanishes",
      (journal) => journal.peerGone({ node: "77aa", host: "push2" }, false),
      {
        level: "warn",
        node: "77aa",
        host: "push2",
        msg: "cluster: a node has vanished without saying good-bye",
      },
    ],
    [
      "for a node that is back",
      (journal) => journal.peerBack({ node: "77aa", host: "push2" }),
      {
        level: "info",
        node: "77aa",
        host: "push2",
        msg: "cluster: a node that had vanished is back, or has been replaced",
      },
    ],
    [
      "for a wrong secret, with what to do",
      (journal) => journal.forbidden("192.0.2.1"),
      {
        level: "warn",
        address: "192.0.2.1",
        msg: "internal API: wrong or missing X-Worker-Secret; PHP needs the same worker_secret",
      },
    ],
    [
      "for a client that has connected",
      (journal) => journal.socket({ type: "connected", ...CLIENT, handshakeMs: 5, userId: 7 }),
      { level: "info", ...CLIENT, user: 7, msg: "client connected" },
    ],
    [
      "for a client that has gone, with why and after how long",
      (journal) =>
        journal.socket({
          type: "disconnected",
          ...CLIENT,
          userId: 0,
          code: 4401,
          reason: "token expired",
          durationMs: 21_000,
        }),
      {
        level: "info",
        ...CLIENT,
        user: 0,
        code: 4401,
        reason: "token expired",
        duration_ms: 21_000,
        msg: "client disconnected",
      },
    ],
    [
      "for a handshake that was refused, with why",
      (journal) => journal.socket(REFUSED),
      { level: "warn", ...CLIENT, reason: "no token", msg: "handshake refused" },
    ],
    [
      "for a handshake that a limit forbids, with what to do",
      (journal) =>
        journal.socket({
          ...REFUSED,
          cause: "max_pending_per_ip",
          reason: "max_pending_per_ip reached",
        }),
      {
        level: "warn",
        ...CLIENT,
        reason: "max_pending_per_ip reached",
        advice:
          "raise it if so many browsers share this address; if it is your proxy's, add it to trusted_proxies",
        msg: "handshake refused",
      },
    ],
    [
      "for a slow reader, with what waited for it",
      (journal) => journal.socket(SLOW),
      {
        level: "warn",
        ...CLIENT,
        user: 7,
        code: 1006,
        reason: "slow reader",
        duration_ms: 21_000,
        buffered: 1_048_600,
        msg: "client disconnected",
      },
    ],
    [
      "for a forwarding header of a stranger, with what to do",
      (journal) => journal.socket({ type: "header_ignored", ...CLIENT }),
      {
        level: "warn",
        ...CLIENT,
        msg: "X-Forwarded-For ignored: the address is not in trusted_proxies; add it if it is your proxy",
      },
    ],
    [
      "for files that are all taken, with what to do",
      (journal) => journal.acceptPaused(1024, 1024),
      {
        level: "warn",
        open: 1024,
        limit: 1024,
        msg: "no file descriptors left: browsers wait outside until some are free; raise the file limit, or keep strangers out",
      },
    ],
    [
      "for files that are free again",
      (journal) => journal.acceptResumed(11_920.4),
      {
        level: "info",
        paused_ms: 11_920,
        msg: "file descriptors are free again: browsers are let in",
      },
    ],
    [
      "for a call that still used the former secret, with whence",
      (journal) => journal.previousSecretUsed("203.0.113.9"),
      {
        level: "info",
        address: "203.0.113.9",
        msg: "internal API: a call used worker_secret_previous",
      },
    ],
    [
      "for a token's refresh that was refused, with why",
      (journal) => journal.socket(REFRESH_REFUSED),
      {
        level: "warn",
        ...CLIENT,
        user: 7,
        reason: "token expired",
        msg: "token refresh refused",
      },
    ],
    [
      "for Redis that is there, with for how long it was not",
      (journal) => journal.redisUp(1234.56),
      { level: "info", away_ms: 1235, msg: "cluster: redis is there, joined" },
    ],
    [
      "for Redis that is lost, with why",
      (journal) => journal.redisDown("connection ended"),
      {
        level: "warn",
        reason: "connection ended",
        msg: "cluster: redis lost, serving alone meanwhile",
      },
    ],
    [
      "for Redis that is not there at the start, word for word as the original's",
      (journal) => journal.redisUnavailable("connect ECONNREFUSED 127.0.0.1:6379"),
      {
        level: "warn",
        msg: "cluster: redis unavailable, falling back to single-instance: connect ECONNREFUSED 127.0.0.1:6379",
      },
    ],
    [
      "for events that were caught up",
      (journal) => journal.caughtUp(3),
      { level: "info", events: 3, msg: "cluster: events missed meanwhile were caught up" },
    ],
    [
      "for events that were kept and sent",
      (journal) => journal.outboxSent(4, 0),
      { level: "info", events: 4, msg: "cluster: events kept meanwhile were sent" },
    ],
    [
      "for events that were dropped, with how many and what to do",
      (journal) => journal.outboxDropped(5),
      {
        level: "error",
        dropped: 5,
        msg: "cluster: outbox is full or its events too old, oldest dropped; see cluster_outbox_events",
      },
    ],
    [
      "for an envelope that cannot be used, with why",
      (journal) => journal.envelopeRefused("foreign_key"),
      { level: "warn", fault: "foreign_key", msg: "cluster: envelope skipped" },
    ],
    [
      "for a catch-up log that cannot be written, with why and what follows",
      (journal) => journal.catchUpLogFailed("OOM command not allowed"),
      {
        level: "error",
        reason: "OOM command not allowed",
        msg: "cluster: catch-up log cannot be written, outages will lose events",
      },
    ],
    [
      "for a state file that is open",
      (journal) => journal.stateOpened("topics.state", 3, 0),
      { level: "info", file: "topics.state", topics: 3, msg: "state file: opened" },
    ],
    [
      "for a state file that is set aside, with why and under which name",
      (journal) => journal.stateSetAside("topics.state", "topics.state.broken-1", "is damaged"),
      {
        level: "warn",
        file: "topics.state",
        kept_as: "topics.state.broken-1",
        reason: "is damaged",
        msg: "state file: cannot be used, set aside for a new one",
      },
    ],
    [
      "for a state file that cannot be, with why",
      (journal) => journal.stateUnusable("topics.state", "is no regular file: name another"),
      {
        level: "warn",
        file: "topics.state",
        reason: "is no regular file: name another",
        msg: "state file: cannot be used, topics are in memory only",
      },
    ],
    [
      "for a state file that cannot be written, with why",
      (journal) => journal.stateWriteFailed("topics.state", "database is locked"),
      {
        level: "warn",
        file: "topics.state",
        reason: "database is locked",
        msg: "state file: cannot be written, going on in memory",
      },
    ],
    [
      "for a state file that Redis makes needless",
      (journal) => journal.stateUnused("topics.state"),
      {
        level: "info",
        file: "topics.state",
        msg: "state file: not used, Redis keeps the topics",
      },
    ],
  ];
  for (const [what, tell, line] of LINES) {
    test(what, () => {
      const scene = new Scene();
      tell(scene.journal);
      expect(scene.text.length).toBe(1);
      expect(scene.text[0]).toMatch(/^[^\n]*\n$/);
      expect(scene.take()).toEqual([line]);
    });
  }

  test("for topics that a state file had beyond the bound", () => {
    const scene = new Scene();
    scene.journal.stateOpened("topics.state", 3, 2);
    expect(scene.take()).toEqual([
      { level: "info", file: "topics.state", topics: 3, msg: "state file: opened" },
      {
        level: "warn",
        left_out: 2,
        msg: "state file: it had more topics than max_topics, the oldest are gone",
      },
    ]);
  });

  test("for a bug, with what happened", () => {
    const scene = new Scene();
    scene.journal.failed(new TypeError("x is not a function"));
    scene.journal.failed("thrown text");
    expect(scene.take()).toEqual([
      {
        level: "error",
        err: {
          type: "TypeError",
          message: "x is not a function",
          stack: expect.stringContaining("x is not a function"),
        },
        msg: "internal API: a request failed because of a bug",
      },
      {
        level: "error",
        err: "thrown text",
        msg: "internal API: a request failed because of a bug",
      },
    ]);
  });
});

describe("a call that its caller has named", () => {
  const LINES: readonly [what: string, tell: (journal: Journal, id: string) => void][] = [
    ["a registration", (journal, id) => journal.registered("a", true, true, id)],
    ["a removal", (journal, id) => journal.unregistered("a", true, id)],
    ["a publish", (journal, id) => journal.accepted("a", 300, 2, 17, id)],
    ["a full registry", (journal, id) => journal.registryFull("a", id)],
    ["a publish there was no room for", (journal, id) => journal.overloaded("a", id)],
    ["a wrong secret", (journal, id) => journal.forbidden("192.0.2.1", id)],
    ["the former secret", (journal, id) => journal.previousSecretUsed("192.0.2.1", id)],
    ["a bug", (journal, id) => journal.failed("thrown text", id)],
  ];

  test.each(LINES)("is named in the line about %s", (_, tell) => {
    const scene = new Scene("debug");
    tell(scene.journal, "6f1c-2");
    expect(scene.take()).toEqual([expect.objectContaining({ request_id: "6f1c-2" })]);
  });

  test.each([
    ["cleaned", NASTY, "a\ufffdb\ufffd[2J\ufffd"],
    ["cut", "x".repeat(65), "x".repeat(64)],
  ])("has its name %s", (_, id, shown) => {
    const scene = new Scene();
    scene.journal.unregistered("a", true, id);
    expect(scene.take()).toEqual([expect.objectContaining({ request_id: shown })]);
  });

  test("with nothing has none", () => {
    const scene = new Scene();
    scene.journal.unregistered("a", true, "");
    expect(scene.take()).toEqual([expect.not.objectContaining({ request_id: expect.anything() })]);
  });
});

test("a publish is told at debug alone: there are thousands", () => {
  const scene = new Scene("info");
  scene.journal.accepted("a", 300, 2, 17);
  expect(scene.take()).toEqual([]);
  const verbose = new Scene("debug");
  verbose.journal.accepted("a\n", 300, 2, 17);
  expect(verbose.take()).toEqual([
    { level: "debug", topic: "a\ufffd", bytes: 300, sockets: 2, seq: 17, msg: "published" },
  ]);
});

describe("the journal cleans", () => {
  const TEXTS: readonly [what: string, tell: (journal: Journal) => void, key: string][] = [
    ["a registered topic", (journal) => journal.registered(NASTY, true, true), "topic"],
    ["an unregistered topic", (journal) => journal.unregistered(NASTY, true), "topic"],
    ["a publish's topic", (journal) => journal.overloaded(NASTY), "topic"],
    ["a topic there was no room for", (journal) => journal.registryFull(NASTY), "topic"],
    ["a stranger's address", (journal) => journal.forbidden(NASTY), "address"],
    ["a visitor's address", (journal) => journal.pageForbidden(NASTY), "address"],
    [
      "another node's host",
      (journal) => journal.peerGone({ node: "a", host: NASTY }, false),
      "host",
    ],
    [
      "a connected client's topic",
      (journal) =>
        journal.socket({ type: "connected", ...CLIENT, handshakeMs: 5, userId: 7, topic: NASTY }),
      "topic",
    ],
    ["a refused topic", (journal) => journal.socket({ ...REFUSED, topic: NASTY }), "topic"],
    ["a refusal's reason", (journal) => journal.socket({ ...REFUSED, reason: NASTY }), "reason"],
    [
      "the reason a peer gives for going",
      (journal) =>
        journal.socket({
          type: "disconnected",
          ...CLIENT,
          userId: 7,
          code: 1000,
          reason: NASTY,
          durationMs: 1,
        }),
      "reason",
    ],
    ["the reason why Redis is lost", (journal) => journal.redisDown(NASTY), "reason"],
    ["the reason why Redis is not there", (journal) => journal.redisUnavailable(NASTY), "msg"],
    ["the state file's name", (journal) => journal.stateOpened(NASTY, 0, 0), "file"],
    ["its other name", (journal) => journal.stateSetAside("a", NASTY, "b"), "kept_as"],
    ["why it is set aside", (journal) => journal.stateSetAside("a", "b", NASTY), "reason"],
    ["why it cannot be", (journal) => journal.stateUnusable("a", NASTY), "reason"],
    ["SQLite's word about it", (journal) => journal.stateWriteFailed("a", NASTY), "reason"],
    ["Redis' word about the log", (journal) => journal.catchUpLogFailed(NASTY), "reason"],
  ];
  for (const [what, tell, key] of TEXTS) {
    test(what, () => {
      const scene = new Scene();
      tell(scene.journal);
      expect(scene.take()).toEqual([
        expect.objectContaining({ [key]: expect.stringMatching(CLEANED_AT_END) }),
      ]);
    });
  }

  test("text that is long", () => {
    const scene = new Scene();
    scene.journal.registered("x".repeat(1024), true, true);
    expect(scene.take()).toEqual([expect.objectContaining({ topic: `${"x".repeat(200)}\u2026` })]);
  });
});

describe("the journal bounds what strangers can cause", () => {
  const LIMITS: readonly [what: string, burst: number, tell: (journal: Journal) => void][] = [
    ["refused handshakes", 10, (journal) => journal.socket(REFUSED)],
    ["refused refreshes", 10, (journal) => journal.socket(REFRESH_REFUSED)],
    ["wrong secrets", 10, (journal) => journal.forbidden("192.0.2.1")],
    ["publishes beyond the bound", 1, (journal) => journal.overloaded("a")],
    ["topics beyond the bound", 1, (journal) => journal.registryFull("a")],
  ];
  for (const [what, burst, tell] of LIMITS) {
    test(`${what}: ${burst} in 10 s, then the count of those left out`, () => {
      const scene = new Scene();
      for (let time = 0; time < 1000; time += 1) {
        tell(scene.journal);
      }
      scene.now += 9999;
      tell(scene.journal);
      const first = scene.take();
      expect(first.length).toBe(burst);
      expect(first.filter((line) => JSON.stringify(line).includes("skipped"))).toEqual([]);
      scene.now += 1;
      tell(scene.journal);
      expect(scene.take()).toEqual([expect.objectContaining({ skipped: 1001 - burst })]);
      scene.now += 10_000;
      tell(scene.journal);
      expect(scene.take()).toEqual([expect.not.objectContaining({ skipped: expect.anything() })]);
    });
  }

  test("refused handshakes of each cause by themselves", () => {
    const scene = new Scene();
    for (const cause of ["auth", "max_connections", "topic_not_registered"] as const) {
      for (let time = 0; time < 100; time += 1) {
        scene.journal.socket({ ...REFUSED, cause, reason: cause });
      }
    }
    expect(scene.take().length).toBe(30);
  });

  test("refused handshakes that it was not even told of are counted with the others", () => {
    const scene = new Scene();
    for (let time = 0; time < 15; time += 1) {
      scene.journal.socket(time === 3 || time === 12 ? { ...REFUSED, unreported: 100 } : REFUSED);
    }
    expect(scene.take()[3]).toMatchObject({ skipped: 100 });
    scene.now += 10_000;
    scene.journal.socket({ ...REFUSED, cause: "origin", unreported: 7 });
    scene.journal.socket({ ...REFUSED, unreported: 1000 });
    scene.journal.socket(REFUSED);
    expect(scene.take()).toEqual([
      expect.objectContaining({ skipped: 7 }),
      expect.objectContaining({ skipped: 5 + 100 + 1000 }),
      expect.not.objectContaining({ skipped: expect.anything() }),
    ]);
  });

  test("slow readers stand out 10 times in 10 s; every one is a line all the same", () => {
    const scene = new Scene();
    for (let time = 0; time < 100; time += 1) {
      scene.journal.socket(SLOW);
    }
    scene.now += 10_000;
    scene.journal.socket(SLOW);
    const lines = scene.take();
    expect(lines.length).toBe(101);
    expect(lines.filter((line) => JSON.stringify(line).includes('"level":"warn"')).length).toBe(11);
    expect(lines[100]).toMatchObject({ level: "warn", skipped: 90 });
  });

  test("pauses for want of files: one line a minute, and one when they end", () => {
    const scene = new Scene();
    for (let time = 0; time < 6; time += 1) {
      scene.journal.acceptPaused(1024, 1024);
      scene.journal.acceptResumed(10_000);
      scene.now += 11_000;
    }
    expect(scene.take().length).toBe(2);
    scene.journal.acceptPaused(1024, 1024);
    expect(scene.take()).toEqual([expect.objectContaining({ skipped: 5 })]);
  });

  test("a port that cannot be had again: one line a minute", () => {
    const scene = new Scene();
    for (let second = 0; second < 61; second += 1) {
      scene.journal.acceptFailed(new Error("EADDRINUSE"));
      scene.now += 1000;
    }
    const msg = "ws_port cannot be listened on again: trying once a second";
    expect(scene.take()).toMatchObject([
      { level: "error", err: { message: "EADDRINUSE" }, msg },
      { skipped: 59, msg },
    ]);
  });

  test("ignored headers: one line an hour", () => {
    const scene = new Scene();
    for (let time = 0; time < 100; time += 1) {
      scene.journal.socket({ type: "header_ignored", ...CLIENT });
    }
    expect(scene.take().length).toBe(1);
    scene.now += 3_600_000;
    scene.journal.socket({ type: "header_ignored", ...CLIENT });
    expect(scene.take()).toEqual([expect.objectContaining({ skipped: 99 })]);
  });

  test("and says so even if only one was left out", () => {
    const scene = new Scene();
    scene.journal.registryFull("a");
    scene.journal.registryFull("b");
    scene.now += 10_000;
    scene.take();
    scene.journal.registryFull("c");
    expect(scene.take()).toEqual([expect.objectContaining({ topic: "c", skipped: 1 })]);
  });

  test("each by itself", () => {
    const scene = new Scene();
    for (const [, , tell] of LIMITS) {
      for (let time = 0; time < 100; time += 1) {
        tell(scene.journal);
      }
    }
    const allowed = LIMITS.reduce((sum, [, burst]) => sum + burst, 0);
    expect(scene.take().length).toBe(allowed);
  });

  test("envelopes that cannot be used: one in 10 s, then the count of those left out", () => {
    const scene = new Scene();
    for (let time = 0; time < 100_000; time += 1) {
      scene.journal.envelopeRefused("unreadable");
    }
    scene.now += 10_000;
    scene.journal.envelopeRefused("too_large");
    expect(scene.take()).toEqual([
      { level: "warn", fault: "unreadable", msg: "cluster: envelope skipped" },
      { level: "warn", fault: "too_large", skipped: 99_999, msg: "cluster: envelope skipped" },
    ]);
  });

  test("calls with the former secret: one a minute, then the count of those left out", () => {
    const scene = new Scene();
    for (let time = 0; time < 1000; time += 1) {
      scene.journal.previousSecretUsed("::1");
    }
    scene.now += 60_000;
    scene.journal.previousSecretUsed("::2");
    expect(scene.take()).toEqual([
      expect.objectContaining({ address: "::1" }),
      expect.objectContaining({ address: "::2", skipped: 999 }),
    ]);
  });

  test("failures of the catch-up log: one a minute, then the count of those left out", () => {
    const scene = new Scene();
    for (let time = 0; time < 1000; time += 1) {
      scene.journal.catchUpLogFailed("OOM");
    }
    scene.now += 59_999;
    scene.journal.catchUpLogFailed("OOM");
    expect(scene.take()).toEqual([expect.not.objectContaining({ skipped: expect.anything() })]);
    scene.now += 1;
    scene.journal.catchUpLogFailed("OOM");
    expect(scene.take()).toEqual([expect.objectContaining({ reason: "OOM", skipped: 1000 })]);
  });

  test("failures of the state file: one a minute, and an end only for what was told", () => {
    const scene = new Scene();
    for (let time = 0; time < 100; time += 1) {
      scene.journal.stateWriteFailed("topics.state", "database is locked");
      scene.journal.stateRecovered("topics.state");
    }
    scene.now += 60_000;
    scene.journal.stateUnusable("topics.state", "is no regular file");
    expect(scene.take()).toEqual([
      expect.objectContaining({ reason: "database is locked" }),
      {
        level: "info",
        file: "topics.state",
        msg: "state file: written again, nothing is missing",
      },
      expect.objectContaining({ reason: "is no regular file", skipped: 99 }),
    ]);
  });

  test("dropped events: one line a minute, each with how many in all", () => {
    const scene = new Scene();
    for (let dropped = 1; dropped <= 1000; dropped += 1) {
      scene.journal.outboxDropped(dropped);
    }
    scene.now += 60_000;
    scene.journal.outboxDropped(1001);
    expect(scene.take()).toEqual([
      expect.objectContaining({ dropped: 1 }),
      expect.objectContaining({ dropped: 1001 }),
    ]);
  });

  test("and leaves out nothing else", () => {
    const scene = new Scene();
    for (let time = 0; time < 100; time += 1) {
      scene.journal.registered("a", true, false);
      scene.journal.unregistered("a", true);
      scene.journal.socket({ type: "connected", ...CLIENT, handshakeMs: 5, userId: 7 });
      scene.journal.redisDown("gone");
      scene.journal.redisUp(1);
      scene.journal.caughtUp(1);
      scene.journal.outboxSent(1, 0);
    }
    expect(scene.take().length).toBe(700);
  });
});

test("a token of the former secret is told at debug alone: the status counts them", () => {
  const event = { type: "previous_secret_used", ...CLIENT, userId: 7 } as const;
  const scene = new Scene();
  scene.journal.socket(event);
  expect(scene.take()).toEqual([]);
  const talkative = new Scene("debug");
  talkative.journal.socket(event);
  expect(talkative.take()).toEqual([
    { level: "debug", ...CLIENT, user: 7, msg: "token signed by worker_secret_previous" },
  ]);
});

test("a token's refresh is told at debug alone: browsers do it all day", () => {
  const event = { type: "refreshed", ...CLIENT, userId: 7, expires: 1_900_000_000 } as const;
  const scene = new Scene();
  scene.journal.socket(event);
  expect(scene.take()).toEqual([]);
  const talkative = new Scene("debug");
  talkative.journal.socket(event);
  expect(talkative.take()).toEqual([
    { level: "debug", ...CLIENT, user: 7, msg: "token refreshed" },
  ]);
});

test("a journal at a higher level leaves out what is below it", () => {
  const scene = new Scene("warn");
  scene.journal.registered("a", true, true);
  scene.journal.socket({ type: "connected", ...CLIENT, handshakeMs: 5, userId: 7 });
  scene.journal.socket(REFUSED);
  expect(scene.take()).toEqual([expect.objectContaining({ msg: "handshake refused" })]);
});
