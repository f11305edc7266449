import { describe, expect, test } from "bun:test";
import { Session, type SessionSocket } from "./session.ts";
import { SlowReaders } from "./slow-readers.ts";

const KIB = 1024;
const MAX_BUFFERED = 64 * KIB;

/** Twelve bytes less than 1 KiB, so that a frame with its header of 4 bytes has a round length. */
const FRAME = "x".repeat(KIB - 4);

/** Sessions of one thread whose sockets have a buffer that a test fills. */
class Scene {
  readonly sessions = new Set<Session>();
  readonly deferred: (() => void)[] = [];
  now = 1000;
  looks = 0;
  readonly readers = new SlowReaders({
    maxBuffered: MAX_BUFFERED,
    monotonicClock: () => this.now,
    sessions: () => {
      this.looks += 1;
      return this.sessions;
    },
    defer: (next) => this.deferred.push(next),
  });

  join(topic: string): { session: Session; buffer: { bytes: number } } {
    const buffer = { bytes: 0 };
    const socket: SessionSocket = {
      send: () => undefined,
      close: () => undefined,
      subscribe: () => undefined,
      ping: () => undefined,
      getBufferedAmount: () => buffer.bytes,
    };
    const session = new Session(topic, false, "203.0.113.9");
    session.socket = socket;
    this.sessions.add(session);
    this.readers.joined(session);
    return { session, buffer };
  }

  leave(session: Session): void {
    this.sessions.delete(session);
    this.readers.left(session);
  }

  publish(topic: string, kib: number): void {
    for (let count = 0; count < kib; count += 1) {
      this.readers.published(topic, FRAME);
    }
  }

  /** One turn of the loop: what was deferred happens. */
  turn(): void {
    for (const next of this.deferred.splice(0)) {
      next();
    }
  }

  depthOf(session: Session): number | undefined {
    return this.readers.depthAtEnd(session, 1006, "");
  }
}

describe("what waits", () => {
  test("is known as it was at the last look, for all and for the slowest", () => {
    const scene = new Scene();
    const [one, other] = [scene.join("a"), scene.join("a")];
    expect(scene.readers.waiting).toEqual({ all: 0, most: 0 });
    scene.publish("a", 10);
    one.buffer.bytes = 3 * KIB;
    other.buffer.bytes = 5 * KIB;
    scene.readers.look();
    expect(scene.readers.waiting).toEqual({ all: 8 * KIB, most: 5 * KIB });
    one.buffer.bytes = 0;
    scene.leave(other.session);
    scene.readers.look();
    expect(scene.readers.waiting).toEqual({ all: 0, most: 0 });
  });

  test("is nothing once nobody is behind, without another look", () => {
    const scene = new Scene();
    scene.join("a");
    scene.publish("a", 1);
    scene.readers.look();
    const { looks } = scene;
    scene.readers.look();
    expect(scene.looks).toBe(looks);
    expect(scene.readers.waiting).toEqual({ all: 0, most: 0 });
  });
});

describe("what was delivered", () => {
  test("is each frame to each socket, with its bytes on the wire", () => {
    const scene = new Scene();
    scene.join("a");
    const { session } = scene.join("a");
    scene.join("b");
    scene.publish("a", 3);
    scene.publish("nobody", 5);
    expect(scene.readers.delivered).toEqual({ frames: 6, bytes: 6 * KIB });
    scene.leave(session);
    scene.publish("a", 1);
    expect(scene.readers.delivered).toEqual({ frames: 7, bytes: 7 * KIB });
  });

  test("is no answer to some, though it may make a slow reader", () => {
    const scene = new Scene();
    const { session } = scene.join("a");
    for (let count = 0; count < 64; count += 1) {
      scene.readers.answered("a", FRAME);
    }
    expect(scene.readers.delivered).toEqual({ frames: 0, bytes: 0 });
    expect(scene.depthOf(session)).toBe(64 * KIB);
  });
});

