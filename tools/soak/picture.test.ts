import { expect, test } from "bun:test";
import { findings, METRICS, type Sample } from "./metrics.ts";
import type { ModeResult } from "./mode.ts";
import { picture } from "./picture.ts";

function result(value: (at: number) => number, how = "as this machine is"): ModeResult {
  const samples = Array.from({ length: 60 }, (_, at): Sample => {
    const same = value(at);
    return { at, memory: same, files: same, threads: same, status: same, handshake: same };
  });
  return {
    ...{ mode: "plain", how, warmUp: 15, samples, findings: findings(samples, 15) },
    ...{ peak: 0, groupPeak: undefined, sessions: 0, pushes: 0, published: 0, faults: [] },
  };
}

/** Throws when tags do not fit; returns how often each is there. */
function tags(svg: string): Map<string, number> {
  const open: string[] = [];
  const counts = new Map<string, number>();
  for (const [, end, name = "", , isEmpty] of svg.matchAll(
    /<(\/?)([a-z]+)((?:\s+[a-zA-Z0-9:-]+="[^"<>&]*")*)\s*(\/?)>/g,
  )) {
    if (end === "/") {
      expect(open.pop()).toBe(name);
      continue;
    }
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (isEmpty !== "/") {
      open.push(name);
    }
  }
  expect(open).toEqual([]);
  // Nothing is left that only looks like a tag.
  expect(svg.replaceAll(/<\/?[a-z]+(?:\s+[a-zA-Z0-9:-]+="[^"<>&]*")*\s*\/?>/g, "")).not.toMatch(
    /[<>]/,
  );
  return counts;
}

test("is well-formed, with a panel for every metric of every run", () => {
  const svg = picture([result((at) => at), result((at) => 80 + Math.sin(at))]);
  const counts = tags(svg);
  expect(counts.get("g")).toBe(2 * METRICS.length);
  expect(counts.get("polyline")).toBe(2 * METRICS.length);
  expect(counts.get("line")).toBe(2 * METRICS.length);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(svg).toContain("prefers-color-scheme: dark");
});

test("bears values that are all the same, and words with special characters", () => {
  const svg = picture([result(() => 5, 'a < b & "c"')]);
  tags(svg);
  expect(svg).toContain("a &lt; b &amp; ");
  expect(svg).not.toMatch(/NaN|Infinity/);
});

test("draws a higher value higher up", () => {
  const points = /points="([^"]+)"/.exec(picture([result((at) => at)]))?.[1] ?? "";
  const heights = points.split(" ").map((point) => Number(point.split(",")[1]));
  expect(heights).toHaveLength(60);
  expect(heights).toEqual(heights.toSorted((a, b) => b - a));
});
