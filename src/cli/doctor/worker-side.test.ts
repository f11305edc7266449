import { describe, expect, test } from "bun:test";
import { Secret } from "../../config/secret.ts";
import type { JsonObject } from "../json-fields.ts";
import type { Snapshot } from "../read-status.ts";
import { NOW_MS, SECRET } from "../testing.ts";
import { judgeClock, judgeFiles, judgeInternal, judgeRedis } from "./worker-side.ts";

const API = { host: "127.0.0.1", port: 9001, secret: new Secret(SECRET) };

const snapshot = (status: JsonObject, over: Partial<Omit<Snapshot, "status">> = {}): Snapshot => ({
  status: { version: "1.0.0", node: "a", cluster_nodes: -1, ...status },
  cluster: undefined,
  clockMs: NOW_MS,
  readAtMs: NOW_MS,
  tookMs: 3,
  ...over,
});

/** A cluster object with a report of the worker that is asked. */
const cluster = (probe: number | null): JsonObject => ({ nodes: [{ node: "a", probe_ms: probe }] });

describe("the internal API and the secret", () => {
  test.each([
    [3, "ok"],
    [600, "warning"],
    [1_200, "problem"],
  ] as const)("an answer after %d ms is %s, by PHP's patience", (tookMs, verdict) => {
    const [internal, secret] = judgeInternal(
      { kind: "read", snapshot: snapshot({}, { tookMs }) },
      API,
    );
    expect([internal.verdict, secret.verdict]).toEqual([verdict, "ok"]);
  });

  test.each([
    ["unreachable", "problem", "skipped"],
    ["refused", "problem", "skipped"],
    ["forbidden", "ok", "problem"],
  ] as const)("%s", (kind, first, second) => {
    const findings = judgeInternal({ kind, message: "why" }, API);
    expect(findings.map(({ verdict }) => verdict)).toEqual([first, second]);
    for (const { verdict, fix } of findings) {
      expect(fix.length > 0).toBe(verdict === "problem");
    }
  });
});

describe("the clock", () => {
  // The worker tells whole seconds, and the answer is some time on its way.
  test.each([
    [0, "ok"],
    [900, "ok"],
    [2_900, "ok"],
    [-1_900, "ok"],
    [4_000, "warning"],
    [-3_000, "warning"],
    [3_600_000, "problem"],
    [-90_000, "problem"],
  ] as const)("%d ms ahead of the worker's is %s", (aheadMs, verdict) => {
    const finding = judgeClock(snapshot({}, { readAtMs: NOW_MS + aheadMs }));
    expect(finding.verdict).toBe(verdict);
  });

  test("says which one goes wrong, and what it does to tokens", () => {
    const ahead = judgeClock(snapshot({}, { readAtMs: NOW_MS + 101_003 }));
    expect(ahead.text).toContain(
      "is 100 s ahead of the worker's: tokens made here are good for 100 s longer",
    );
    const behind = judgeClock(snapshot({}, { readAtMs: NOW_MS - 100_000 }));
    expect(behind.text).toContain(
      "is 100 s behind the worker's: tokens made here end 100 s too early",
    );
  });

  test("that is not told is not judged", () => {
    expect(judgeClock(snapshot({}, { clockMs: undefined })).verdict).toBe("skipped");
  });
});

describe("Redis", () => {
  const NONE = { isConfigured: false, address: "", reach: undefined };
  const HERE = { isConfigured: true, address: "redis://r:6379/0", reach: undefined };

  test.each([
    ["none", { redis: "off" }, undefined, NONE, "ok"],
    ["only here", { redis: "off" }, undefined, HERE, "problem"],
    ["down", { redis: "down" }, undefined, HERE, "problem"],
    ["up and proved", { redis: "up", cluster_nodes: 2 }, cluster(0.8), HERE, "ok"],
    ["up and slow", { redis: "up", cluster_nodes: 2 }, cluster(400), HERE, "warning"],
    ["up, nothing comes back", { redis: "up", cluster_nodes: 2 }, cluster(null), HERE, "problem"],
    ["up, no report", { redis: "up", cluster_nodes: 2 }, undefined, HERE, "problem"],
    ["the original, alone", {}, undefined, NONE, "ok"],
    ["the original, without its Redis", {}, undefined, HERE, "problem"],
    ["the original, in a cluster", { cluster_nodes: 3 }, undefined, HERE, "ok"],
  ] as const)("%s", (_, status, clusterObject, here, verdict) => {
    const finding = judgeRedis(snapshot(status, { cluster: clusterObject }), here);
    expect(finding.verdict).toBe(verdict);
    expect(finding.fix.length > 0).toBe(verdict !== "ok");
  });

  test("that is down says what a connection from here came to", () => {
    const here = { ...HERE, reach: "refuses connections" };
    expect(judgeRedis(snapshot({ redis: "down" }), here).fix[0]).toBe(
      "from here redis://r:6379/0 refuses connections",
    );
  });
});

test.each([
  [100, 65_536, "ok"],
  [50_000, 65_536, "warning"],
  [60_000, 65_536, "problem"],
  [100, 1_024, "warning"],
  [1_024, 1_024, "problem"],
  [undefined, 65_536, "skipped"],
  [5, undefined, "skipped"],
] as const)("%p files of %p are %s", (open_files, file_limit, verdict) => {
  expect(judgeFiles(snapshot({ open_files, file_limit })).verdict).toBe(verdict);
});
