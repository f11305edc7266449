import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { REFUSAL_CAUSES, type SocketEvent } from "../protocol/socket-event.ts";
import { FlightRecorder, MAX_CLOSES, REFUSALS_PER_CAUSE } from "./flight-recorder.ts";
import { MAX_RECORDED_TOPICS, PUBLISHES_PER_TOPIC } from "./publish-records.ts";

const NODE = "9f86d081884c7d65";
const OTHER = "0123456789abcdef";
/** 2026-01-02T03:04:05.678Z. */
const UNIX_MS = 1_767_323_045_678;
const TIME = "2026-01-02T03:04:05.678Z";
const ALL = { topic: undefined, limit: 1000 };
/** Text that would forge a line, drive a terminal or turn the line around. */
const NASTY = "a\nb\u001b[2J\u202e";
const CLEANED = "a\ufffdb\ufffd[2J\ufffd";

/** A recorder and a hand on its clocks; what is published is handed over 2.25 ms later. */
class Scene {
  unixMs = UNIX_MS;
  now = 5000;
  readonly deliveries = {
    latest: 0,
    latestAt: 0,
    handed: 0,
    handedAt: () => this.deliveries.latestAt + 2.251,
  };
  readonly recorder = new FlightRecorder({
    node: NODE,
    deliveries: () => this.deliveries,
    sockets: (topic) => topic.length,
    now: () => this.now,
    wallClock: () => this.unixMs,
  });

  pass(ms: number): void {
    this.now += ms;
    this.unixMs += ms;
  }

  /** Something is handed to the gateway threads. */
  deliver(): void {
    this.deliveries.latest += 1;
    this.deliveries.latestAt = this.now;
  }
}

const CLIENT = { topic: "contest_session.42", address: "203.0.113.9", userId: 7 };
const CLOSED = {
  type: "disconnected",
  ...CLIENT,
  code: 1001,
  reason: "going away",
  durationMs: 21_000.4,
} as const satisfies SocketEvent;
const REFUSED = {
  type: "refused",
  topic: CLIENT.topic,
  address: CLIENT.address,
  cause: "auth",
  reason: "token expired",
} as const satisfies SocketEvent;

describe("a close", () => {
  test("is remembered with who, why, and after how long", () => {
    const { recorder } = new Scene();
    recorder.socket(CLOSED);
    expect(recorder.recent(ALL)).toEqual({
      closes: [
        {
          time: TIME,
          address: "203.0.113.9",
          topic: "contest_session.42",
          user: 7,
          code: 1001,
          reason: "going away",
          age_ms: 21_000,
          buffered: null,
        },
      ],
      refusals: [],
      publishes: [],
    });
  });

  test("of a slow reader has how much waited", () => {
    const { recorder } = new Scene();
    recorder.socket({ ...CLOSED, code: 1006, buffered: 1_048_600 });
    expect(recorder.recent(ALL).closes).toEqual([
      expect.objectContaining({ code: 1006, buffered: 1_048_600 }),
    ]);
  });

  test("is listed before those that came earlier, of all topics or one", () => {
    const scene = new Scene();
    scene.recorder.socket(CLOSED);
    scene.pass(1500);
    scene.recorder.socket({ ...CLOSED, topic: "b" });
    scene.recorder.socket({ ...CLOSED, code: 1000 });
    const { recorder } = scene;
    expect(recorder.recent(ALL).closes.map(({ time, topic }) => [time, topic])).toEqual([
      ["2026-01-02T03:04:07.178Z", CLIENT.topic],
      ["2026-01-02T03:04:07.178Z", "b"],
      [TIME, CLIENT.topic],
    ]);
    const { closes } = recorder.recent({ topic: CLIENT.topic, limit: 1000 });
    expect(closes.map(({ code }) => code)).toEqual([1000, 1001]);
    expect(recorder.recent({ topic: CLIENT.topic, limit: 1 }).closes.length).toBe(1);
  });
});

