import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MemoryRegistry } from "./memory-registry.ts";
import { registrySuite } from "./registry-suite.ts";
import { ReservedTopics } from "./reserved-topics.ts";

function memory(options: { ttlMs: number; maxTopics: number }) {
  let now = 1_000_000;
  const registry = new MemoryRegistry({ ...options, now: () => now });
  const advance = async (ms: number): Promise<void> => {
    now += ms;
  };
  return { registry, advance };
}

describe("memory registry", () => {
  registrySuite(async (options) => memory(options));

  test("a sweep stops at the first entry that is still known", async () => {
    const { registry, advance } = memory({ ttlMs: 1000, maxTopics: 10 });
    await registry.register("old", { requireToken: false });
    await advance(600);
    await registry.register("new", { requireToken: false });
    await advance(600);
    registry.sweep();
    expect(await registry.list()).toEqual(["new"]);
  });
});

describe("memory registry with other bounds", () => {
  const OPEN = { requireToken: false };

  test("what is registered keeps its time, what comes has the new one, and both end on time", async () => {
    for (const [before, after] of [
      [1000, 300],
      [300, 1000],
    ] as const) {
      const { registry, advance } = memory({ ttlMs: before, maxTopics: 10 });
      await registry.register("old", OPEN);
      registry.reconfigure({ ttlMs: after, maxTopics: 10 });
      await registry.register("new", OPEN);
      await advance(299);
      expect(await registry.count()).toBe(2);
      await advance(1);
      const [longer, shorter] = before > after ? ["old", "new"] : ["new", "old"];
      expect(await registry.list()).toEqual([longer]);
      expect(await registry.unregister(shorter)).toBe(false);
      expect(await registry.register(shorter, OPEN)).toBe("registered");
      await advance(699);
      expect(await registry.lookup(longer)).toEqual(OPEN);
      await advance(1);
      expect(await registry.lookup(longer)).toBeUndefined();
    }
  });

  test("topics beyond a lower bound stay, and none comes before there is room", async () => {
    const { registry } = memory({ ttlMs: 1000, maxTopics: 3 });
    for (const topic of ["a", "b", "c"]) {
      await registry.register(topic, OPEN);
    }
    registry.reconfigure({ ttlMs: 1000, maxTopics: 2 });
    expect(await registry.count()).toBe(3);
    expect(await registry.register("a", OPEN)).toBe("refreshed");
    await registry.unregister("b");
    expect(await registry.register("d", OPEN)).toBe("full");
    registry.reconfigure({ ttlMs: 1000, maxTopics: 3 });
    expect(await registry.register("d", OPEN)).toBe("registered");
  });

  test("holds to a plain list, whatever is changed in between", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("register" as const), topic: fc.integer({ min: 0, max: 9 }) }),
      fc.record({ kind: fc.constant("time" as const), ms: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ kind: fc.constant("ttl" as const), ms: fc.integer({ min: 1, max: 1000 }) }),
    );
    return fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
        const { registry, advance } = memory({ ttlMs: 500, maxTopics: 100 });
        const expiries = new Map<string, number>();
        let ttlMs = 500;
        let now = 0;
        for (const at of steps) {
          if (at.kind === "register") {
            await registry.register(String(at.topic), OPEN);
            expiries.set(String(at.topic), now + ttlMs);
          } else if (at.kind === "time") {
            await advance(at.ms);
            now += at.ms;
          } else {
            ttlMs = at.ms;
            registry.reconfigure({ ttlMs, maxTopics: 100 });
          }
          const known = [...expiries].filter(([, end]) => now < end).map(([topic]) => topic);
          expect([...(await registry.list())].sort()).toEqual(known.sort());
          expect(await registry.count()).toBe(known.length);
        }
      }),
    );
  });
});

describe("reserved topics", () => {
  const RESERVED = new Map([["worker.status", { requireToken: true }]]);

  describe("with none reserved, a registry like any other", () => {
    registrySuite(async (options) => {
      const { registry, advance } = memory(options);
      return { registry: new ReservedTopics(new Map(), new Set(), registry), advance };
    });
  });

  test("cannot be opened, removed or outlived", async () => {
    const { registry, advance } = memory({ ttlMs: 1000, maxTopics: 10 });
    const topics = new ReservedTopics(RESERVED, new Set(), registry);
    expect(await topics.register("worker.status", { requireToken: false })).toBe("refreshed");
    expect(await topics.unregister("worker.status")).toBe(true);
    await advance(10_000);
    expect(await topics.lookup("worker.status")).toEqual({ requireToken: true });
    expect(await topics.list()).toEqual(["worker.status"]);
    expect(await topics.count()).toBe(1);
    expect(await registry.count()).toBe(0);
  });

  test("are not counted or listed twice when the registry knows them too", async () => {
    const { registry } = memory({ ttlMs: 1000, maxTopics: 10 });
    for (const topic of ["worker.status", "worker.cluster", "a"]) {
      await registry.register(topic, { requireToken: false });
    }
    const topics = new ReservedTopics(RESERVED, new Set(["worker.cluster"]), registry);
    expect(await topics.list()).toEqual(["worker.status", "a"]);
    expect(await topics.count()).toBe(2);
    expect(await topics.lookup("worker.status")).toEqual({ requireToken: true });
    expect(await topics.lookup("worker.cluster")).toBeUndefined();
  });

  test("that are hidden cannot be registered, and are never known", async () => {
    const { registry } = memory({ ttlMs: 1000, maxTopics: 10 });
    const topics = new ReservedTopics(RESERVED, new Set(["worker.cluster"]), registry);
    expect(await topics.register("worker.cluster", { requireToken: false })).toBe("refreshed");
    expect(await topics.lookup("worker.cluster")).toBeUndefined();
    expect(await topics.unregister("worker.cluster")).toBe(false);
    expect(await topics.list()).toEqual(["worker.status"]);
    expect(await registry.count()).toBe(0);
  });
});
