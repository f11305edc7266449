import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import type { Notice } from "../protocol/envelope.ts";
import type { TopicMeta } from "../protocol/topic.ts";
import { DEADLINE_MS, eventually, RedisServer, rejection } from "../redis/redis-server-fixture.ts";
import type { RedisSession } from "../redis/session.ts";
import { RedisRegistry } from "./redis-registry.ts";
import { registrySuite } from "./registry-suite.ts";

// Longer than each wait in a test, so that a wait in vain says what it was for.
setDefaultTimeout(2 * DEADLINE_MS);

const OPEN = { requireToken: false };
const CLOSED = { requireToken: true };

const DAY_MS = 86_400_000;

/** How long a caller waits for Redis (200 ms, and some for the timer). */
const PATIENCE_MS = 250;

/** What a busy machine adds to it: far from what a wait without end, or for each in turn, would. */
const SLACK_MS = 400;

/** An answer that has not waited for Redis, in milliseconds: less than the patience. */
const AT_ONCE_MS = 150;

/** The server of the tests that do not harm it. */
let shared: RedisServer;
beforeAll(async () => {
  shared = await RedisServer.start();
});
afterAll(async () => {
  await shared[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await shared.command("FLUSHALL");
});

interface SceneOptions {
  readonly server?: RedisServer;
  readonly prefix?: string;
  readonly ttlMs?: number;
  readonly maxTopics?: number;
  /** Whether Redis is there from the start on. */
  readonly isUp?: boolean;
}

/** A registry on a real Redis, with a hand on its clock. */
class Scene {
  readonly registry: RedisRegistry;
  readonly server: RedisServer;
  readonly told: Notice[] = [];
  now = 1_000_000;

  private constructor(options: SceneOptions) {
    const { server = shared, prefix = "wavelog", ttlMs = DAY_MS, maxTopics = 100 } = options;
    this.server = server;
    this.registry = new RedisRegistry({
      prefix,
      ttlMs,
      maxTopics,
      now: () => this.now,
      tell: (change) => this.told.push(change),
    });
  }

  static async make(options: SceneOptions = {}): Promise<Scene> {
    const scene = new Scene(options);
    if (options.isUp !== false) {
      await scene.up();
    }
    return scene;
  }

  /** Redis is there: a new session, restored. */
  async up(): Promise<RedisSession> {
    const session = await this.server.open();
    await this.registry.restore(session);
    return session;
  }

  /** Lets time pass for the registry and for the keys in Redis. */
  async advance(ms: number): Promise<void> {
    this.now += ms;
    const keys = await this.server.command("KEYS", "*");
    for (const key of Array.isArray(keys) ? keys : []) {
      const remaining = Number(await this.server.command("PTTL", String(key)));
      if (remaining >= 0) {
        await this.server.command("PEXPIRE", String(key), remaining - ms);
      }
    }
  }

  /** What the mirror says: Redis away for a moment. */
  async mirrored(topic: string, session: RedisSession): Promise<TopicMeta | undefined> {
    this.registry.suspend();
    const meta = await this.registry.lookup(topic);
    await this.registry.restore(session);
    return meta;
  }
}

/** What Redis holds of a topic. */
function stored(server: RedisServer, topic: string): Promise<unknown> {
  return server.command("GET", `wavelog:topic:${topic}`);
}

/** How long Redis will hold a topic, in milliseconds. */
async function ttlOf(server: RedisServer, topic: string): Promise<number> {
  return Number(await server.command("PTTL", `wavelog:topic:${topic}`));
}

/** Waits until everything sent before has been answered, and the answers have been acted on. */
async function answered(session: RedisSession): Promise<void> {
  await session.send(["PING"]);
  await new Promise((resolve) => setImmediate(resolve));
}

/** How long a call takes, in milliseconds, and what it gives. */
async function timed<Value>(call: Promise<Value>): Promise<{ value: Value; ms: number }> {
  const start = performance.now();
  const value = await call;
  return { value, ms: performance.now() - start };
}

describe("redis registry", () => {
  registrySuite(async ({ ttlMs, maxTopics }) => {
    const scene = await Scene.make({ ttlMs, maxTopics });
    return { registry: scene.registry, advance: (ms) => scene.advance(ms) };
  });
});

describe("redis registry while Redis is away", () => {
  registrySuite(async ({ ttlMs, maxTopics }) => {
    const scene = await Scene.make({ ttlMs, maxTopics, isUp: false });
    return { registry: scene.registry, advance: (ms) => scene.advance(ms) };
  });
});

describe("a registration in Redis", () => {
  test("is the contract's key and value, for the topic's TTL", async () => {
    const { registry } = await Scene.make();
    await registry.register("contest_session.42", CLOSED);
    await registry.register('odd topic"\n\u{1f4e1}*', OPEN);
    expect(await shared.command("GET", "wavelog:topic:contest_session.42")).toBe(
      '{"require_token":true}',
    );
    expect(await shared.command("GET", 'wavelog:topic:odd topic"\n\u{1f4e1}*')).toBe(
      '{"require_token":false}',
    );
    expect(await shared.command("DBSIZE")).toBe(2);
    expect(await ttlOf(shared, "contest_session.42")).toBeWithin(DAY_MS - 5000, DAY_MS + 1);
  });

  test("is written anew by each register: meta and TTL", async () => {
    const { registry } = await Scene.make();
    await registry.register("a", CLOSED);
    await shared.command("PEXPIRE", "wavelog:topic:a", 1000);
    await registry.register("a", OPEN);
    expect(await stored(shared, "a")).toBe('{"require_token":false}');
    expect(await ttlOf(shared, "a")).toBeGreaterThan(DAY_MS - 5000);
  });

  test("is taken away by unregister", async () => {
    const { registry } = await Scene.make();
    await registry.register("a", CLOSED);
    expect(await registry.unregister("a")).toBe(true);
    expect(await stored(shared, "a")).toBeNull();
  });

  test("is told to the other workers, in the order of the calls, and a refused one is not", async () => {
    const { registry, told } = await Scene.make({ ttlMs: 3000, maxTopics: 1 });
    await registry.register("a", CLOSED);
    await registry.register("one too many", CLOSED);
    await registry.register("a", OPEN);
    await registry.unregister("a");
    expect(told).toEqual([
      { type: "register", topic: "a", requireToken: true, ttlMs: 3000 },
      { type: "register", topic: "a", requireToken: false, ttlMs: 3000 },
      { type: "unregister", topic: "a" },
    ]);
  });
});

describe("what another program does in Redis counts at once:", () => {
  test("a key it sets", async () => {
    const { registry } = await Scene.make();
    expect(await registry.lookup("a")).toBeUndefined();
    await shared.command("SET", "wavelog:topic:a", '{"require_token":true}', "EX", 100);
    expect(await registry.lookup("a")).toEqual(CLOSED);
    expect(await registry.list()).toEqual(["a"]);
    await shared.command("SET", "wavelog:topic:a", '{"require_token":false}', "EX", 100);
    expect(await registry.lookup("a")).toEqual(OPEN);
    expect(await registry.count()).toBe(1);
    expect(await registry.unregister("a")).toBe(true);
    expect(await stored(shared, "a")).toBeNull();
  });

  test("a key it deletes", async () => {
    const { registry } = await Scene.make();
    await registry.register("a", CLOSED);
    await shared.command("DEL", "wavelog:topic:a");
    expect(await registry.list()).toEqual([]);
    expect(await registry.lookup("a")).toBeUndefined();
    expect(await registry.unregister("a")).toBe(false);
  });

  test("a key it lets expire", async () => {
    const { registry } = await Scene.make();
    await registry.register("a", CLOSED);
    await shared.command("PEXPIRE", "wavelog:topic:a", 0);
    expect(await registry.lookup("a")).toBeUndefined();
  });

  test("everything it deletes, since Redis itself has not changed", async () => {
    const scene = await Scene.make();
    await scene.registry.register("a", CLOSED);
    await shared.command("FLUSHALL");
    expect(await scene.registry.lookup("a")).toBeUndefined();
    scene.registry.suspend();
    await scene.up();
    expect(await scene.registry.lookup("a")).toBeUndefined();
  });

  const VALUES: readonly [value: string, requireToken: boolean][] = [
    ['{"require_token":true}', true],
    ['{"require_token":false}', false],
    ['{ "require_token" : false , "more" : 1 }', false],
    ["{}", false],
    ['{"other":true}', false],
    ["[]", false],
    ['{"require_token":null}', true],
    ['{"require_token":0}', true],
    ['{"require_token":"false"}', true],
    ["", true],
    ["null", true],
    ["false", true],
    ["1", true],
    ['"text"', true],
    ["{", true],
    ["\u0000", true],
  ];
  for (const [value, requireToken] of VALUES) {
    test(`the value ${JSON.stringify(value)} ${requireToken ? "protects" : "opens"} its topic`, async () => {
      const { registry } = await Scene.make();
      await shared.command("SET", "wavelog:topic:a", value);
      expect(await registry.lookup("a")).toEqual({ requireToken });
    });
  }

  test("a key that is no text is no topic, and no fault", async () => {
    const { registry } = await Scene.make();
    await shared.command("RPUSH", "wavelog:topic:a", "x");
    expect(await registry.lookup("a")).toBeUndefined();
  });
});

describe("the mirror", () => {
  test("decides while Redis is away: what is known is, what is not is not", async () => {
    const scene = await Scene.make();
    await scene.registry.register("known", CLOSED);
    scene.registry.suspend();
    expect(await scene.registry.lookup("known")).toEqual(CLOSED);
    expect(await scene.registry.lookup("unknown")).toBeUndefined();
    expect(await scene.registry.list()).toEqual(["known"]);
    expect(await scene.registry.count()).toBe(1);
    await scene.advance(DAY_MS);
    expect(await scene.registry.lookup("known")).toBeUndefined();
  });

  test("knows what others have registered and removed, as they tell", async () => {
    const { registry } = await Scene.make({ isUp: false });
    registry.heard({ type: "register", topic: "a", requireToken: true, ttlMs: 1000 });
    registry.heard({ type: "register", topic: "b", requireToken: false, ttlMs: 1000 });
    registry.heard({ type: "unregister", topic: "b" });
    registry.heard({ type: "unregister", topic: "never known" });
    expect(await registry.lookup("a")).toEqual(CLOSED);
    expect(await registry.lookup("b")).toBeUndefined();
  });

  test("plays no part while Redis is there: what others tell is not what Redis says", async () => {
    const { registry } = await Scene.make();
    registry.heard({ type: "register", topic: "a", requireToken: true, ttlMs: 1000 });
    expect(await registry.lookup("a")).toBeUndefined();
    expect(await registry.list()).toEqual([]);
  });

  test("learns each topic that is looked up, with its TTL, and unlearns it", async () => {
    const scene = await Scene.make();
    const session = await scene.up();
    await shared.command("SET", "wavelog:topic:a", '{"require_token":true}', "PX", 60_000);
    await scene.registry.lookup("a");
    await answered(session);
    expect(await scene.mirrored("a", session)).toEqual(CLOSED);
    await shared.command("SET", "wavelog:topic:a", '{"require_token":false}', "PX", 60_000);
    await scene.registry.lookup("a");
    await answered(session);
    expect(await scene.mirrored("a", session)).toEqual(OPEN);
    scene.now += 60_000;
    expect(await scene.mirrored("a", session)).toBeUndefined();
    await scene.registry.lookup("a");
    await answered(session);
    await shared.command("DEL", "wavelog:topic:a");
    await scene.registry.lookup("a");
    expect(await scene.mirrored("a", session)).toBeUndefined();
  });

  test("learns all topics of a Redis that it joins, whatever their number", async () => {
    const scene = await Scene.make({ maxTopics: 5000 });
    const session = await scene.up();
    for (let topic = 0; topic < 1200; topic += 1) {
      void session.send([
        "SET",
        `wavelog:topic:t${topic}`,
        '{"require_token":true}',
        "PX",
        "60000",
      ]);
    }
    await session.send(["SET", "wavelog:topic:for ever", "{}"]);
    await scene.registry.learnAll();
    scene.registry.suspend();
    expect(await scene.registry.count()).toBe(1201);
    expect(await scene.registry.lookup("t1199")).toEqual(CLOSED);
    scene.now += 60_000;
    expect(await scene.registry.lookup("t1199")).toBeUndefined();
    // A key without an expiry gets ours here.
    expect(await scene.registry.lookup("for ever")).toEqual(OPEN);
    scene.now += DAY_MS - 60_000;
    expect(await scene.registry.lookup("for ever")).toBeUndefined();
  });

  test("unlearns what was removed by somebody while Redis was away", async () => {
    const scene = await Scene.make();
    await scene.registry.register("a", CLOSED);
    scene.registry.suspend();
    await shared.command("DEL", "wavelog:topic:a");
    await scene.up();
    await scene.registry.learnAll();
    scene.registry.suspend();
    expect(await scene.registry.lookup("a")).toBeUndefined();
  });

  test("does not grow beyond its bound, whatever stands in Redis", async () => {
    const scene = await Scene.make({ maxTopics: 10 });
    for (let topic = 0; topic < 50; topic += 1) {
      await shared.command("SET", `wavelog:topic:${topic}`, "{}");
    }
    await scene.registry.learnAll();
    expect(await scene.registry.count()).toBe(50);
    expect(await scene.registry.lookup("49")).toEqual(OPEN);
    scene.registry.suspend();
    expect(await scene.registry.count()).toBe(10);
  });

  test("keeps a topic that is registered while it is being looked up", async () => {
    const scene = await Scene.make();
    const session = await scene.up();
    const lookedUp = scene.registry.lookup("a");
    const registered = scene.registry.register("a", CLOSED);
    await Promise.all([lookedUp, registered]);
    expect(await scene.mirrored("a", session)).toEqual(CLOSED);
  });

  test("does not learn a topic that is removed while it is being learnt", async () => {
    const scene = await Scene.make();
    const session = await scene.up();
    await shared.command("SET", "wavelog:topic:a", '{"require_token":true}', "PX", 60_000);
    await scene.registry.lookup("a");
    await scene.registry.unregister("a");
    await answered(session);
    expect(await stored(shared, "a")).toBeNull();
    expect(await scene.mirrored("a", session)).toBeUndefined();
  });
});

describe("when Redis comes back", () => {
  test("what was changed meanwhile is written, with the time that is left", async () => {
    const scene = await Scene.make();
    await scene.registry.register("removed", CLOSED);
    await scene.registry.register("changed", CLOSED);
    scene.registry.suspend();
    await scene.registry.unregister("removed");
    await scene.registry.register("changed", OPEN);
    await scene.registry.register("new", CLOSED);
    await scene.registry.register("gone", CLOSED);
    await scene.registry.unregister("gone");
    scene.now += 3_600_000;
    expect(await stored(shared, "removed")).toBe('{"require_token":true}');
    await scene.up();
    expect(await stored(shared, "removed")).toBeNull();
    expect(await stored(shared, "gone")).toBeNull();
    expect(await stored(shared, "changed")).toBe('{"require_token":false}');
    expect(await stored(shared, "new")).toBe('{"require_token":true}');
    expect(await ttlOf(shared, "new")).toBeWithin(DAY_MS - 3_605_000, DAY_MS - 3_600_000 + 1);
    expect([...(await scene.registry.list())].sort()).toEqual(["changed", "new"]);
  });

  test("what was registered and has expired meanwhile is not written", async () => {
    const scene = await Scene.make({ ttlMs: 1000, isUp: false });
    await scene.registry.register("a", CLOSED);
    scene.now += 1000;
    await scene.up();
    expect(await shared.command("DBSIZE")).toBe(0);
    expect(await scene.registry.lookup("a")).toBeUndefined();
  });

  test("what was registered before Redis ever came is written", async () => {
    const scene = await Scene.make({ isUp: false });
    expect(await scene.registry.register("a", CLOSED)).toBe("registered");
    await scene.up();
    expect(await stored(shared, "a")).toBe('{"require_token":true}');
    expect(await scene.registry.lookup("a")).toEqual(CLOSED);
  });

  test("any number of changes is written", async () => {
    const scene = await Scene.make({ isUp: false, maxTopics: 2000 });
    for (let topic = 0; topic < 1500; topic += 1) {
      await scene.registry.register(`t${topic}`, CLOSED);
    }
    await scene.up();
    expect(await shared.command("DBSIZE")).toBe(1500);
  });

  test("empty, it gets back what this worker knows, with the time that is left", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("own", CLOSED);
    await scene.registry.register("to be removed", CLOSED);
    scene.registry.heard({ type: "register", topic: "told", requireToken: false, ttlMs: 50_000 });
    scene.now += 10_000;
    await server.restart();
    scene.registry.suspend();
    await scene.registry.unregister("to be removed");
    await scene.up();
    expect(await stored(server, "own")).toBe('{"require_token":true}');
    expect(await ttlOf(server, "own")).toBeWithin(DAY_MS - 15_000, DAY_MS - 10_000 + 1);
    expect(await stored(server, "told")).toBe('{"require_token":false}');
    expect(await ttlOf(server, "told")).toBeWithin(35_000, 40_001);
    expect(await stored(server, "to be removed")).toBeNull();
    expect(await server.command("DBSIZE")).toBe(2);
  });

  test("empty, and told of a removal too late, it is not left with the topic", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("removed", CLOSED);
    await scene.registry.register("registered again", CLOSED);
    scene.now += 10_000;
    await server.restart();
    scene.registry.suspend();
    await scene.up();
    expect(await stored(server, "removed")).toBe('{"require_token":true}');
    // Another worker had removed both, and registered one again since.
    await server.command("SET", "wavelog:topic:registered again", "{}", "PX", DAY_MS);
    scene.registry.heard({ type: "unregister", topic: "registered again" });
    scene.registry.heard({ type: "unregister", topic: "removed" });
    await eventually(
      async () => (await stored(server, "removed")) === null,
      "the removed topic to be gone",
    );
    expect(await stored(server, "registered again")).toBe("{}");
  });

  test("empty, and told of a removal while it is given the topic, it is not left with it", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("removed", CLOSED);
    await server.restart();
    scene.registry.suspend();
    const session = await server.open();
    const restored = scene.registry.restore({
      serverId: session.serverId,
      lost: session.lost,
      subscribe: (channel, onMessage) => session.subscribe(channel, onMessage),
      stalledMs: () => session.stalledMs(),
      close: (reason) => session.close(reason),
      send: async (command) => {
        const reply = await session.send(command);
        if (command.includes("NX")) {
          scene.registry.heard({ type: "unregister", topic: "removed" });
        }
        return reply;
      },
    });
    await restored;
    await eventually(
      async () => (await stored(server, "removed")) === null,
      "the removed topic to be gone",
    );
  });

  test("with a topic that was removed lately, given back by another, it is not learnt", async () => {
    const scene = await Scene.make();
    await scene.registry.register("removed", CLOSED);
    scene.registry.heard({ type: "unregister", topic: "removed" });
    await shared.command("SET", "wavelog:topic:removed", "{}", "PX", 1000);
    await scene.registry.learnAll();
    scene.registry.suspend();
    expect(await scene.registry.lookup("removed")).toBeUndefined();
    // Registered anew it is known, as any other.
    scene.registry.heard({ type: "register", topic: "removed", requireToken: true, ttlMs: 1000 });
    expect(await scene.registry.lookup("removed")).toEqual(CLOSED);
  });

  test("empty, it keeps what others have written first", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("a", CLOSED);
    await server.restart();
    scene.registry.suspend();
    await server.command("SET", "wavelog:topic:a", '{"require_token":false}', "PX", 1000);
    await scene.up();
    expect(await stored(server, "a")).toBe('{"require_token":false}');
    expect(await ttlOf(server, "a")).toBeLessThanOrEqual(1000);
  });

  test("with its memory, it gets nothing back that somebody has removed", async () => {
    const scene = await Scene.make();
    await scene.registry.register("a", CLOSED);
    scene.registry.suspend();
    await shared.command("DEL", "wavelog:topic:a");
    await scene.up();
    expect(await stored(shared, "a")).toBeNull();
    expect(await scene.registry.lookup("a")).toBeUndefined();
  });

  test("and does not say which it is, every time counts as one without memory", async () => {
    await using server = await RedisServer.start();
    await server.command("ACL", "SETUSER", "default", "-info");
    const scene = await Scene.make({ server });
    await scene.registry.register("a", CLOSED);
    await server.restart();
    await server.command("ACL", "SETUSER", "default", "-info");
    scene.registry.suspend();
    await scene.up();
    expect(await stored(server, "a")).toBe('{"require_token":true}');
  });

  test("and cannot be written to, the session is refused, and nothing is forgotten", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server, isUp: false });
    await scene.registry.register("a", CLOSED);
    await server.command("REPLICAOF", "127.0.0.1", shared.port);
    expect(await rejection(scene.up())).toStartWith("READONLY ");
    expect(await scene.registry.lookup("a")).toEqual(CLOSED);
    await server.command("REPLICAOF", "NO", "ONE");
    await scene.up();
    expect(await stored(server, "a")).toBe('{"require_token":true}');
  });

  test("and is full, the session is used, and what it refused is written when there is room", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server, isUp: false });
    await scene.registry.register("a", CLOSED);
    await server.command("CONFIG", "SET", "maxmemory", 1);
    await scene.up();
    expect(await scene.registry.lookup("a")).toEqual(CLOSED);
    await server.command("CONFIG", "SET", "maxmemory", 0);
    await scene.registry.retell();
    expect(await stored(server, "a")).toBe('{"require_token":true}');
  });

  test("and goes again at once, that is no Redis without memory", async () => {
    const scene = await Scene.make();
    await scene.registry.register("a", CLOSED);
    scene.registry.suspend();
    await shared.command("DEL", "wavelog:topic:a");
    const session = await shared.open();
    const restored = rejection(scene.registry.restore(session));
    session.close("lost");
    expect(await restored).not.toBe("");
    await scene.up();
    // Removed by somebody: not to be given back.
    expect(await stored(shared, "a")).toBeNull();
  });

  test("and goes again at once, the session is refused, known or not", async () => {
    const scene = await Scene.make({ isUp: false });
    const session = await shared.open();
    const restored = scene.registry.restore(session).then(
      () => "restored",
      () => "refused",
    );
    session.close("lost");
    expect(await restored).toBe("refused");
  });

  test("what is changed while a change is being written is written as well", async () => {
    const scene = await Scene.make({ isUp: false });
    await scene.registry.register("removed", CLOSED);
    await scene.registry.register("opened", CLOSED);
    const changes: Promise<unknown>[] = [];
    const session = await shared.open();
    let isFirst = true;
    await scene.registry.restore({
      serverId: session.serverId,
      lost: session.lost,
      subscribe: (channel, onMessage) => session.subscribe(channel, onMessage),
      stalledMs: () => session.stalledMs(),
      close: (reason) => session.close(reason),
      send: (command) => {
        const reply = session.send(command);
        if (command[0] === "SET" && isFirst) {
          isFirst = false;
          // Once both have been sent, and before Redis has answered.
          queueMicrotask(() => {
            changes.push(scene.registry.unregister("removed"));
            changes.push(scene.registry.register("opened", OPEN));
          });
        }
        return reply;
      },
    });
    await Promise.all(changes);
    await answered(session);
    expect(changes.length).toBe(2);
    expect(await scene.registry.lookup("removed")).toBeUndefined();
    expect(await scene.registry.lookup("opened")).toEqual(OPEN);
    expect(await stored(shared, "removed")).toBeNull();
    expect(await stored(shared, "opened")).toBe('{"require_token":false}');
  });
});

