import { describe, expect, test } from "bun:test";
import { type EventListener, tee } from "./events.ts";

/** A listener that writes down what it is told, under a name of its own. */
class Witness implements EventListener {
  readonly #name: string;
  readonly #told: unknown[][];

  constructor(name: string, told: unknown[][]) {
    this.#name = name;
    this.#told = told;
  }

  registered(topic: string, requireToken: boolean, isNew: boolean): void {
    this.#told.push([this.#name, topic, requireToken, isNew]);
  }
}

describe("events", () => {
  test("are told to every listener, in order, with all that comes with them", () => {
    const told: unknown[][] = [];
    const events = tee(new Witness("first", told), {}, new Witness("second", told));
    events.registered("a", true, false);
    expect(told).toEqual([
      ["first", "a", true, false],
      ["second", "a", true, false],
    ]);
  });

  test("that nobody listens to are lost", () => {
    const told: unknown[][] = [];
    const events = tee(new Witness("only", told));
    events.unregistered("a", true);
    events.neighbourHeard();
    expect(told).toEqual([]);
    expect(() => tee().failed(new Error("nobody hears"))).not.toThrow();
  });

  test("can be handed on by themselves, as ports take them", () => {
    const told: unknown[][] = [];
    const { registered } = tee(new Witness("only", told));
    registered("a", true, true);
    expect(told).toHaveLength(1);
  });
});
