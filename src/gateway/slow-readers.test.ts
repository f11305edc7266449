import { describe, expect, test } from "bun:test";
import { Session, type SessionSocket } from "./session.ts";
import { SlowReaders } from "./slow-readers.ts";

const KIB = 1024;
const MAX_BUFFERED = 64 * KIB;

/** So many KiB make a look worth its while. */
const QUARTER = 16;

/** What may wait, what one turn may add to it, and one frame. */
const MOST = MAX_BUFFERED + (3 * MAX_BUFFERED) / 4 + KIB;

/** With its header of four bytes, a frame of 1 KiB. */
const FRAME = "x".repeat(KIB - 4);

interface Reader {
  readonly session: Session;
  /** What waits for it. */
  waiting: number;
  /** Whether it takes what it is given at once. */
  isReading: boolean;
}

/** Sockets of one thread with buffers, and the turns of its loop. */
class Scene {
  readonly readers: Reader[] = [];
  deferred: (() => void)[] = [];
  looks = 0;
  /** Published and not yet handed to the sockets. */
  #published = new Map<string, number>();
  readonly slow = new SlowReaders({
    maxBuffered: MAX_BUFFERED,
    readersOf: (topic) => {
      this.looks += 1;
      return this.readers
        .map(({ session }) => session)
        .filter((session) => session.topic === topic);
    },
    defer: (next) => this.deferred.push(next),
  });

  join(topic: string, isReading = true): Reader {
    const reader = { session: new Session(topic, false, "203.0.113.9"), waiting: 0, isReading };
    const socket: SessionSocket = {
      send: () => undefined,
      close: () => undefined,
      subscribe: () => undefined,
      ping: () => undefined,
      getBufferedAmount: () => reader.waiting,
    };
    reader.session.socket = socket;
    this.readers.push(reader);
    this.slow.joined(reader.session);
    return reader;
  }

  publish(topic: string, kib: number): void {
    for (let count = 0; count < kib; count += 1) {
      this.slow.published(topic, FRAME);
    }
    this.#published.set(topic, (this.#published.get(topic) ?? 0) + kib * KIB);
  }

  /** One turn of the loop: what was deferred happens, then what was published is written. */
  turn(): void {
    for (const next of this.deferred.splice(0)) {
      next();
    }
    for (const reader of this.readers) {
      const given = this.#published.get(reader.session.topic) ?? 0;
      reader.waiting = reader.isReading ? 0 : reader.waiting + given;
    }
    this.#published = new Map();
  }

  /** Turns until nothing is deferred any more. */
  rest(): void {
    for (let turns = 0; turns < 5; turns += 1) {
      this.turn();
    }
    expect(this.deferred).toEqual([]);
  }

  depthOf({ session }: Reader): number | undefined {
    return this.slow.depthAtEnd(session, 1006, "");
  }
}

describe("what waits", () => {
  test("is known as it was at the last look, for all and for the slowest", () => {
    const scene = new Scene();
    const [one, other] = [scene.join("a", false), scene.join("a", false)];
    scene.join("b");
    expect(scene.slow.waiting).toEqual({ all: 0, most: 0 });
    scene.publish("a", QUARTER);
    scene.publish("b", QUARTER);
    scene.rest();
    expect(scene.slow.waiting).toEqual({ all: 2 * QUARTER * KIB, most: QUARTER * KIB });
    one.waiting = 3 * KIB;
    other.waiting = 5 * KIB;
    scene.slow.tick();
    expect(scene.slow.waiting).toEqual({ all: 8 * KIB, most: 5 * KIB });
    one.waiting = 0;
    other.waiting = 0;
    scene.slow.tick();
    expect(scene.slow.waiting).toEqual({ all: 0, most: 0 });
  });

  test("is forgotten with the readers it waited for", () => {
    const scene = new Scene();
    const reader = scene.join("a", false);
    scene.publish("a", QUARTER);
    scene.rest();
    expect(scene.slow.waiting.all).toBe(QUARTER * KIB);
    scene.slow.left(reader.session);
    expect(scene.slow.waiting).toEqual({ all: 0, most: 0 });
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
    expect(scene.slow.delivered).toEqual({ frames: 6, bytes: 6 * KIB });
    scene.slow.left(session);
    scene.publish("a", 1);
    expect(scene.slow.delivered).toEqual({ frames: 7, bytes: 7 * KIB });
  });

  test("is no answer to some, though it may make a slow reader", () => {
    const scene = new Scene();
    const reader = scene.join("a", false);
    for (let count = 0; count < 64; count += 1) {
      scene.slow.answered("a", FRAME);
    }
    expect(scene.slow.delivered).toEqual({ frames: 0, bytes: 0 });
    expect(scene.depthOf(reader)).toBe(64 * KIB);
  });
});

