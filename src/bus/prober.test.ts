import { describe, expect, test } from "bun:test";
import { Prober } from "./prober.ts";

const START = 5000;

describe("a prober", () => {
  test("sends a probe at once, then one each second, each with a count of its own", () => {
    const prober = new Prober(START);
    expect(prober.step(START)).toEqual({ action: "send", count: 1 });
    prober.returned(1, START + 1, true);
    expect(prober.step(START + 999)).toEqual({ action: "none" });
    expect(prober.step(START + 1000)).toEqual({ action: "send", count: 2 });
    prober.returned(2, START + 1001, true);
    // A look that comes late does not make the next one come early.
    expect(prober.step(START + 2500)).toEqual({ action: "send", count: 3 });
    prober.returned(3, START + 2501, true);
    expect(prober.step(START + 3499)).toEqual({ action: "none" });
    expect(prober.step(START + 3500)).toEqual({ action: "send", count: 4 });
  });

  test("has one probe out at a time", () => {
    const prober = new Prober(START);
    prober.step(START);
    for (let ms = 0; ms < 2500; ms += 250) {
      expect(prober.step(START + ms)).toEqual({ action: "none" });
    }
  });

  test("gives up a probe that stays out for 2.5 s, and says how long it has been", () => {
    const prober = new Prober(START);
    prober.step(START);
    expect(prober.step(START + 2499)).toEqual({ action: "none" });
    expect(prober.step(START + 2500)).toEqual({ action: "give_up", outMs: 2500 });
    expect(prober.step(START + 2750)).toEqual({ action: "give_up", outMs: 2750 });
  });

  test("finds a dead path within 5 s, looked at four times a second", () => {
    for (let death = 0; death <= 1000; death += 50) {
      const prober = new Prober(0);
      let found = Number.POSITIVE_INFINITY;
      for (let now = 0; now < 6000 && found > now; now += 250) {
        const step = prober.step(now);
        if (step.action === "send" && now <= death) {
          prober.returned(step.count, now, true);
        }
        found = step.action === "give_up" ? now : found;
      }
      expect(found - death).toBeLessThan(4000);
    }
  });

  test("measures the round trip of the last probe", () => {
    const prober = new Prober(START);
    expect(prober.roundTripMs).toBeUndefined();
    prober.step(START);
    expect(prober.roundTripMs).toBeUndefined();
    prober.returned(1, START + 12.5, true);
    expect(prober.roundTripMs).toBe(12.5);
    prober.step(START + 1000);
    expect(prober.roundTripMs).toBe(12.5);
    prober.returned(2, START + 1003, false);
    expect(prober.roundTripMs).toBe(3);
  });

  test("knows how long ago a probe has come back, if any has", () => {
    const prober = new Prober(START);
    prober.step(START);
    expect(prober.ageMs(START + 50)).toBeUndefined();
    // It has, whether or not all before it has been taken.
    prober.returned(1, START + 100, false);
    expect(prober.ageMs(START + 100)).toBe(0);
    expect(prober.ageMs(START + 350)).toBe(250);
  });

  test("holds the path for proved from the moment a probe was sent that has come back", () => {
    const prober = new Prober(START);
    expect(prober.provedAt).toBe(START);
    prober.step(START + 100);
    expect(prober.provedAt).toBe(START);
    prober.returned(1, START + 900, true);
    expect(prober.provedAt).toBe(START + 100);
  });

  test("takes a probe for no proof while what came before it has not been taken", () => {
    const prober = new Prober(START);
    prober.step(START + 100);
    prober.returned(1, START + 200, false);
    expect(prober.provedAt).toBe(START);
    prober.step(START + 1100);
    prober.returned(2, START + 1200, true);
    expect(prober.provedAt).toBe(START + 1100);
  });

  test("takes nothing from a probe that is not the one that is out", () => {
    const prober = new Prober(START);
    prober.returned(1, START + 5, true);
    prober.returned(0, START + 5, true);
    expect([prober.provedAt, prober.roundTripMs]).toEqual([START, undefined]);
    prober.step(START + 10);
    prober.returned(2, START + 20, true);
    expect(prober.roundTripMs).toBeUndefined();
    prober.returned(1, START + 30, true);
    prober.returned(1, START + 900, true);
    expect([prober.provedAt, prober.roundTripMs]).toEqual([START + 10, 20]);
    prober.step(START + 1010);
    prober.returned(1, START + 1020, true);
    expect([prober.provedAt, prober.roundTripMs]).toEqual([START + 10, 20]);
  });
});
