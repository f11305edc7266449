import { expect, test } from "bun:test";
import type { ProbeWord } from "../protocol/envelope.ts";
import { Arrivals } from "./arrivals.ts";

/** Arrivals of node "a", with other nodes that say nothing by themselves. */
function scene(others: readonly string[] = [], canSay: boolean = true) {
  const clock = { now: 0 };
  const did: string[] = [];
  const said: ProbeWord[] = [];
  const waiting: ((sockets: number) => void)[] = [];
  let ids = 0;
  const arrivals = new Arrivals({
    node: "a",
    handed: (topic) => {
      did.push(`hand ${topic}`);
      const { promise, resolve } = Promise.withResolvers<number>();
      waiting.push(resolve);
      return promise;
    },
    say: (word) => {
      did.push(`say ${word.type}`);
      said.push(word);
      return canSay;
    },
    others: () => others,
    newId: () => {
      ids += 1;
      return `id ${ids}`;
    },
    now: () => clock.now,
  });
  /** The gateways have handed over what came before, to so many sockets. */
  const hand = async (sockets: number): Promise<void> => {
    waiting.shift()?.(sockets);
    await Promise.resolve();
  };
  const trace = () => arrivals.trace("t", () => did.push("publish"));
  return { clock, arrivals, trace, did, said, hand };
}

test("a worker that is alone tells when its own sockets have it", async () => {
  const { clock, trace, did, hand } = scene();
  const done = trace();
  expect(did).toEqual(["publish", "hand t"]);
  clock.now = 0.424;
  await hand(3);
  expect(await done).toEqual({
    arrivals: [{ node: "a", sockets: 3, handedMs: 0.42, confirmedMs: 0.42 }],
    silent: [],
    wereAsked: false,
  });
});

test("the others are asked behind the event, and timed there and back by this clock alone", async () => {
  const { clock, arrivals, trace, did, said, hand } = scene(["b", "c"]);
  const done = trace();
  expect(did).toEqual(["publish", "say trace", "hand t"]);
  expect(said).toEqual([{ type: "trace", id: "id 1", topic: "t" }]);
  clock.now = 2;
  arrivals.heard("c", { type: "traced", id: "id 1", sockets: 7, handedMs: 0.5 });
  // Nobody counts twice, and nobody who was not asked.
  arrivals.heard("c", { type: "traced", id: "id 1", sockets: 8, handedMs: 9 });
  arrivals.heard("d", { type: "traced", id: "id 1", sockets: 8, handedMs: 9 });
  arrivals.heard("b", { type: "traced", id: "another", sockets: 8, handedMs: 9 });
  await hand(1);
  clock.now = 3;
  arrivals.heard("b", { type: "traced", id: "id 1", sockets: 0, handedMs: 0.1 });
  expect(await done).toEqual({
    arrivals: [
      { node: "c", sockets: 7, handedMs: 0.5, confirmedMs: 2 },
      { node: "a", sockets: 1, handedMs: 2, confirmedMs: 2 },
      { node: "b", sockets: 0, handedMs: 0.1, confirmedMs: 3 },
    ],
    silent: [],
    wereAsked: true,
  });
});

test("who does not answer is named after 2 s", async () => {
  const { trace, hand } = scene(["b"]);
  const start = performance.now();
  const done = trace();
  await hand(1);
  expect(await done).toMatchObject({ silent: ["b"], wereAsked: true });
  expect(performance.now() - start).toBeWithin(1900, 4000);
});

test("when nothing can be said, nobody is waited for", async () => {
  const { trace, hand } = scene(["b"], false);
  const done = trace();
  await hand(1);
  expect(await done).toMatchObject({ silent: [], wereAsked: false });
});

test("whoever is asked answers when its own sockets have it", async () => {
  const { clock, arrivals, said, hand } = scene(["b"]);
  arrivals.heard("b", { type: "trace", id: "x", topic: "t" });
  expect(said).toEqual([]);
  clock.now = 1.5;
  await hand(12);
  await Promise.resolve();
  expect(said).toEqual([{ type: "traced", id: "x", sockets: 12, handedMs: 1.5 }]);
  arrivals.heard("b", { type: "bye" });
  arrivals.heard("b", undefined);
  expect(said.length).toBe(1);
});

test("no more than 16 are followed or answered at a time", async () => {
  const { arrivals, trace, did, hand } = scene();
  const traces = Array.from({ length: 20 }, () => trace());
  expect(await Promise.all(traces.slice(16))).toEqual(Array(4).fill(undefined));
  expect(did.filter((what) => what === "publish").length).toBe(16);
  for (let trace = 0; trace < 16; trace += 1) {
    await hand(0);
  }
  await Promise.all(traces);
  did.length = 0;
  for (let asked = 0; asked < 100; asked += 1) {
    arrivals.heard("b", { type: "trace", id: `${asked}`, topic: "t" });
  }
  expect(did.length).toBe(16);
});
