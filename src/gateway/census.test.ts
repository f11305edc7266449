import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Census } from "./census.ts";

describe("the census", () => {
  test("counts nobody at first", () => {
    const census = new Census();
    expect(census.headcount()).toEqual({ sockets: 0, clients: 0, activeTopics: 0 });
    expect(census.activeTopics()).toEqual([]);
  });

  test("counts a user once, however many sockets and topics they have", () => {
    const census = new Census();
    census.add("a", 7);
    census.add("a", 7);
    census.add("b", 7);
    census.add("b", 8);
    expect(census.headcount()).toEqual({ sockets: 4, clients: 2, activeTopics: 2 });
  });

  test("counts every anonymous socket as a client of its own", () => {
    const census = new Census();
    census.add("a", 0);
    census.add("a", 0);
    census.add("b", 0);
    census.add("b", 7);
    expect(census.headcount()).toEqual({ sockets: 4, clients: 4, activeTopics: 2 });
  });

  test("counts a user until the last of their sockets is gone", () => {
    const census = new Census();
    census.add("a", 7);
    census.add("b", 7);
    census.remove("a", 7);
    expect(census.headcount()).toEqual({ sockets: 1, clients: 1, activeTopics: 1 });
    census.remove("b", 7);
    expect(census.headcount()).toEqual({ sockets: 0, clients: 0, activeTopics: 0 });
  });

  test("lists a topic while it has a socket, and counts them", () => {
    const census = new Census();
    census.add("a", 1);
    census.add("a", 2);
    census.add("__proto__", 1);
    census.remove("a", 1);
    expect([...census.activeTopics()].sort()).toEqual(["__proto__", "a"]);
    expect(["a", "__proto__", "b"].map((topic) => census.socketsOn(topic))).toEqual([1, 1, 0]);
    census.remove("a", 2);
    expect(census.activeTopics()).toEqual(["__proto__"]);
    expect(census.socketsOn("a")).toBe(0);
  });

  test("takes negative user ids for users like others", () => {
    const census = new Census();
    census.add("a", -1);
    census.add("a", -1);
    expect(census.headcount().clients).toBe(1);
  });

  test("agrees with a list of everybody, whoever comes and goes", () => {
    const socket = fc.record({ topic: fc.constantFrom("a", "b", "c"), userId: fc.nat(3) });
    const step = fc.oneof(socket, fc.nat(20));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
        const census = new Census();
        const present: { topic: string; userId: number }[] = [];
        for (const at of steps) {
          if (typeof at === "object") {
            present.push(at);
            census.add(at.topic, at.userId);
          } else {
            const [gone] = present.splice(at, 1);
            if (gone !== undefined) {
              census.remove(gone.topic, gone.userId);
            }
          }
          const topics = new Set(present.map(({ topic }) => topic));
          const known = present.filter(({ userId }) => userId !== 0);
          const users = new Set(known.map(({ userId }) => userId));
          expect(census.headcount()).toEqual({
            sockets: present.length,
            clients: users.size + present.length - known.length,
            activeTopics: topics.size,
          });
          expect([...census.activeTopics()].sort()).toEqual([...topics].sort());
        }
      }),
    );
  });
});