describe("a Redis that is out of memory", () => {
  test("refuses a registration, which holds here, and is written when there is room", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await server.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
    await server.command("CONFIG", "SET", "maxmemory", 1);
    expect(await scene.registry.register("a", CLOSED)).toBe("registered");
    expect(await scene.registry.lookup("a")).toEqual(CLOSED);
    await scene.registry.retell();
    expect(await stored(server, "a")).toBeNull();
    expect(await scene.registry.lookup("a")).toEqual(CLOSED);
    await server.command("CONFIG", "SET", "maxmemory", 0);
    scene.now += 1000;
    await scene.registry.retell();
    expect(await stored(server, "a")).toBe('{"require_token":true}');
    expect(await ttlOf(server, "a")).toBeLessThanOrEqual(DAY_MS - 1000);
    // From now on Redis decides again.
    await server.command("DEL", "wavelog:topic:a");
    expect(await scene.registry.lookup("a")).toBeUndefined();
  });

  test("does not keep a removal from being made", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("a", CLOSED);
    await server.command("CONFIG", "SET", "maxmemory", 1);
    expect(await scene.registry.unregister("a")).toBe(true);
    expect(await stored(server, "a")).toBeNull();
  });

  test("does not keep a registration that it has refused out of this worker's list", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await server.command("CONFIG", "SET", "maxmemory", 1);
    await scene.registry.register("a", CLOSED);
    expect(await scene.registry.list()).toEqual(["a"]);
    expect(await scene.registry.count()).toBe(1);
  });
});

