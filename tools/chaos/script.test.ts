import { describe, expect, test } from "bun:test";
import { FULL, SHORT } from "./form.ts";
import { clockText, type Fault, LANES, makeScript, type Script, scriptText } from "./script.ts";

const SEEDS = Array.from({ length: 200 }, (_, index) => index + 1);
const FIVE_MINUTES_MS = 300_000;

const full = (seed: number): Script => makeScript(seed, FULL.lengths, FIVE_MINUTES_MS);
const short = (seed: number): Script => makeScript(seed, SHORT.lengths, 0);

function kinds({ steps }: Script): Set<Fault["kind"]> {
  return new Set(steps.map(({ fault }) => fault.kind));
}

test("the same seed makes the same script", () => {
  for (const seed of SEEDS) {
    expect(full(seed)).toEqual(full(seed));
  }
});

test("another seed makes another script", () => {
  expect(new Set(SEEDS.map((seed) => scriptText(full(seed)))).size).toBe(SEEDS.length);
});

test("a longer run begins as a shorter one of the same seed does", () => {
  const longer = makeScript(7, FULL.lengths, FIVE_MINUTES_MS);
  const shorter = makeScript(7, FULL.lengths, FIVE_MINUTES_MS / 2);
  expect(shorter.steps.length).toBeLessThan(longer.steps.length);
  expect(longer.steps.slice(0, shorter.steps.length)).toEqual([...shorter.steps]);
});

describe.each([
  ["a full script", full, 9],
  ["a short script", short, 8],
] as const)("%s", (_, make, all) => {
  test("has every kind of fault", () => {
    for (const seed of SEEDS) {
      expect(kinds(make(seed)).size).toBe(all);
    }
  });

  test("is in the order of time, with room between the faults of a lane", () => {
    for (const seed of SEEDS) {
      const { steps, lengthMs } = make(seed);
      expect(steps.map(({ atMs }) => atMs)).toEqual(
        steps.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
      );
      expect(steps.at(-1)?.atMs).toBeLessThan(lengthMs);
      for (const lane of LANES) {
        const times = steps.filter((step) => step.lane === lane).map(({ atMs }) => atMs);
        const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
        expect(Math.min(...pauses)).toBeGreaterThanOrEqual(3000);
      }
    }
  });

  test("kills no worker that PHP may be sent to", () => {
    for (const seed of SEEDS) {
      const cluster = make(seed).steps.filter(({ lane }) => lane === "cluster");
      for (const [index, { atMs, fault }] of cluster.entries()) {
        const before = cluster[index - 1];
        if (fault.kind !== "kill" || before === undefined) {
          continue;
        }
        expect(fault.node).toBe("C");
        const isWorkerAway = before.fault.kind === "restart" || before.fault.kind === "rotate";
        expect(atMs - before.atMs).toBeGreaterThan(isWorkerAway ? 14_000 : 3000);
      }
    }
  });
});

test("a full script has room for more than one round in five minutes, and keeps to them", () => {
  for (const seed of SEEDS) {
    const { steps, lengthMs } = full(seed);
    expect(steps.filter(({ fault }) => fault.kind === "rotate").length).toBeGreaterThan(1);
    expect(lengthMs).toBeLessThanOrEqual(FIVE_MINUTES_MS);
  }
});

test.each([
  [0, "0:00.0"],
  [59_999, "0:59.9"],
  [61_250, "1:01.2"],
  [-2500, "-0:02.5"],
])("%d ms are %s", (ms, text) => {
  expect(clockText(ms)).toBe(text);
});