describe("a refusal", () => {
  const NOBODY = { time: TIME, address: null, topic: null, user: null, unreported: 0 };

  test.each<[string, (recorder: FlightRecorder) => void, object]>([
    [
      "of a handshake",
      (recorder) => recorder.socket(REFUSED),
      {
        topic: CLIENT.topic,
        address: CLIENT.address,
        cause: "auth",
        reason: "token expired",
      },
    ],
    [
      "of a handshake that stands for others",
      (recorder) => recorder.socket({ ...REFUSED, topic: "", unreported: 12 }),
      { address: CLIENT.address, cause: "auth", reason: "token expired", unreported: 12 },
    ],
    [
      "of a refresh",
      (recorder) => recorder.socket({ ...CLIENT, type: "refresh_refused", reason: "forged" }),
      {
        address: CLIENT.address,
        topic: CLIENT.topic,
        user: 7,
        cause: "refresh",
        reason: "forged",
      },
    ],
    [
      "of a call without the secret",
      (recorder) => recorder.forbidden("192.0.2.1"),
      { address: "192.0.2.1", cause: "forbidden", reason: "wrong or missing X-Worker-Secret" },
    ],
    [
      "of a publish",
      (recorder) => recorder.overloaded("a"),
      { topic: "a", cause: "overloaded", reason: "the gateway threads do not keep up" },
    ],
    [
      "of a topic",
      (recorder) => recorder.registryFull("a"),
      { topic: "a", cause: "max_topics", reason: "max_topics reached" },
    ],
  ])("%s is remembered", (_, tell, refusal) => {
    const { recorder } = new Scene();
    tell(recorder);
    expect<unknown>(recorder.recent(ALL)).toEqual({
      closes: [],
      refusals: [{ ...NOBODY, ...refusal }],
      publishes: [],
    });
  });

  test("is listed by its time, whatever its cause", () => {
    const scene = new Scene();
    const { recorder } = scene;
    for (const cause of ["origin", "auth", "origin"] as const) {
      recorder.socket({ ...REFUSED, cause });
      scene.pass(1);
    }
    recorder.forbidden("192.0.2.1");
    const causes = recorder.recent(ALL).refusals.map(({ cause }) => cause);
    expect(causes).toEqual(["forbidden", "origin", "auth", "origin"]);
    expect(recorder.recent({ topic: undefined, limit: 1 }).refusals.length).toBe(1);
    expect(recorder.recent({ topic: CLIENT.topic, limit: 9 }).refusals.length).toBe(3);
  });
});

describe("a publish", () => {
  test("is remembered with its size, its readers, and how fast it was", () => {
    const scene = new Scene();
    scene.deliver();
    scene.recorder.accepted("a", 300, 4, 17);
    const publish = {
      time: TIME,
      id: `${NODE}-17`,
      node: NODE,
      topic: "a",
      bytes: 300,
      sockets: 4,
    };
    expect(scene.recorder.recent(ALL).publishes).toEqual([{ ...publish, handed_ms: null }]);
    scene.deliveries.handed = 1;
    scene.pass(60_000);
    scene.recorder.tick();
    expect(scene.recorder.recent(ALL).publishes).toEqual([{ ...publish, handed_ms: 2.25 }]);
  });

  test("on another node has that node's id, and the sockets here", () => {
    const scene = new Scene();
    scene.deliver();
    scene.recorder.received("abc", 10, OTHER, 5);
    scene.deliver();
    scene.recorder.received("abc", 10, NASTY, undefined);
    expect(scene.recorder.recent(ALL).publishes).toEqual([
      expect.objectContaining({ id: null, node: CLEANED, sockets: 3 }),
      expect.objectContaining({ id: `${OTHER}-5`, node: OTHER, sockets: 3 }),
    ]);
  });

  test("is found by its topic, however that is written", () => {
    const scene = new Scene();
    scene.deliver();
    scene.recorder.accepted(NASTY, 1, 0, 1);
    scene.recorder.socket({ ...CLOSED, topic: NASTY });
    const { publishes, closes } = scene.recorder.recent({ topic: NASTY, limit: 10 });
    expect([publishes.length, closes.length]).toEqual([1, 1]);
  });

  test("keeps its time when the clock of the machine is set, and later ones have the new one", () => {
    const scene = new Scene();
    scene.deliver();
    scene.recorder.accepted("a", 1, 0, 1);
    scene.unixMs += 3_600_000;
    scene.recorder.tick();
    scene.deliver();
    scene.recorder.accepted("a", 1, 0, 2);
    expect(scene.recorder.recent(ALL).publishes.map(({ time }) => time)).toEqual([
      "2026-01-02T04:04:05.678Z",
      TIME,
    ]);
  });
});

