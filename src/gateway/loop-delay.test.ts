import { expect, test } from "bun:test";
import { LoopDelay } from "./loop-delay.ts";

/** A loop whose timers come when the test says so. */
class Loop {
  now = 1000;
  #timers: { next: () => void; at: number }[] = [];
  readonly delay = new LoopDelay({
    now: () => this.now,
    wait: (next, ms) => this.#timers.push({ next, at: this.now + ms }),
  });

  /** Time passes; the loop runs only at its end. */
  blockedFor(ms: number): void {
    this.now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.now);
    this.#timers = this.#timers.filter(({ at }) => at > this.now);
    for (const { next } of due) {
      next();
    }
  }
}

test("a loop that is on time has no delay", () => {
  const loop = new Loop();
  for (let step = 0; step < 20; step += 1) {
    loop.blockedFor(50);
  }
  expect(loop.delay.take()).toBe(0);
});

test("the longest delay since the last look is told once", () => {
  const loop = new Loop();
  loop.blockedFor(280);
  loop.blockedFor(500);
  loop.blockedFor(250);
  expect(loop.delay.take()).toBe(250);
  expect(loop.delay.take()).toBe(0);
});

test("a loop that is late at this moment is late already", () => {
  const loop = new Loop();
  loop.now += 400;
  expect(loop.delay.take()).toBe(150);
});
