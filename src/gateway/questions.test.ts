import { describe, expect, test } from "bun:test";
import { Questions } from "./questions.ts";

const OPEN = { requireToken: false };
const CLOSED = { requireToken: true };

/** Questions, the topics that have been asked of the main thread, and a clock. */
function fresh(): { questions: Questions; asked: string[]; clock: { now: number } } {
  const asked: string[] = [];
  const clock = { now: 0 };
  const ask = (topic: string): void => {
    asked.push(topic);
  };
  return { questions: new Questions(ask, () => clock.now), asked, clock };
}

describe("questions", () => {
  test("reach the main thread at once and settle with its answer", async () => {
    const { questions, asked } = fresh();
    const answer = questions.ask("a");
    expect(asked).toEqual(["a"]);
    questions.answer("a", CLOSED);
    expect(await answer).toEqual(CLOSED);
  });

  test("that are identical are one while in flight, and everyone gets the answer", async () => {
    const { questions, asked } = fresh();
    const answers = Array.from({ length: 1000 }, () => questions.ask("a"));
    expect(asked).toEqual(["a"]);
    questions.answer("a", OPEN);
    expect(await Promise.all(answers)).toEqual(answers.map(() => OPEN));
  });

  test("about different topics do not wait for each other", async () => {
    const { questions, asked } = fresh();
    const a = questions.ask("a");
    const b = questions.ask("b");
    const upper = questions.ask("A");
    expect(asked).toEqual(["a", "b", "A"]);
    questions.answer("b", OPEN);
    expect(await b).toEqual(OPEN);
    questions.answer("A", undefined);
    expect(await upper).toBeUndefined();
    questions.answer("a", CLOSED);
    expect(await a).toEqual(CLOSED);
  });

  test("are asked anew once they have been answered: no answer is kept", async () => {
    const { questions, asked } = fresh();
    const first = questions.ask("a");
    questions.answer("a", undefined);
    const second = questions.ask("a");
    expect(asked).toEqual(["a", "a"]);
    questions.answer("a", OPEN);
    expect(await first).toBeUndefined();
    expect(await second).toEqual(OPEN);
  });

  test("may be answered while they are being asked", async () => {
    const answer = (topic: string): void => questions.answer(topic, OPEN);
    const questions: Questions = new Questions(answer, () => 0);
    expect(await questions.ask("a")).toEqual(OPEN);
    expect(await questions.ask("a")).toEqual(OPEN);
  });

  test("that nobody asks may be answered: nothing happens and nothing is kept", async () => {
    const { questions, asked } = fresh();
    questions.answer("a", OPEN);
    const answer = questions.ask("a");
    questions.answer("a", CLOSED);
    questions.answer("a", OPEN);
    expect(await answer).toEqual(CLOSED);
    expect(asked).toEqual(["a"]);
  });

  test("keep topics apart that are names of an object's own", async () => {
    const { questions, asked } = fresh();
    const answers = ["__proto__", "constructor", ""].map((topic) => questions.ask(topic));
    expect(asked).toEqual(["__proto__", "constructor", ""]);
    questions.answer("constructor", OPEN);
    questions.answer("__proto__", CLOSED);
    questions.answer("", undefined);
    expect(await Promise.all(answers)).toEqual([CLOSED, OPEN, undefined]);
  });
});

describe("a crowd's answer", () => {
  const crowd = (questions: Questions, size: number) =>
    Array.from({ length: size }, () => questions.ask("a"));

  test("serves those who come right after it, at once", async () => {
    const { questions, asked, clock } = fresh();
    const waiting = crowd(questions, 64);
    questions.answer("a", CLOSED);
    expect(questions.ask("a")).toEqual(CLOSED);
    clock.now = 24;
    expect(questions.ask("a")).toEqual(CLOSED);
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => CLOSED));
    expect(asked).toEqual(["a"]);
  });

  test("is forgotten after a moment", async () => {
    const { questions, asked, clock } = fresh();
    crowd(questions, 64);
    questions.answer("a", CLOSED);
    clock.now = 25;
    const later = questions.ask("a");
    expect(later).toBeInstanceOf(Promise);
    questions.answer("a", OPEN);
    expect(await later).toEqual(OPEN);
    expect(asked).toEqual(["a", "a"]);
  });

  test("serves nobody else when the crowd is none, or the topic not registered", () => {
    const { questions, asked } = fresh();
    crowd(questions, 63);
    questions.answer("a", CLOSED);
    crowd(questions, 64);
    questions.answer("a", undefined);
    void questions.ask("a");
    expect(asked).toEqual(["a", "a", "a"]);
  });
});