describe("a reader that was dropped", () => {
  test("is a slow one when as much waited for it as may, with how much that was", () => {
    const scene = new Scene();
    const reader = scene.join("a", false);
    scene.publish("a", QUARTER);
    scene.rest();
    scene.publish("a", 47);
    expect(scene.depthOf(reader)).toBeUndefined();
    scene.publish("a", 1);
    expect(scene.depthOf(reader)).toBe(64 * KIB);
    scene.publish("a", 6);
    expect(scene.depthOf(reader)).toBe(70 * KIB);
  });

  test("is one, whenever its end comes after it was over the limit", () => {
    for (let kib = 1; kib <= 16; kib += 1) {
      const scene = new Scene();
      const reader = scene.join("a", false);
      while (reader.waiting <= MAX_BUFFERED) {
        scene.publish("a", kib);
        scene.turn();
      }
      expect(scene.depthOf(reader)).toBeWithin(MAX_BUFFERED, MOST + 1);
      scene.rest();
      expect(scene.depthOf(reader)).toBeWithin(MAX_BUFFERED, MOST + 1);
    }
  });

  test("is none while it reads, however much is published, in every turn as much as may be", () => {
    const scene = new Scene();
    const reader = scene.join("a");
    for (let turn = 0; turn < 1000; turn += 1) {
      scene.publish("a", QUARTER - 1);
      expect(scene.depthOf(reader)).toBeUndefined();
      scene.turn();
      expect(scene.depthOf(reader)).toBeUndefined();
    }
  });

  test("is none when it has caught up since, though nothing more was published", () => {
    const scene = new Scene();
    const reader = scene.join("a", false);
    scene.publish("a", 50);
    scene.rest();
    reader.isReading = true;
    scene.rest();
    scene.slow.tick();
    scene.publish("a", QUARTER);
    expect(scene.depthOf(reader)).toBeUndefined();
  });

  test("is none when it says why it goes, or the connection was closed in order", () => {
    const scene = new Scene();
    const { session } = scene.join("a", false);
    scene.publish("a", 100);
    for (const [code, reason] of [
      [1000, ""],
      [1001, "tab closed"],
      [1005, ""],
      [1006, "Received too big message"],
    ] as const) {
      expect(scene.slow.depthAtEnd(session, code, reason)).toBeUndefined();
    }
    expect(scene.slow.depthAtEnd(session, 1006, "")).toBe(100 * KIB);
  });

  test("was given nothing of what came when it was over the limit", () => {
    const scene = new Scene();
    const reader = scene.join("a", false);
    scene.publish("a", 1000);
    expect(scene.depthOf(reader)).toBe(MOST);
  });

  test("is none because of what others got, or of what came before it", () => {
    const scene = new Scene();
    const other = scene.join("b", false);
    const early = scene.join("a", false);
    scene.publish("a", 100);
    const late = scene.join("a", false);
    scene.publish("a", 1);
    expect(scene.depthOf(other)).toBeUndefined();
    expect(scene.depthOf(late)).toBeUndefined();
    expect(scene.depthOf(early)).toBe(101 * KIB);
  });

  test("is none when it was never subscribed, or is gone already", () => {
    const scene = new Scene();
    const reader = scene.join("a", false);
    scene.publish("a", 100);
    scene.slow.left(reader.session);
    expect(scene.depthOf(reader)).toBeUndefined();
    expect(scene.slow.depthAtEnd(new Session("a", false, "203.0.113.9"), 1006, "")).toBeUndefined();
    scene.slow.left(reader.session);
    scene.rest();
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
      const reader = scene.join("a", false);
      for (let sum = 0; sum < MAX_BUFFERED; sum += bytes) {
        scene.slow.published("a", payload);
      }
      expect(scene.depthOf(reader)).toBe(Math.ceil(MAX_BUFFERED / bytes) * bytes);
    }
  });
});

describe("readers are looked at", () => {
  test("not at all while less is published than could be too much", () => {
    const scene = new Scene();
    scene.join("a");
    scene.publish("a", QUARTER - 1);
    scene.publish("nobody's", 1000);
    scene.rest();
    scene.slow.tick();
    expect(scene.looks).toBe(0);
  });

  test("once for each quarter of the limit, each topic for itself", () => {
    const scene = new Scene();
    scene.join("a");
    scene.join("b");
    for (let quarter = 1; quarter <= 10; quarter += 1) {
      scene.publish("a", QUARTER / 2);
      scene.publish("b", 1);
      scene.rest();
      scene.publish("a", QUARTER / 2);
      scene.rest();
      expect(scene.looks).toBe(quarter);
    }
  });

  test("once a second as long as something waits for anyone", () => {
    const scene = new Scene();
    const reader = scene.join("a", false);
    scene.publish("a", QUARTER);
    scene.rest();
    for (let second = 1; second <= 5; second += 1) {
      scene.slow.tick();
      expect(scene.looks).toBe(1 + second);
    }
    reader.isReading = true;
    scene.rest();
    scene.slow.tick();
    scene.slow.tick();
    expect(scene.looks).toBe(7);
  });

  test("no more when they are all gone", () => {
    const scene = new Scene();
    const { session } = scene.join("a", false);
    scene.publish("a", QUARTER);
    scene.rest();
    scene.publish("a", QUARTER);
    scene.slow.left(session);
    scene.rest();
    scene.slow.tick();
    expect(scene.looks).toBe(1);
  });
});
