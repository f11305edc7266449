import { describe, expect, test } from "bun:test";
import { DeliveryQueue, turnBudget } from "./delivery-queue.ts";

const MAX_BUFFERED = 1024 * 1024;
const TURN_BUDGET = turnBudget(MAX_BUFFERED);

function fixture() {
  const published: string[] = [];
  const deferred: (() => void)[] = [];
  const readers = { areBehind: false, looks: 0 };
  const queue = new DeliveryQueue({
    budget: () => TURN_BUDGET,
    publish: (delivery) => published.push(delivery),
    defer: (next) => deferred.push(next),
    wait: (next) => deferred.push(next),
    patience: () => {
      readers.looks += 1;
      return readers.areBehind ? 400 : 0;
    },
  });
  /** Lets one turn of the loop pass; false when nothing had been deferred to it. */
  const turn = (): boolean => {
    const next = deferred.shift();
    next?.();
    return next !== undefined;
  };
  return { queue, published, turn, readers };
}

describe("the delivery queue", () => {
  test("publishes less in a turn than may wait for a socket, whatever the characters", () => {
    for (const maxBuffered of [64 * 1024, MAX_BUFFERED, 64 * MAX_BUFFERED]) {
      const longest = "\u20ac".repeat(turnBudget(maxBuffered));
      expect(Buffer.byteLength(longest)).toBeLessThan(maxBuffered);
    }
  });

  test("publishes at once while there is room", () => {
    const { queue, published } = fixture();
    queue.push("a");
    queue.push("b");
    expect(published).toEqual(["a", "b"]);
  });

  test("calls back when everything before has been published, at once if it has", () => {
    const { queue, published, turn } = fixture();
    const reached: number[] = [];
    queue.push("a");
    queue.mark(() => reached.push(published.length));
    expect(reached).toEqual([1]);
    queue.push("b".repeat(TURN_BUDGET));
    queue.push("c");
    queue.mark(() => reached.push(published.length));
    expect(reached).toEqual([1]);
    turn();
    expect(reached).toEqual([1, 3]);
  });

  test("comes to rest when nothing is left", () => {
    const { queue, turn } = fixture();
    queue.push("a");
    expect(turn()).toBe(true);
    expect(turn()).toBe(false);
    queue.push("b");
    expect(turn()).toBe(true);
    expect(turn()).toBe(false);
  });

  test("spreads a burst over turns, each within the budget, in order", () => {
    const { queue, published, turn } = fixture();
    const big = Array.from({ length: 10 }, (_, index) => `${index}`.padEnd(TURN_BUDGET / 2, "."));
    for (const delivery of big) {
      queue.push(delivery);
    }
    expect(published.length).toBe(2);
    const perTurn: number[] = [];
    for (let before = published.length; turn(); before = published.length) {
      perTurn.push(published.length - before);
    }
    expect(perTurn).toEqual([2, 2, 2, 2, 0]);
    expect(published).toEqual(big);
  });

  test("lets a delivery over the budget through, alone in its turn", () => {
    const { queue, published, turn } = fixture();
    const huge = "x".repeat(TURN_BUDGET * 3);
    queue.push(huge);
    queue.push(huge);
    queue.push("small");
    expect(published.length).toBe(1);
    turn();
    expect(published.length).toBe(2);
    turn();
    expect(published).toEqual([huge, huge, "small"]);
  });

  test("never lets a later delivery overtake one that waits", () => {
    const { queue, published, turn } = fixture();
    queue.push("x".repeat(TURN_BUDGET));
    queue.push("second");
    queue.push("third");
    turn();
    queue.push("fourth");
    expect(published.slice(1)).toEqual(["second", "third", "fourth"]);
  });

  test("says how many wait", () => {
    const { queue, turn } = fixture();
    expect(queue.size).toBe(0);
    queue.push("x".repeat(TURN_BUDGET));
    expect(queue.size).toBe(0);
    queue.push("a");
    queue.push("b");
    expect(queue.size).toBe(2);
    turn();
    expect(queue.size).toBe(0);
  });
});

describe("readers that do not keep up", () => {
  const BUDGET = "x".repeat(TURN_BUDGET);

  test("are looked at once for each budget, in whatever turns it is spent", () => {
    const { queue, turn, readers } = fixture();
    for (let event = 0; event < 40; event += 1) {
      queue.push("x".repeat(TURN_BUDGET / 10));
      turn();
    }
    expect(readers.looks).toBe(3);
  });

  test("are given time", () => {
    const { queue, published, turn, readers } = fixture();
    queue.push(BUDGET);
    turn();
    readers.areBehind = true;
    queue.push("a");
    queue.push("b");
    for (let look = 0; look < 10; look += 1) {
      turn();
    }
    expect(published).toEqual([BUDGET]);
    readers.areBehind = false;
    turn();
    expect(published).toEqual([BUDGET, "a", "b"]);
  });

  test("are not waited for for long", () => {
    const { queue, published, turn, readers } = fixture();
    readers.areBehind = true;
    queue.push(BUDGET);
    queue.push(BUDGET);
    queue.push("a");
    let turns = 0;
    while (published.length < 3) {
      turn();
      turns += 1;
    }
    expect(turns).toBe(162);
    expect(published).toEqual([BUDGET, BUDGET, "a"]);
  });
});
