import { describe, expect, test } from "bun:test";
import { audit, type Connection, eventKey, type Outage, type Published } from "./ledger.ts";

/** An event that was published at `began` and answered 5 ms later. */
function event(number: number, began: number, more: Partial<Published> = {}): Published {
  const answered = began + 5;
  return {
    ...{ publisher: 0, number, topic: "a", began, answered, statuses: [200], error: "" },
    ...more,
  };
}

/** A browser that was there from `from` to `to` and has got these events of the first publisher. */
function connection(
  from: number,
  to: number | undefined,
  numbers: readonly number[],
  more: Partial<Connection> = {},
): Connection {
  return {
    ...{ browser: 1, topic: "a", from, to },
    got: numbers.map((number) => eventKey(0, number)),
    ...more,
  };
}

function lostNumbers(
  events: readonly Published[],
  connections: readonly Connection[],
  outages: readonly Outage[] = [],
): readonly number[] {
  return audit(events, connections, outages).lost.map(({ event: { number } }) => number);
}

describe("lost", () => {
  const events = [event(1, 1000), event(2, 2000), event(3, 3000)];

  test("is what a browser that was there throughout has not got", () => {
    expect(lostNumbers(events, [connection(0, undefined, [1, 2, 3])])).toEqual([]);
    expect(lostNumbers(events, [connection(0, undefined, [1, 3])])).toEqual([2]);
    expect(lostNumbers(events, [connection(0, undefined, [])])).toEqual([1, 2, 3]);
    expect(
      lostNumbers(events, [connection(0, undefined, [1, 2, 3]), connection(0, undefined, [3])]),
    ).toEqual([1, 2]);
  });

  test("is nothing of another topic, and nothing that PHP was not promised", () => {
    const others = [
      event(1, 1000, { topic: "b" }),
      event(2, 1000, { statuses: [0] }),
      event(3, 1000, { statuses: [404, 200, 503] }),
    ];
    expect(lostNumbers(others, [connection(0, undefined, [])])).toEqual([]);
    const again = event(4, 1000, { statuses: [404, 200, 200] });
    expect(lostNumbers([again], [connection(0, undefined, [])])).toEqual([4]);
  });

  test("is nothing from before the browser was let in", () => {
    expect(lostNumbers(events, [connection(2000, undefined, [3])])).toEqual([]);
    expect(lostNumbers(events, [connection(1900, undefined, [3])])).toEqual([2]);
  });

  test("is nothing that was still on its way when the socket ended", () => {
    expect(lostNumbers(events, [connection(0, 2500, [1])])).toEqual([]);
    expect(lostNumbers(events, [connection(0, 3500, [1])])).toEqual([2]);
  });

  test("is, while Redis is away, only what has not come after its return", () => {
    const outage: Outage = { from: 1500, to: 9000 };
    expect(lostNumbers(events, [connection(0, 10_000, [])], [outage])).toEqual([]);
    expect(lostNumbers(events, [connection(0, 12_500, [])], [outage])).toEqual([1, 2, 3]);
    expect(lostNumbers(events, [connection(0, undefined, [])], [outage])).toEqual([1, 2, 3]);
    // What was published long before it, or after it, has the usual time.
    const around = [event(1, 100), event(2, 9500)];
    expect(lostNumbers(around, [connection(0, 11_000, [])], [outage])).toEqual([1, 2]);
  });

  test("is counted against what was due", () => {
    const { due, deliveries } = audit(events, [connection(1500, undefined, [2, 3])], []);
    expect({ due, deliveries }).toEqual({ due: 2, deliveries: 2 });
  });
});

describe("doubled", () => {
  const doubled = (connections: readonly Connection[]) => audit([], connections, []).doubled;
  const once = { browser: 1, publisher: 0 };

  test("is what comes twice to one browser, over one socket or two", () => {
    expect(doubled([connection(0, 1, [1, 2, 3])])).toEqual([]);
    expect(doubled([connection(0, 1, [1, 2, 2, 1])])).toEqual([
      { ...once, number: 2 },
      { ...once, number: 1 },
    ]);
    expect(doubled([connection(0, 1, [1, 2]), connection(2, undefined, [2, 3])])).toEqual([
      { ...once, number: 2 },
    ]);
  });

  test("is nothing that comes to two browsers, or of two publishers", () => {
    expect(doubled([connection(0, 1, [1]), connection(0, 1, [1], { browser: 2 })])).toEqual([]);
    const got = [eventKey(0, 1), eventKey(1, 1), eventKey(0, 2)];
    expect(doubled([connection(0, 1, [], { got })])).toEqual([]);
  });
});

test("out of order is what comes after a later event of the same publisher", () => {
  const disordered = (got: number[]): number =>
    audit([], [connection(0, 1, [], { got })], []).disordered;
  expect(disordered([eventKey(0, 1), eventKey(1, 1), eventKey(0, 2)])).toBe(0);
  expect(disordered([eventKey(1, 9), eventKey(0, 1), eventKey(1, 10)])).toBe(0);
  expect(disordered([eventKey(0, 1), eventKey(0, 3), eventKey(0, 2), eventKey(0, 4)])).toBe(1);
});
