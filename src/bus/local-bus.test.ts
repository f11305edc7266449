import { describe, expect, test } from "bun:test";
import { type BusFixture, type Delivery, eventBusSuite } from "./event-bus-suite.ts";
import { LocalBus } from "./local-bus.ts";

function local(): BusFixture {
  const deliveries: Delivery[] = [];
  const bus = new LocalBus((topic, frame) => deliveries.push([topic, frame]));
  // Nothing leaves the process, so nothing can come back.
  return { bus, deliveries, settle: async () => undefined };
}

describe("local bus", () => {
  eventBusSuite(async () => local());

  test("is alone: no cluster, however much is published", async () => {
    const { bus } = local();
    expect(await bus.nodes()).toBe(-1);
    bus.publish("a", "1");
    expect(await bus.nodes()).toBe(-1);
    expect(await bus.outcome(1)).toEqual({ redis: "off" });
  });
});
