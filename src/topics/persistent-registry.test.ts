import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PersistentRegistry, type PersistentRegistryOptions } from "./persistent-registry.ts";
import { registrySuite } from "./registry-suite.ts";
import { StateFile, type StateRow } from "./state-file.ts";

const HOUR_MS = 3_600_000;
const TTL_MS = 24 * HOUR_MS;
const OPEN = { requireToken: false };
const CLOSED = { requireToken: true };

let folder: string;
let path: string;
/** The machine's clocks, which go on while processes come and go. */
let wall: number;
let monotonic: number;
/** What happened to the file, in order. */
let events: string[];
let opened: PersistentRegistry[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wavelog-worker-state-"));
  path = join(folder, "topics.state");
  wall = Date.UTC(2026, 10, 24, 12);
  monotonic = 5000.5;
  events = [];
  opened = [];
});

afterEach(() => {
  for (const registry of opened) {
    registry.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

function advance(ms: number): void {
  wall += ms;
  monotonic += ms;
}

/** A process that has just started. The one before may have been closed, or not: killed. */
function start(options: Partial<PersistentRegistryOptions> = {}): PersistentRegistry {
  const registry = new PersistentRegistry({
    ttlMs: TTL_MS,
    maxTopics: 1000,
    path,
    isShared: false,
    now: () => monotonic,
    wallClock: () => wall,
    events: {
      opened: (topics, leftOut) => events.push(`opened ${topics} ${leftOut}`),
      setAside: (keptAs, problem) =>
        events.push(`set aside ${keptAs.slice(path.length)}: ${problem}`),
      unusable: (problem) => events.push(`unusable: ${problem}`),
      writeFailed: (problem) => events.push(`failed: ${problem}`),
      recovered: () => events.push("recovered"),
    },
    ...options,
  });
  registry.open();
  opened.push(registry);
  return registry;
}

/** What a process that starts now would find. */
function stored(): readonly StateRow[] {
  const file = StateFile.open(path);
  const { rows } = file.read(1000);
  file.close();
  return rows;
}

function writeRows(...rows: readonly StateRow[]): void {
  const file = StateFile.open(path);
  file.write(rows.map((row) => ({ topic: row.topic, row })));
  file.close();
}

/** Somebody else's lock on the file. */
function lock(): Disposable {
  const db = new Database(path, { readwrite: true });
  db.run("BEGIN IMMEDIATE");
  return {
    [Symbol.dispose]: () => {
      db.run("ROLLBACK");
      db.close();
    },
  };
}

/** How long a topic is known from now on, to the minute. */
async function lifeOf(registry: PersistentRegistry, topic: string): Promise<number> {
  const [before, wallBefore] = [monotonic, wall];
  let minutes = 0;
  while ((await registry.lookup(topic)) !== undefined && minutes < 100 * 60) {
    minutes += 1;
    advance(60_000);
  }
  [monotonic, wall] = [before, wallBefore];
  return minutes * 60_000;
}

describe("persistent registry", () => {
  let count = 0;
  for (const isShared of [false, true]) {
    describe(isShared ? "shared" : "alone", () => {
      registrySuite(async (options) => {
        count += 1;
        const registry = start({ ...options, isShared, path: join(folder, `${count}.state`) });
        return {
          registry,
          advance: async (ms) => {
            advance(ms);
            registry.tick();
          },
        };
      });
    });
  }
  describe("without a file to write to", () => {
    registrySuite(async (options) => ({
      registry: start({ ...options, path: join(folder, "none", "topics.state") }),
      advance: async (ms) => advance(ms),
    }));
  });
});

describe("a restart", () => {
  test("killed or stopped: finds every topic with its meta, and not what was removed", async () => {
    for (const isKilled of [true, false]) {
      const first = start();
      await first.register("open", OPEN);
      await first.register("closed", CLOSED);
      await first.register("changed", OPEN);
      await first.register("changed", CLOSED);
      await first.register("removed", CLOSED);
      await first.unregister("removed");
      if (!isKilled) {
        first.close();
      }
      const second = start();
      expect((await second.list()).toSorted()).toEqual(["changed", "closed", "open"]);
      expect(await second.lookup("open")).toEqual(OPEN);
      expect(await second.lookup("closed")).toEqual(CLOSED);
      expect(await second.lookup("changed")).toEqual(CLOSED);
    }
    expect(events).toEqual(["opened 0 0", "opened 3 0", "opened 3 0", "opened 3 0"]);
  });

  test("does not start the TTL anew, and never cuts it short", async () => {
    const first = start();
    await first.register("a", OPEN);
    await first.register("b", OPEN);
    advance(10 * HOUR_MS);
    await first.register("b", OPEN);
    first.close();
    const second = start();
    expect(await lifeOf(second, "a")).toBeWithin(14 * HOUR_MS, 15 * HOUR_MS + 60_001);
    expect(await lifeOf(second, "b")).toBe(24 * HOUR_MS);
    second.close();
    // Again and again: still the same end.
    for (let restarts = 0; restarts < 5; restarts += 1) {
      start().close();
    }
    expect(await lifeOf(start(), "a")).toBeWithin(14 * HOUR_MS, 15 * HOUR_MS + 60_001);
    advance(16 * HOUR_MS);
    expect(await start().list()).toEqual(["b"]);
  });

  test("keeps the order of expiry, so that sweeps find what has expired", async () => {
    const first = start();
    for (const topic of ["a", "b", "c"]) {
      await first.register(topic, OPEN);
      advance(2 * HOUR_MS);
    }
    await first.register("a", OPEN);
    first.close();
    const second = start();
    await second.register("d", OPEN);
    expect(await second.list()).toEqual(["b", "c", "a", "d"]);
    advance(22 * HOUR_MS);
    expect(await second.list()).toEqual(["c", "a", "d"]);
    await second.register("a", OPEN);
    advance(2 * HOUR_MS);
    expect(await second.list()).toEqual(["a"]);
  });

  test("takes no more than max_topics: those that were registered last", async () => {
    const first = start();
    for (const topic of ["a", "b", "c"]) {
      await first.register(topic, OPEN);
      advance(1000);
    }
    first.close();
    const second = start({ maxTopics: 2 });
    expect(await second.list()).toEqual(["b", "c"]);
    expect(await second.register("d", OPEN)).toBe("full");
    expect(await second.unregister("b")).toBe(true);
    second.close();
    expect(await start().list()).toEqual(["c"]);
    expect(events).toEqual(["opened 0 0", "opened 2 1", "opened 1 0"]);
  });

  test("with a shorter topic_ttl: no topic is kept for longer", async () => {
    await start().register("a", OPEN);
    const second = start({ ttlMs: HOUR_MS });
    expect(await lifeOf(second, "a")).toBe(HOUR_MS);
    advance(HOUR_MS / 2);
    second.tick();
    second.close();
    expect(await lifeOf(start({ ttlMs: HOUR_MS }), "a")).toBeWithin(HOUR_MS / 2, HOUR_MS * 0.6);
  });
});

describe("writing", () => {
  test("a topic that is registered again and again is written once per part of its TTL", async () => {
    const registry = start();
    const other = new Database(path, { readwrite: true });
    const version = (): unknown => other.query("PRAGMA data_version").get();
    await registry.register("a", OPEN);
    const first = version();
    for (let minutes = 0; minutes < 59; minutes += 1) {
      advance(60_000);
      await registry.register("a", OPEN);
      expect(await registry.unregister("unknown")).toBe(false);
    }
    expect(version()).toEqual(first);
    advance(120_000);
    await registry.register("a", OPEN);
    expect(version()).not.toEqual(first);
    other.close();
    registry.close();
    expect(await lifeOf(start(), "a")).toBe(TTL_MS);
  });

  test("what has expired leaves the file", async () => {
    const registry = start();
    await registry.register("a", OPEN);
    advance(20 * HOUR_MS);
    await registry.register("b", OPEN);
    registry.sweep();
    expect(stored().map(({ topic }) => topic)).toEqual(["a", "b"]);
    advance(6 * HOUR_MS);
    registry.sweep();
    expect(stored().map(({ topic }) => topic)).toEqual(["b"]);
    // And comes again like any other.
    await registry.register("a", OPEN);
    registry.close();
    expect((await start().list()).toSorted()).toEqual(["a", "b"]);
  });
});

describe("a wall clock that is wrong", () => {
  const IN_1970 = 60_000;

  test("when topics were written: throws none away", async () => {
    const right = wall;
    wall = IN_1970;
    await start().register("a", CLOSED);
    wall = right;
    const second = start();
    expect(await second.lookup("a")).toEqual(CLOSED);
    expect(await lifeOf(second, "a")).toBe(TTL_MS);
    // The time was put right with it: this one goes on.
    advance(20 * HOUR_MS);
    second.close();
    expect(await lifeOf(start(), "a")).toBeWithin(4 * HOUR_MS, 5 * HOUR_MS + 60_001);
  });

  test("when they are read: keeps none for ever", async () => {
    await start().register("a", CLOSED);
    wall = IN_1970;
    const second = start();
    expect(await lifeOf(second, "a")).toBe(TTL_MS);
    advance(20 * HOUR_MS);
    second.close();
    expect(await lifeOf(start(), "a")).toBe(TTL_MS);
  });

  test("set right while the worker runs: the file follows", async () => {
    const right = wall;
    // Weeks behind, as a machine without a clock of its own that was switched off for so long.
    wall = right - 30 * TTL_MS;
    const first = start();
    await first.register("a", CLOSED);
    advance(HOUR_MS);
    wall = right;
    first.tick();
    expect(await lifeOf(first, "a")).toBe(23 * HOUR_MS);
    expect(await lifeOf(start(), "a")).toBeWithin(23 * HOUR_MS, TTL_MS + 1);
    // And back.
    wall = right - 30 * TTL_MS;
    first.tick();
    expect(await lifeOf(start(), "a")).toBeWithin(23 * HOUR_MS, TTL_MS + 1);
    expect(events.filter((event) => !event.startsWith("opened"))).toEqual([]);
  });

  test("far ahead when topics were written: they are kept for one TTL, not one per restart", async () => {
    writeRows({ topic: "a", requireToken: true, expiresAt: wall + 1000 * TTL_MS });
    start().close();
    for (let restarts = 0; restarts < 3; restarts += 1) {
      advance(9 * HOUR_MS);
      start().close();
    }
    expect(await start().list()).toEqual([]);
  });
});

describe("a file that cannot be used at the start", () => {
  test("is set aside, and a new one is made", async () => {
    writeFileSync(path, "something else");
    const first = start();
    await first.register("a", OPEN);
    expect(events).toEqual([
      "set aside .broken-20261124T120000000Z: is no SQLite database",
      "opened 0 0",
    ]);
    first.close();
    expect(await start().list()).toEqual(["a"]);
  });

  test("nor be made: topics are in memory, and in the file as soon as there is one", async () => {
    path = join(folder, "none", "topics.state");
    const registry = start();
    await registry.register("a", OPEN);
    registry.sweep();
    advance(1500);
    registry.tick();
    const problem = "unusable: is in a directory that does not exist: create it";
    expect(events).toEqual([problem]);
    advance(500);
    registry.tick();
    expect(events).toEqual([problem, problem]);

    mkdirSync(join(folder, "none"));
    // Somebody has put topics there meanwhile: a volume that was mounted late, say.
    writeRows({ topic: "b", requireToken: true, expiresAt: wall + HOUR_MS });
    advance(2000);
    registry.tick();
    expect(events.at(-1)).toBe("opened 1 0");
    expect((await registry.list()).toSorted()).toEqual(["a", "b"]);
    expect((await start().list()).toSorted()).toEqual(["a", "b"]);
  });
});

describe("a file that fails later", () => {
  test("locked: nobody waits, and it is written when the lock is gone", async () => {
    const registry = start();
    await registry.register("a", OPEN);
    await registry.register("gone", OPEN);
    {
      using _ = lock();
      const started = performance.now();
      for (let index = 0; index < 100; index += 1) {
        expect(await registry.register(`topic ${index}`, CLOSED)).toBe("registered");
      }
      expect(await registry.unregister("gone")).toBe(true);
      expect(await registry.unregister("topic 7")).toBe(true);
      expect(await registry.register("a", CLOSED)).toBe("refreshed");
      // One attempt, not a hundred.
      expect(performance.now() - started).toBeLessThan(1000);
      expect(events).toEqual(["opened 0 0", "failed: database is locked"]);
      registry.sweep();
      registry.tick();
      expect(events.slice(2)).toEqual(["failed: database is locked", "failed: database is locked"]);
      expect(
        stored()
          .map(({ topic }) => topic)
          .sort(),
      ).toEqual(["a", "gone"]);
    }
    registry.tick();
    expect(events.at(-1)).toBe("recovered");
    const topics = stored().map(({ topic }) => topic);
    expect(topics).toHaveLength(100);
    expect(topics).not.toContain("gone");
    expect(topics).not.toContain("topic 7");
    expect(stored().find(({ topic }) => topic === "a")?.requireToken).toBe(true);
    // From here on at once again.
    await registry.register("new", OPEN);
    expect(stored()).toHaveLength(101);
  });

  test("while it fails, what comes and goes does not pile up", async () => {
    const registry = start({ ttlMs: 1000 });
    using _ = lock();
    for (let round = 0; round < 50; round += 1) {
      await registry.register(`topic ${round}`, OPEN);
      advance(2000);
      registry.sweep();
    }
    await registry.register("last", OPEN);
    const write = spyOn(StateFile.prototype, "write");
    registry.tick();
    expect(write.mock.calls.map(([changes]) => changes.length)).toEqual([1]);
    write.mockRestore();
  });

  test("still locked at the end: the stop goes on", async () => {
    const registry = start();
    using _ = lock();
    await registry.register("a", OPEN);
    registry.close();
    expect(events).toEqual([
      "opened 0 0",
      "failed: database is locked",
      "failed: database is locked",
    ]);
    expect(await registry.lookup("a")).toEqual(OPEN);
    registry.tick();
    expect(events).toHaveLength(3);
  });

  test("removed: it is made again with all that is known", async () => {
    const registry = start();
    await registry.register("a", OPEN);
    await registry.register("b", CLOSED);
    for (const name of readdirSync(folder)) {
      rmSync(join(folder, name));
    }
    await registry.register("c", OPEN);
    registry.tick();
    expect(events).toEqual([
      "opened 0 0",
      "failed: was removed, or replaced by another",
      "opened 0 0",
    ]);
    expect((await start().list()).toSorted()).toEqual(["a", "b", "c"]);
  });

  test("damaged: it is set aside, and made again with all that is known", async () => {
    const registry = start();
    for (let index = 0; index < 500; index += 1) {
      await registry.register(`topic ${index}`, OPEN);
    }
    // Everything into the file itself, and the registry's copies of its pages out of date.
    const other = new Database(path, { readwrite: true });
    other.run("DELETE FROM topics WHERE topic = 'topic 0'");
    other.run("PRAGMA wal_checkpoint(TRUNCATE)");
    other.close();
    const descriptor = openSync(path, "r+");
    writeSync(descriptor, Buffer.alloc(65_536, 7), 0, 65_536, 4096);
    closeSync(descriptor);

    expect(await registry.register("one more", OPEN)).toBe("registered");
    registry.tick();
    expect(events).toEqual([
      "opened 0 0",
      "failed: database disk image is malformed",
      expect.stringMatching(/^set aside .*: is damaged/),
      "opened 0 0",
    ]);
    expect(await start().count()).toBe(501);
  });
});

describe("two processes, in a hand-over", () => {
  const shared = { isShared: true };

  test("each finds what the other registers, and not what the other removes", async () => {
    const first = start(shared);
    await first.register("before", OPEN);
    const second = start(shared);
    await first.register("a", CLOSED);
    expect(await second.lookup("a")).toEqual(CLOSED);
    await second.register("b", OPEN);
    expect(await first.lookup("b")).toEqual(OPEN);
    expect(await second.unregister("a")).toBe(true);
    first.tick();
    expect(await first.lookup("a")).toBeUndefined();
    await second.register("b", CLOSED);
    first.tick();
    expect(await first.lookup("b")).toEqual(CLOSED);
    await first.register("c", OPEN);
    expect(await second.unregister("c")).toBe(true);
    first.close();
    second.tick();
    expect((await second.list()).toSorted()).toEqual(["b", "before"]);
    second.close();
    expect((await start().list()).toSorted()).toEqual(["b", "before"]);
  });

  test("the end of the first takes nothing from the second", async () => {
    const first = start(shared);
    const second = start(shared);
    await first.register("a", OPEN);
    first.close();
    expect(await second.lookup("a")).toEqual(OPEN);
    await second.register("b", OPEN);
    expect(existsSync(`${path}-wal`)).toBe(true);
    second.close();
    expect(readdirSync(folder)).toEqual(["topics.state"]);
    expect((await start().list()).toSorted()).toEqual(["a", "b"]);
  });

  test("what one could not write yet is not undone by the other", async () => {
    const first = start(shared);
    const second = start(shared);
    await first.register("a", OPEN);
    second.tick();
    {
      using _ = lock();
      await second.register("late", OPEN);
      await second.unregister("a");
    }
    await first.register("b", OPEN);
    expect(await second.lookup("b")).toEqual(OPEN);
    expect(await second.lookup("late")).toEqual(OPEN);
    expect(await second.lookup("a")).toBeUndefined();
    second.tick();
    expect((await start().list()).toSorted()).toEqual(["b", "late"]);
  });
});
