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
const REFUSED: SocketEvent = { type: "refused", ...CLIENT, reason: "no token" };

/** Text that would forge a line, drive a terminal or turn the line around. */
const NASTY = "a\nb\u001b[2J\u202e";
const CLEANED = "a\ufffdb\ufffd[2J\ufffd";

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
      (journal) => journal.socket({ type: "connected", ...CLIENT, userId: 7 }),
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

describe("the journal cleans", () => {
  const TEXTS: readonly [what: string, tell: (journal: Journal) => void, key: string][] = [
    ["a registered topic", (journal) => journal.registered(NASTY, true, true), "topic"],
    ["an unregistered topic", (journal) => journal.unregistered(NASTY, true), "topic"],
    ["a topic there was no room for", (journal) => journal.registryFull(NASTY), "topic"],
    ["a stranger's address", (journal) => journal.forbidden(NASTY), "address"],
    [
      "a connected client's topic",
      (journal) => journal.socket({ type: "connected", ...CLIENT, userId: 7, topic: NASTY }),
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
  ];
  for (const [what, tell, key] of TEXTS) {
    test(what, () => {
      const scene = new Scene();
      tell(scene.journal);
      expect(scene.take()).toEqual([expect.objectContaining({ [key]: CLEANED })]);
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
    ["wrong secrets", 10, (journal) => journal.forbidden("192.0.2.1")],
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
    expect(scene.take().length).toBe(21);
  });

  test("and leaves out nothing else", () => {
    const scene = new Scene();
    for (let time = 0; time < 100; time += 1) {
      scene.journal.registered("a", true, false);
      scene.journal.unregistered("a", true);
      scene.journal.socket({ type: "connected", ...CLIENT, userId: 7 });
    }
    expect(scene.take().length).toBe(300);
  });
});

test("a journal at a higher level leaves out what is below it", () => {
  const scene = new Scene("warn");
  scene.journal.registered("a", true, true);
  scene.journal.socket({ type: "connected", ...CLIENT, userId: 7 });
  scene.journal.socket(REFUSED);
  expect(scene.take()).toEqual([expect.objectContaining({ msg: "handshake refused" })]);
});
