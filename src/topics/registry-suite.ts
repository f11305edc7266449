import { expect, test } from "bun:test";
import type { TopicRegistry } from "./registry.ts";

/** A registry under test, with the hands on its clock. */
export interface RegistryFixture {
  readonly registry: TopicRegistry;
  /** Lets time pass for the registry, in milliseconds. */
  readonly advance: (ms: number) => Promise<void>;
}

/** How a suite gets a fresh registry with these bounds. */
export type MakeRegistry = (options: {
  ttlMs: number;
  maxTopics: number;
}) => Promise<RegistryFixture>;

const TTL_MS = 60_000;
const OPEN = { requireToken: false };
const CLOSED = { requireToken: true };

/** What the port promises; every implementation runs it. To be called inside a `describe`. */
export function registrySuite(make: MakeRegistry): void {
  const fresh = (maxTopics = 100) => make({ ttlMs: TTL_MS, maxTopics });

  test("knows a topic from its registration on", async () => {
    const { registry } = await fresh();
    expect(await registry.lookup("a")).toBeUndefined();
    expect(await registry.register("a", CLOSED)).toBe("registered");
    expect(await registry.lookup("a")).toEqual(CLOSED);
    expect(await registry.lookup("A")).toBeUndefined();
  });

  test("keeps topics opaque: separators, patterns, spaces and astral characters", async () => {
    const { registry } = await fresh();
    const topics = ["a:b", "a*", "?", "[x]", " ", "\n", "\u{1f4e1}", "__proto__", "a"];
    for (const topic of topics) {
      await registry.register(topic, OPEN);
    }
    for (const topic of topics) {
      expect(await registry.lookup(topic)).toEqual(OPEN);
    }
    expect([...(await registry.list())].sort()).toEqual([...topics].sort());
  });

  test("the latest meta wins", async () => {
    const { registry } = await fresh();
    await registry.register("a", CLOSED);
    expect(await registry.register("a", OPEN)).toBe("refreshed");
    expect(await registry.lookup("a")).toEqual(OPEN);
    expect(await registry.count()).toBe(1);
  });

  test("forgets a topic when its TTL has passed, not before", async () => {
    const { registry, advance } = await fresh();
    await registry.register("a", OPEN);
    await advance(TTL_MS - 1000);
    expect(await registry.lookup("a")).toEqual(OPEN);
    await advance(1000);
    expect(await registry.lookup("a")).toBeUndefined();
    expect(await registry.list()).toEqual([]);
    expect(await registry.count()).toBe(0);
    expect(await registry.unregister("a")).toBe(false);
  });

  test("a registration refreshes the TTL", async () => {
    const { registry, advance } = await fresh();
    await registry.register("a", OPEN);
    await registry.register("b", OPEN);
    await advance(TTL_MS / 2);
    await registry.register("a", OPEN);
    await advance(TTL_MS / 2);
    expect(await registry.lookup("a")).toEqual(OPEN);
    expect(await registry.lookup("b")).toBeUndefined();
    expect(await registry.list()).toEqual(["a"]);
  });

  test("removes a topic, known or not", async () => {
    const { registry } = await fresh();
    await registry.register("a", OPEN);
    expect(await registry.unregister("a")).toBe(true);
    expect(await registry.unregister("a")).toBe(false);
    expect(await registry.lookup("a")).toBeUndefined();
  });

  test("refuses a new topic when full, refreshes a known one, has room again after expiry", async () => {
    const { registry, advance } = await fresh(2);
    await registry.register("a", OPEN);
    await registry.register("b", OPEN);
    expect(await registry.register("c", OPEN)).toBe("full");
    expect(await registry.lookup("c")).toBeUndefined();
    expect(await registry.register("a", OPEN)).toBe("refreshed");
    await advance(TTL_MS);
    expect(await registry.register("c", OPEN)).toBe("registered");
    expect(await registry.count()).toBe(1);
  });

  test("calls take effect in the order in which they were made", async () => {
    const { registry } = await fresh();
    const calls = [
      registry.register("a", OPEN),
      registry.unregister("a"),
      registry.register("a", CLOSED),
    ];
    const seen = registry.lookup("a");
    await Promise.all(calls);
    expect(await seen).toEqual(CLOSED);
  });
}