describe("a Redis that is frozen", () => {
  test("keeps the first caller waiting for 200 ms and the next not at all", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("a", CLOSED);
    server.freeze();
    const first = await timed(scene.registry.lookup("a"));
    expect(first.value).toEqual(CLOSED);
    expect(first.ms).toBeWithin(150, PATIENCE_MS + SLACK_MS);
    for (const [topic, meta] of [
      ["a", CLOSED],
      ["unknown", undefined],
    ] as const) {
      const next = await timed(scene.registry.lookup(topic));
      expect(next.value).toEqual(meta as TopicMeta);
      expect(next.ms).toBeLessThan(AT_ONCE_MS);
    }
    const registered = await timed(scene.registry.register("b", OPEN));
    expect(registered).toEqual({ value: "registered", ms: expect.any(Number) });
    expect(registered.ms).toBeLessThan(AT_ONCE_MS);
    const removed = await timed(scene.registry.unregister("a"));
    expect(removed.value).toBe(true);
    expect(removed.ms).toBeLessThan(AT_ONCE_MS);
    expect(await scene.registry.lookup("a")).toBeUndefined();
    expect(await scene.registry.lookup("b")).toEqual(OPEN);
  });

  test("keeps callers that come together waiting for 200 ms, all of them", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("a", CLOSED);
    server.freeze();
    const { value, ms } = await timed(
      Promise.all(Array.from({ length: 100 }, () => scene.registry.lookup("a"))),
    );
    expect(value).toEqual(Array(100).fill(CLOSED));
    expect(ms).toBeLessThan(PATIENCE_MS + SLACK_MS);
  });

  test("keeps registering for no longer than 200 ms", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    server.freeze();
    const { value, ms } = await timed(scene.registry.register("a", CLOSED));
    expect(value).toBe("registered");
    expect(ms).toBeLessThan(PATIENCE_MS + SLACK_MS);
    expect(await scene.registry.lookup("a")).toEqual(CLOSED);
    server.thaw();
    await eventually(async () => (await stored(server, "a")) !== null, "the key to be written");
  });

  test("makes lists come from the mirror, the first after half a second, the next at once", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("a", CLOSED);
    await scene.registry.register("b", OPEN);
    server.freeze();
    const first = await timed(scene.registry.list());
    expect([...first.value].sort()).toEqual(["a", "b"]);
    expect(first.ms).toBeLessThan(500 + SLACK_MS);
    const next = await timed(scene.registry.count());
    expect(next.value).toBe(2);
    expect(next.ms).toBeLessThan(AT_ONCE_MS);
  });

  test("decides again when it goes on, and gets what was changed meanwhile", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("removed", CLOSED);
    server.freeze();
    await scene.registry.lookup("removed");
    await scene.registry.unregister("removed");
    await scene.registry.register("new", CLOSED);
    server.thaw();
    await eventually(async () => {
      await scene.registry.retell();
      return (await server.command("EXISTS", "wavelog:topic:new")) === 1;
    }, "the change to be written");
    expect(await stored(server, "removed")).toBeNull();
    await server.command("DEL", "wavelog:topic:new");
    expect(await scene.registry.lookup("new")).toBeUndefined();
  });

  for (const [what, last] of [
    ["a removal", undefined],
    ["a change of meta", OPEN],
  ] as const) {
    test(`gets ${what} that came after a registration it had not yet answered`, async () => {
      await using server = await RedisServer.start();
      const scene = await Scene.make({ server, isUp: false });
      const session = await scene.up();
      server.freeze();
      // Sent, and not answered.
      await scene.registry.register("a", CLOSED);
      // Not sent: Redis has been silent for too long.
      await (last === undefined
        ? scene.registry.unregister("a")
        : scene.registry.register("a", last));
      expect(await scene.registry.lookup("a")).toEqual(last as unknown as TopicMeta);
      server.thaw();
      await answered(session);
      // The beat of a worker tries again.
      await scene.registry.retell();
      expect(await scene.registry.lookup("a")).toEqual(last as unknown as TopicMeta);
      expect(await stored(server, "a")).toBe(last === undefined ? null : '{"require_token":false}');
    });
  }
});