describe("a reader that was dropped", () => {
  test("is a slow one when as much waited for it as may, with how much that was", () => {
    const scene = new Scene();
    const { session, buffer } = scene.join("a");
    scene.publish("a", 10);
    buffer.bytes = 4 * KIB;
    scene.readers.look();
    scene.publish("a", 59);
    expect(scene.depthOf(session)).toBeUndefined();
    scene.publish("a", 1);
    expect(scene.depthOf(session)).toBe(64 * KIB);
    scene.publish("a", 6);
    expect(scene.depthOf(session)).toBe(70 * KIB);
  });

  test("is none when it had read until the last look", () => {
    const scene = new Scene();
    const { session } = scene.join("a");
    for (let second = 0; second < 10; second += 1) {
      scene.publish("a", 60);
      scene.readers.look();
      expect(scene.depthOf(session)).toBeUndefined();
    }
    scene.publish("a", 63);
    expect(scene.depthOf(session)).toBeUndefined();
  });

  test("is none when it has caught up since, though nothing more was published", () => {
    const scene = new Scene();
    const { session, buffer } = scene.join("a");
    scene.publish("a", 50);
    buffer.bytes = 50 * KIB;
    scene.readers.look();
    buffer.bytes = 0;
    scene.readers.look();
    scene.publish("a", 20);
    expect(scene.depthOf(session)).toBeUndefined();
  });

  test("is none when it says why it goes, or the connection was closed in order", () => {
    const scene = new Scene();
    const { session } = scene.join("a");
    scene.publish("a", 100);
    for (const [code, reason] of [
      [1000, ""],
      [1001, "tab closed"],
      [1005, ""],
      [1006, "Received too big message"],
    ] as const) {
      expect(scene.readers.depthAtEnd(session, code, reason)).toBeUndefined();
    }
    expect(scene.depthOf(session)).toBe(100 * KIB);
  });

  test("is none because of what others got, or of what came before it", () => {
    const scene = new Scene();
    const other = scene.join("b");
    const early = scene.join("a");
    scene.publish("a", 100);
    const late = scene.join("a");
    scene.publish("a", 1);
    expect(scene.depthOf(other.session)).toBeUndefined();
    expect(scene.depthOf(late.session)).toBeUndefined();
    expect(scene.depthOf(early.session)).toBe(101 * KIB);
  });

  test("is none when it was never subscribed, or is gone already", () => {
    const scene = new Scene();
    const { session } = scene.join("a");
    scene.publish("a", 100);
    scene.leave(session);
    expect(scene.depthOf(session)).toBeUndefined();
    expect(scene.depthOf(new Session("a", false, "203.0.113.9"))).toBeUndefined();
    scene.leave(session);
  });

  test("is counted in bytes of the wire: UTF-8 and the frame's own header", () => {
    for (const [payload, bytes] of [
      ["x".repeat(125), 127],
      ["x".repeat(126), 130],
      ["\u20ac".repeat(42), 130],
      ["x".repeat(65_535), 65_539],
      ["x".repeat(65_536), 65_546],
    ] as const) {
      const scene = new Scene();
      const { session } = scene.join("a");
      while ((session.traffic?.bytes ?? 0) < MAX_BUFFERED) {
        scene.readers.published("a", payload);
      }
      expect((scene.depthOf(session) ?? 0) % bytes).toBe(0);
    }
  });
});

describe("sockets are looked at", () => {
  test("not at all while nothing is published and nobody is behind", () => {
    const scene = new Scene();
    scene.join("a");
    for (let second = 0; second < 5; second += 1) {
      scene.readers.look();
    }
    scene.publish("nobody's", 1000);
    scene.readers.look();
    scene.turn();
    expect(scene.looks).toBe(0);
  });

  test("once for what was published, then no more", () => {
    const scene = new Scene();
    scene.join("a");
    scene.publish("a", 1);
    for (let second = 0; second < 5; second += 1) {
      scene.readers.look();
    }
    expect(scene.looks).toBe(1);
  });

  test("as long as anybody is behind", () => {
    const scene = new Scene();
    const { buffer } = scene.join("a");
    scene.publish("a", 1);
    buffer.bytes = 100;
    for (let second = 0; second < 5; second += 1) {
      scene.readers.look();
    }
    expect(scene.looks).toBe(5);
    buffer.bytes = 0;
    scene.readers.look();
    scene.readers.look();
    expect(scene.looks).toBe(6);
  });

  test("soon after a burst, once it is written, but ten times a second at most", () => {
    const scene = new Scene();
    const { session } = scene.join("a");
    for (let ms = 0; ms < 1000; ms += 1) {
      scene.publish("a", 20);
      expect(scene.looks).toBe(Math.ceil(ms / 100));
      scene.turn();
      scene.now += 1;
    }
    expect(scene.looks).toBe(10);
    // So a reader that is not behind is told from one that is, also within a second.
    scene.turn();
    expect(scene.depthOf(session)).toBe(99 * 20 * KIB);
  });
});
