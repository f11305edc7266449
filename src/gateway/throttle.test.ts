import { beforeEach, describe, expect, test } from "bun:test";
import { type Backlog, PATIENCE_MS, type QueueSize, Throttle } from "./throttle.ts";

const LIMITS = { events: 3, units: 100 };

let now: number;
let backlog: QueueSize & Partial<Backlog>;
let timers: { at: number; next: () => void }[];
let throttle: Throttle;

beforeEach(() => {
  now = 0;
  backlog = { events: 0, units: 0 };
  timers = [];
  throttle = new Throttle({
    limits: LIMITS,
    backlogs: () => [
      { events: 0, units: 0, reach: LIMITS },
      { reach: LIMITS, ...backlog },
    ],
    now: () => now,
    defer: (next, ms) => timers.push({ at: now + ms, next }),
  });
});

/** Turns the clock, and lets what waits for a promise go on. */
async function pass(ms: number): Promise<void> {
  const end = now + ms;
  for (;;) {
    const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
    if (due === undefined) {
      break;
    }
    timers.splice(timers.indexOf(due), 1);
    now = due.at;
    due.next();
    await Promise.resolve();
  }
  now = end;
}

/** Who has been let in or refused so far, by name. */
function record(...units: number[]): (string | boolean)[] {
  const seen: (string | boolean)[] = [];
  units.forEach((size, index) => {
    const answer = throttle.enter(size);
    if (answer === true) {
      seen.push(`${index} at once`);
    } else {
      void answer.then((isIn) => seen.push(`${index} ${isIn ? "in" : "refused"}`));
    }
  });
  return seen;
}

describe("while there is room", () => {
  test("a publish enters at once, and no timer runs", () => {
    expect(throttle.enter(10)).toBe(true);
    expect(timers).toBeEmpty();
  });

  test("an event larger than all room enters an empty queue", () => {
    expect(throttle.enter(1000)).toBe(true);
  });
});

test("limits can be changed while it is in use", () => {
  backlog = { events: 3, units: 0, reach: { events: 10, units: 10 } };
  expect(throttle.isFull).toBe(true);
  throttle.reconfigure({ events: 5, units: 100 });
  expect(throttle.isFull).toBe(false);
});

describe("what would be late", () => {
  test("finds no room, although the limits are not reached", () => {
    backlog = { events: 1, units: 49, reach: { events: 3, units: 50 } };
    expect(throttle.isFull).toBe(false);
    backlog = { events: 1, units: 50, reach: { events: 3, units: 50 } };
    expect(throttle.isFull).toBe(true);
  });

  test("finds a tenth of the limits free, however slow the threads are", () => {
    backlog = { events: 0, units: 9, reach: { events: 0, units: 0 } };
    expect(throttle.isFull).toBe(false);
    backlog = { events: 0, units: 10, reach: { events: 0, units: 0 } };
    expect(throttle.isFull).toBe(true);
  });

  test("finds no more than the limits, however fast they are", () => {
    backlog = { events: 3, units: 0, reach: { events: 1000, units: 1000 } };
    expect(throttle.isFull).toBe(true);
  });
});

describe("when it is full", () => {
  test.each([
    { what: "of events", full: { events: 3, units: 0 } },
    { what: "of bytes", full: { events: 1, units: 100 } },
  ])("$what: a publish waits, and enters as soon as there is room", async ({ full }) => {
    backlog = full;
    expect(throttle.isFull).toBe(true);
    const seen = record(10);
    await pass(PATIENCE_MS / 2);
    expect(seen).toBeEmpty();
    backlog = { events: 0, units: 0 };
    await pass(10);
    expect(seen).toEqual(["0 in"]);
    expect(timers).toBeEmpty();
  });

  test("who has waited long enough is refused", async () => {
    backlog = { events: 3, units: 0 };
    const seen = record(10);
    await pass(PATIENCE_MS - 1);
    expect(seen).toBeEmpty();
    await pass(10);
    expect(seen).toEqual(["0 refused"]);
  });

  test("those who wait enter in the order in which they came, no more than fit", async () => {
    backlog = { events: 3, units: 0 };
    const seen = record(1, 1, 1, 1);
    backlog = { events: 1, units: 0 };
    await pass(4);
    expect(seen).toEqual(["0 in", "1 in"]);
    backlog = { events: 2, units: 0 };
    await pass(4);
    expect(seen).toEqual(["0 in", "1 in", "2 in"]);
  });

  test("nobody overtakes those who wait", async () => {
    backlog = { events: 3, units: 0 };
    const seen = record(1);
    backlog = { events: 0, units: 0 };
    const later = throttle.enter(1);
    expect(later).not.toBe(true);
    await pass(4);
    expect(seen).toEqual(["0 in"]);
    expect(await later).toBe(true);
  });

  test("as many bytes as may be queued may wait; beyond, a publish is refused at once", async () => {
    backlog = { events: 3, units: 0 };
    const seen = record(99, 1, 1);
    await Promise.resolve();
    expect(seen).toEqual(["2 refused"]);
  });

  test("a thousand may wait; one more is refused at once", async () => {
    backlog = { events: 3, units: 0 };
    const seen = record(...Array.from({ length: 1001 }, () => 0));
    await Promise.resolve();
    expect(seen).toEqual(["1000 refused"]);
  });
});