describe("a Redis that is killed", () => {
  test("makes the mirror decide at once, before anybody says that it is away", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    await scene.registry.register("a", CLOSED);
    await server.kill();
    const { value, ms } = await timed(scene.registry.lookup("a"));
    expect(value).toEqual(CLOSED);
    expect(ms).toBeLessThan(PATIENCE_MS + SLACK_MS);
    expect(await scene.registry.lookup("unknown")).toBeUndefined();
    expect(await scene.registry.list()).toEqual(["a"]);
    expect(await scene.registry.register("b", OPEN)).toBe("registered");
    expect(await scene.registry.unregister("a")).toBe(true);
    scene.registry.suspend();
    await server.restart();
    await scene.up();
    expect(await server.command("KEYS", "*")).toEqual(["wavelog:topic:b"]);
  });

  test("keeps no call from ending: a change that was on its way is written later", async () => {
    await using server = await RedisServer.start();
    const scene = await Scene.make({ server });
    server.freeze();
    const registering = scene.registry.register("a", CLOSED);
    const removing = scene.registry.unregister("b");
    await server.kill();
    expect(await registering).toBe("registered");
    expect(await removing).toBe(false);
    scene.registry.suspend();
    await server.restart();
    await scene.up();
    expect(await stored(server, "a")).toBe('{"require_token":true}');
  });
});

