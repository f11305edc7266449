import { expect, test } from "bun:test";
import fc from "fast-check";
import type { EventBus } from "./event-bus.ts";

/** What the sockets of one process were given: topic and frame, in order. */
export type Delivery = readonly [topic: string, frame: string];

/** A bus under test, with a look at what it has delivered. */
export interface BusFixture {
  readonly bus: EventBus;
  /** Grows with each delivery to this process's own sockets. */
  readonly deliveries: readonly Delivery[];
  /** Resolves when everything published so far has had time to come back from elsewhere. */
  readonly settle: () => Promise<void>;
}

/** How a suite gets a fresh bus. */
export type MakeBus = () => Promise<BusFixture>;

/** What the port promises; every implementation runs it. To be called inside a `describe`. */
export function eventBusSuite(make: MakeBus): void {
  test("delivers an event as a push frame, to the byte", async () => {
    const { bus, deliveries, settle } = await make();
    bus.publish("contest_session.42", '{ "a":1.0,"b":"\\/ \\u00e9" }');
    await settle();
    expect(deliveries).toEqual([
      ["contest_session.42", '{"type":"push","payload":{ "a":1.0,"b":"\\/ \\u00e9" }}'],
    ]);
  });

  test("has given an event to local sockets when publish returns", async () => {
    const { bus, deliveries } = await make();
    bus.publish("a", "1");
    expect(deliveries).toEqual([["a", '{"type":"push","payload":1}']]);
    bus.publish("b", "2");
    expect(deliveries.length).toBe(2);
  });

  test("delivers an event once, whatever comes back to it, even if it is like the last", async () => {
    const { bus, deliveries, settle } = await make();
    bus.publish("a", "null");
    bus.publish("a", "null");
    await settle();
    expect(deliveries).toEqual([
      ["a", '{"type":"push","payload":null}'],
      ["a", '{"type":"push","payload":null}'],
    ]);
  });

  test("delivers in the order of the calls, over all topics", async () => {
    const { bus, deliveries, settle } = await make();
    const expected: Delivery[] = [];
    for (let event = 0; event < 1000; event += 1) {
      const topic = `topic.${event % 7}`;
      bus.publish(topic, `${event}`);
      expected.push([topic, `{"type":"push","payload":${event}}`]);
    }
    await settle();
    expect(deliveries).toEqual(expected);
  });

  test("keeps topics opaque: separators, patterns, spaces and astral characters", async () => {
    const { bus, deliveries, settle } = await make();
    const topics = ["a:b", "a*", "?", "[x]", " ", "\n", "12 a", "\u{1f4e1}", "__proto__", "a"];
    for (const topic of topics) {
      bus.publish(topic, "0");
    }
    await settle();
    expect(deliveries.map(([topic]) => topic)).toEqual(topics);
  });

  test("takes a payload of a megabyte", async () => {
    const { bus, deliveries, settle } = await make();
    const payload = `"${"x".repeat(1024 * 1024)}"`;
    bus.publish("a", payload);
    await settle();
    expect(deliveries.length).toBe(1);
    expect(deliveries[0]?.[1] === `{"type":"push","payload":${payload}}`).toBe(true);
  });

  test("forwards any payload as it is", async () => {
    const { bus, deliveries, settle } = await make();
    const payloads: string[] = [];
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), (payload) => {
        payloads.push(payload);
        bus.publish("a", payload);
      }),
    );
    await settle();
    expect(deliveries.map(([, frame]) => frame)).toEqual(
      payloads.map((payload) => `{"type":"push","payload":${payload}}`),
    );
  });

  test("counts what is published, from 1 on, higher with each event", async () => {
    const { bus } = await make();
    const counts = ["a", "b", "a"].map((topic) => bus.publish(topic, "1"));
    expect(counts[0]).toBeGreaterThanOrEqual(1);
    expect(new Set(counts).size).toBe(3);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  });

  test("says what became of an event on its way to others", async () => {
    const { bus } = await make();
    bus.publish("a", "1");
    const [one, other] = await Promise.all([
      bus.outcome(bus.publish("a", "2")),
      bus.outcome(bus.publish("a", "3")),
    ]);
    expect(one.redis).toBeOneOf(["off", "queued", "sent"]);
    expect(other).toEqual(one);
  });

  test("says how many workers hear each other, or -1 when it is alone", async () => {
    const { bus } = await make();
    const nodes = await bus.nodes();
    expect(Number.isInteger(nodes)).toBe(true);
    expect(nodes === -1 || nodes >= 1).toBe(true);
  });
}
