import { describe, expect, test } from "bun:test";
import { Questions } from "./questions.ts";

const OPEN = { requireToken: false };
const CLOSED = { requireToken: true };

interface Fresh {
  readonly questions: Questions;
  /** The topics that have been asked of the main thread. */
  readonly asked: string[];
  readonly clock: { now: number };
  /** Ends the turn of the loop. */
  readonly endTurn: () => void;
}

function fresh(): Fresh {
  const asked: string[] = [];
  const clock = { now: 0 };
  const deferred: (() => void)[] = [];
  const questions = new Questions({
    ask: (topic) => {
      asked.push(topic);
    },
    now: () => clock.now,
    defer: (next) => {
      deferred.push(next);
    },
  });
  const endTurn = (): void => {
    for (const next of deferred.splice(0)) {
      next();
    }
  };
  return { questions, asked, clock, endTurn };
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
    const questions: Questions = new Questions({ ask: answer, now: () => 0, defer: () => {} });
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
    const { questions, asked, clock, endTurn } = fresh();
    const waiting = crowd(questions, 64);
    questions.answer("a", CLOSED);
    expect(questions.ask("a")).toEqual(CLOSED);
    clock.now = 99;
    endTurn();
    expect(questions.ask("a")).toEqual(CLOSED);
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => CLOSED));
    expect(asked).toEqual(["a"]);
  });

  test("is forgotten after a moment", async () => {
    const { questions, asked, clock } = fresh();
    crowd(questions, 64);
    questions.answer("a", CLOSED);
    clock.now = 100;
    const later = questions.ask("a");
    expect(later).toBeInstanceOf(Promise);
    questions.answer("a", OPEN);
    expect(await later).toEqual(OPEN);
    expect(asked).toEqual(["a", "a"]);
  });

  test("serves a whole turn that began in time, and not the next one", () => {
    const { questions, clock, endTurn } = fresh();
    crowd(questions, 64);
    questions.answer("a", CLOSED);
    clock.now = 99;
    expect(questions.ask("a")).toEqual(CLOSED);
    clock.now = 300;
    expect(questions.ask("a")).toEqual(CLOSED);
    endTurn();
    expect(questions.ask("a")).toBeInstanceOf(Promise);
  });

  test("is asked for again, once, while the crowd is one, and what comes then serves", () => {
    const { questions, asked, clock, endTurn } = fresh();
    crowd(questions, 64);
    questions.answer("a", CLOSED);
    crowd(questions, 63);
    expect(asked).toEqual(["a"]);
    crowd(questions, 500);
    expect(asked).toEqual(["a", "a"]);
    clock.now = 90;
    questions.answer("a", OPEN);
    clock.now = 180;
    endTurn();
    expect(questions.ask("a")).toEqual(OPEN);
  });

  test("is forgotten at once when the topic turns out to be gone", async () => {
    const { questions } = fresh();
    crowd(questions, 64);
    questions.answer("a", CLOSED);
    crowd(questions, 64);
    questions.answer("a", undefined);
    const later = questions.ask("a");
    expect(later).toBeInstanceOf(Promise);
    questions.answer("a", undefined);
    expect(await later).toBeUndefined();
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