describe("a list", () => {
  test("holds each topic once, over any number of pages, and nothing else", async () => {
    const scene = await Scene.make();
    const session = await scene.up();
    for (let key = 0; key < 3000; key += 1) {
      void session.send(["SET", `wavelog:topic:t${key}`, "{}"]);
      void session.send(["SET", `another:topic:t${key}`, "{}"]);
    }
    await session.send(["SET", "wavelog:node:x", "{}"]);
    const expected = Array.from({ length: 3000 }, (_, key) => `t${key}`);
    expect([...(await scene.registry.list())].sort()).toEqual(expected.sort());
    expect(await scene.registry.count()).toBe(3000);
  });

  test("is made once for callers that come together, and with SCAN alone", async () => {
    const scene = await Scene.make();
    await scene.registry.register("a", OPEN);
    await shared.command("CONFIG", "RESETSTAT");
    const lists = await Promise.all([
      scene.registry.list(),
      scene.registry.list(),
      scene.registry.count(),
    ]);
    expect(lists).toEqual([["a"], ["a"], 1]);
    const stats = String(await shared.command("INFO", "commandstats"));
    expect(stats).toMatch(/cmdstat_scan:calls=1,/);
    expect(stats).not.toContain("cmdstat_keys");
    await scene.registry.register("b", OPEN);
    expect((await scene.registry.list()).length).toBe(2);
  });

  for (const prefix of ["wave*", "w?velog", "w[a-z]velog", "back\\slash", "*", "a^b"]) {
    test(`with the prefix ${prefix} holds that installation's topics alone`, async () => {
      const neighbour = await Scene.make({ prefix: "wavelog" });
      await neighbour.registry.register("neighbour's", OPEN);
      const scene = await Scene.make({ prefix });
      await scene.registry.register("own", CLOSED);
      expect(await shared.command("GET", `${prefix}:topic:own`)).toBe('{"require_token":true}');
      expect(await scene.registry.list()).toEqual(["own"]);
      expect(await neighbour.registry.list()).toEqual(["neighbour's"]);
      expect(await scene.registry.lookup("neighbour's")).toBeUndefined();
    });
  }
});