test("what comes from outside is cleaned", () => {
  const { recorder } = new Scene();
  recorder.socket({ ...CLOSED, address: NASTY, topic: NASTY, reason: NASTY });
  recorder.socket({ ...REFUSED, address: NASTY, topic: NASTY, reason: NASTY });
  recorder.forbidden(NASTY);
  recorder.overloaded(NASTY);
  const { closes, refusals } = recorder.recent(ALL);
  const cleaned = { address: CLEANED, topic: CLEANED, reason: CLEANED };
  expect(closes).toEqual([expect.objectContaining(cleaned)]);
  expect(refusals.find(({ cause }) => cause === "auth")).toEqual(expect.objectContaining(cleaned));
  expect(JSON.stringify([closes, refusals])).not.toMatch(/\p{Cf}|\\n|\\u001b/u);
});

test("what is of no use here is not remembered", () => {
  const { recorder } = new Scene();
  recorder.socket({ type: "refreshed", ...CLIENT, expires: 1 });
  recorder.socket({ type: "previous_secret_used", ...CLIENT });
  recorder.socket({ type: "header_ignored", topic: "a", address: "b" });
  expect(recorder.recent(ALL)).toEqual({ closes: [], refusals: [], publishes: [] });
});

describe("what is remembered is bounded", () => {
  /** As many events of each kind as this, as long as they may be. */
  function fill(scene: Scene, events: number): void {
    const long = (text: string, units = 512): string =>
      Buffer.from(`${text}${"\u{1f4e1}".repeat(256)}`.slice(0, units)).toString();
    for (let event = 0; event < events; event += 1) {
      const about = {
        topic: long(`t${event}`),
        address: long(`a${event}`),
        reason: long(`r${event}`),
      };
      scene.recorder.socket({ ...CLOSED, ...about });
      for (const cause of REFUSAL_CAUSES) {
        scene.recorder.socket({ ...REFUSED, ...about, cause });
      }
      scene.recorder.forbidden(about.address);
      scene.recorder.overloaded(about.topic);
      scene.recorder.registryFull(about.topic);
      for (let publish = 0; publish <= PUBLISHES_PER_TOPIC; publish += 1) {
        scene.deliver();
        scene.recorder.received(about.topic, 1, long(`o${event}`, 64), event + 1);
      }
    }
  }

  test("in number", () => {
    const scene = new Scene();
    fill(scene, 2 * MAX_CLOSES);
    const { closes, refusals, publishes } = scene.recorder.recent({
      topic: undefined,
      limit: 1_000_000,
    });
    expect(closes.length).toBe(MAX_CLOSES);
    expect(refusals.length).toBe((REFUSAL_CAUSES.length + 3) * REFUSALS_PER_CAUSE);
    expect(publishes.length).toBe(MAX_RECORDED_TOPICS * PUBLISHES_PER_TOPIC);
  });

  test("in bytes, whatever the length of names and reasons", () => {
    const used = (): number => {
      Bun.gc(true);
      const { heapSize, extraMemorySize } = heapStats();
      return heapSize + extraMemorySize;
    };
    const before = used();
    const scene = new Scene();
    fill(scene, 3 * MAX_CLOSES);
    const full = used();
    fill(scene, 6 * MAX_CLOSES);
    const later = used();
    const MIB = 1024 * 1024;
    expect((full - before) / MIB).toBeLessThan(10);
    expect((later - full) / MIB).toBeLessThan(1);
    // What has been measured is still in use.
    expect(scene.recorder.recent(ALL).closes.length).toBe(MAX_CLOSES);
  });
});
