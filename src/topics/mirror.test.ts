import { describe, expect, test } from "bun:test";
import { Mirror } from "./mirror.ts";

const OPEN = { requireToken: false };
const CLOSED = { requireToken: true };

/** A mirror with a hand on its clock. */
function mirror(maxTopics = 100) {
  const clock = { now: 1000 };
  return { mirror: new Mirror(maxTopics, () => clock.now), clock };
}

describe("a mirror", () => {
  test("knows a topic for as long as it was told, and when that ends", () => {
    const scene = mirror();
    expect(scene.mirror.get("a")).toBeUndefined();
    scene.mirror.set("a", CLOSED, 50);
    expect(scene.mirror.get("a")).toEqual({ meta: CLOSED, expiresAt: 1050 });
    scene.clock.now += 49;
    expect(scene.mirror.get("a")).toEqual({ meta: CLOSED, expiresAt: 1050 });
    scene.clock.now += 1;
    expect(scene.mirror.get("a")).toBeUndefined();
    expect(scene.mirror.entries()).toEqual([]);
  });

  test("takes the latest word: meta and time", () => {
    const scene = mirror();
    scene.mirror.set("a", CLOSED, 50);
    scene.mirror.set("a", OPEN, 20);
    expect(scene.mirror.get("a")).toEqual({ meta: OPEN, expiresAt: 1020 });
    scene.clock.now += 30;
    expect(scene.mirror.get("a")).toBeUndefined();
    scene.mirror.set("a", CLOSED, 10);
    expect(scene.mirror.get("a")?.meta).toEqual(CLOSED);
  });

  test("takes no note of a topic that has no time left", () => {
    const scene = mirror();
    scene.mirror.set("a", CLOSED, 0);
    scene.mirror.set("b", CLOSED, -2);
    expect(scene.mirror.entries()).toEqual([]);
  });

  test("forgets a topic, and says whether it was known", () => {
    const scene = mirror();
    scene.mirror.set("a", OPEN, 50);
    expect(scene.mirror.delete("a")).toBe(true);
    expect(scene.mirror.delete("a")).toBe(false);
    expect(scene.mirror.delete("__proto__")).toBe(false);
    scene.mirror.set("b", OPEN, 50);
    scene.clock.now += 50;
    expect(scene.mirror.delete("b")).toBe(false);
  });

  test("that is full leaves out what is new, refreshes what is known, has room after expiry", () => {
    const scene = mirror(2);
    scene.mirror.set("a", OPEN, 50);
    expect(scene.mirror.isFull()).toBe(false);
    scene.mirror.set("b", OPEN, 80);
    expect(scene.mirror.isFull()).toBe(true);
    scene.mirror.set("c", OPEN, 50);
    expect(scene.mirror.get("c")).toBeUndefined();
    scene.mirror.set("b", CLOSED, 90);
    expect(scene.mirror.get("b")?.meta).toEqual(CLOSED);
    scene.clock.now += 50;
    expect(scene.mirror.isFull()).toBe(false);
    scene.mirror.set("c", OPEN, 50);
    expect(scene.mirror.entries().map(([topic]) => topic)).toEqual(["b", "c"]);
  });

  test("has room again when a topic is forgotten", () => {
    const scene = mirror(1);
    scene.mirror.set("a", OPEN, 50);
    scene.mirror.delete("a");
    scene.mirror.set("b", OPEN, 50);
    expect(scene.mirror.get("b")?.meta).toEqual(OPEN);
  });

  test("does not grow by topics that have expired, once it is swept", () => {
    const scene = mirror(3);
    scene.mirror.set("late", OPEN, 1000);
    scene.mirror.set("early", OPEN, 10);
    scene.clock.now += 10;
    scene.mirror.sweep();
    expect(scene.mirror.entries().map(([topic]) => topic)).toEqual(["late"]);
  });
});