describe("two workers on one Redis", () => {
  test("know each other's topics at once", async () => {
    const one = await Scene.make();
    const two = await Scene.make();
    await one.registry.register("a", CLOSED);
    expect(await two.registry.lookup("a")).toEqual(CLOSED);
    expect(await two.registry.unregister("a")).toBe(true);
    expect(await one.registry.lookup("a")).toBeUndefined();
  });

  test("give an empty Redis back what each of them knows", async () => {
    await using server = await RedisServer.start();
    const one = await Scene.make({ server });
    const two = await Scene.make({ server });
    await one.registry.register("of one", CLOSED);
    await two.registry.register("of two", OPEN);
    await server.restart();
    one.registry.suspend();
    two.registry.suspend();
    await Promise.all([one.up(), two.up()]);
    expect(await one.registry.lookup("of two")).toEqual(OPEN);
    expect(await two.registry.lookup("of one")).toEqual(CLOSED);
  });
});

describe("with other bounds", () => {
  const OPEN = { requireToken: false };

  test("what is registered keeps its time, and what comes has the new one, everywhere", async () => {
    const { registry, told } = await Scene.make({ ttlMs: 60_000 });
    await registry.register("old", OPEN);
    registry.reconfigure({ ttlMs: 30_000, maxTopics: 100 });
    await registry.register("new", OPEN);
    const ttl = async (topic: string): Promise<number> =>
      Number(await shared.command("PTTL", `wavelog:topic:${topic}`));
    expect(await ttl("old")).toBeGreaterThan(50_000);
    expect(await ttl("new")).toBeLessThanOrEqual(30_000);
    expect(await ttl("new")).toBeGreaterThan(20_000);
    expect(told.map((notice) => "ttlMs" in notice && notice.ttlMs)).toEqual([60_000, 30_000]);
  });

  test("topics beyond a lower bound stay, and none comes before there is room", async () => {
    const { registry } = await Scene.make({ maxTopics: 2 });
    await registry.register("a", OPEN);
    await registry.register("b", OPEN);
    registry.reconfigure({ ttlMs: DAY_MS, maxTopics: 1 });
    expect(await registry.register("c", OPEN)).toBe("full");
    expect(await registry.register("a", OPEN)).toBe("refreshed");
    registry.reconfigure({ ttlMs: DAY_MS, maxTopics: 3 });
    expect(await registry.register("c", OPEN)).toBe("registered");
    expect((await registry.list()).length).toBe(3);
  });
});
