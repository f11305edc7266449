import { describe, expect, test } from "bun:test";
import { EnvelopeKeys } from "./envelope-keys.ts";

const OLD = "01d01d01";
const NEW = "4e44e44e";
const OTHER = "07e407e4";

const only = (current: string) => ({ current, previous: undefined });
const BOTH = { current: NEW, previous: OLD };

describe("the keys of an installation", () => {
  test("with one secret: it is sent, and it alone is accepted", () => {
    const keys = new EnvelopeKeys(only(NEW));
    expect(keys.outgoing).toBe(NEW);
    expect([NEW, OLD, OTHER, ""].map((key) => keys.accepts(key))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  test("with two: the former one is sent, both are accepted", () => {
    const keys = new EnvelopeKeys(BOTH);
    expect(keys.outgoing).toBe(OLD);
    expect([NEW, OLD, OTHER].map((key) => keys.accepts(key))).toEqual([true, true, false]);
  });

  test("when the former one is removed: the new one is sent, both are still accepted", () => {
    const keys = new EnvelopeKeys(only(OLD));
    keys.change(BOTH);
    expect(keys.outgoing).toBe(OLD);
    keys.change(only(NEW));
    expect(keys.outgoing).toBe(NEW);
    expect([NEW, OLD, OTHER].map((key) => keys.accepts(key))).toEqual([true, true, false]);
  });

  test("the new one is sent as soon as somebody else does, and from then on", () => {
    const keys = new EnvelopeKeys(BOTH);
    expect(keys.heard(OLD)).toBe(false);
    expect(keys.heard(OTHER)).toBe(false);
    expect(keys.outgoing).toBe(OLD);
    expect(keys.heard(NEW)).toBe(true);
    expect(keys.outgoing).toBe(NEW);
    expect(keys.heard(NEW)).toBe(false);
    expect(keys.heard(OLD)).toBe(false);
    // A reload for another reason.
    keys.change({ ...BOTH });
    expect(keys.outgoing).toBe(NEW);
  });

  test("a change that is taken back leads back", () => {
    const keys = new EnvelopeKeys(only(OLD));
    keys.change(BOTH);
    keys.change(only(OLD));
    expect(keys.outgoing).toBe(OLD);
    expect(keys.heard(NEW)).toBe(false);
    expect(keys.accepts(NEW)).toBe(true);
  });

  test("are not remembered without bound: the oldest goes first", () => {
    const keys = new EnvelopeKeys(only("0"));
    for (let count = 1; count <= 100; count += 1) {
      keys.change({ current: String(count), previous: String(count - 1) });
    }
    const accepted = Array.from({ length: 101 }, (_, count) => String(count)).filter((key) =>
      keys.accepts(key),
    );
    expect(accepted).toEqual(["93", "94", "95", "96", "97", "98", "99", "100"]);
  });
});
