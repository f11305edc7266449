import { describe, expect, test } from "bun:test";
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
