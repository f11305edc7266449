import { expect, test } from "bun:test";
import { findings, METRICS, type Sample } from "./metrics.ts";

const WARM_UP = 60;

/** Ten minutes: everything grows while it warms up, and one thing goes on. */
function samples(growing: keyof Sample | undefined, perHour: number): Sample[] {
  return Array.from({ length: 600 }, (_, at) => {
    const warming = Math.min(at, WARM_UP);
    const grown = (key: keyof Sample, base: number): number =>
      base + warming + (key === growing ? (at * perHour) / 3600 : 0) + (at % 7) / 10;
    return {
      at,
      memory: grown("memory", 80),
      files: grown("files", 300),
      threads: grown("threads", 20),
      status: grown("status", 1),
      handshake: grown("handshake", 2),
    };
  });
}

test("what is steady after its warm-up has not grown", () => {
  expect(findings(samples(undefined, 0), WARM_UP).filter(({ hasGrown }) => hasGrown)).toEqual([]);
});

test.each(METRICS.map(({ key, bound }) => [key, bound] as const))(
  "growth of %s is found from its bound on",
  (key, bound) => {
    const grown = (perHour: number): readonly string[] =>
      findings(samples(key, perHour), WARM_UP)
        .filter(({ hasGrown }) => hasGrown)
        .map(({ metric }) => metric.key);
    expect(grown(bound * 3)).toEqual([key]);
    expect(grown(bound / 2)).toEqual([]);
    expect(grown(-bound * 3)).toEqual([]);
  },
);

test("a second without a new client has no handshake, and that is no fault", () => {
  const some = samples(undefined, 0).map((sample) =>
    sample.at % 5 === 0 ? { ...sample, handshake: Number.NaN } : sample,
  );
  expect(findings(some, WARM_UP).at(-1)?.fit.mean).toBeGreaterThan(2);
});
