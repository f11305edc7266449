import { describe, expect, test } from "bun:test";
import {
  PROBE_AGE_MS,
  type ReadinessSources,
  readReadiness,
  THREAD_SILENCE_MS,
} from "./readiness.ts";

function sourcesWith(changes: Partial<ReadinessSources> = {}): ReadinessSources {
  return {
    isDraining: () => false,
    threadSilences: () => [0, 900],
    redis: () => "off",
    probeAgeMs: () => undefined,
    requiresRedis: () => false,
    ...changes,
  };
}

const JOINED: Partial<ReadinessSources> = { redis: () => "up", probeAgeMs: () => 500 };
const AWAY: Partial<ReadinessSources> = { redis: () => "down" };
const REQUIRED: Partial<ReadinessSources> = { requiresRedis: () => true };

describe("a worker", () => {
  test("that is alone is ready as long as every gateway thread answers", () => {
    const silent = (ms: number) => sourcesWith({ threadSilences: () => [0, ms] });
    expect(readReadiness(sourcesWith())).toBe("ready");
    expect(readReadiness(silent(THREAD_SILENCE_MS))).toBe("ready");
    expect(readReadiness(silent(THREAD_SILENCE_MS + 1))).toBe("not_ready");
  });

  test("in a cluster is ready when a probe has come back through Redis lately", () => {
    const aged = (probeAgeMs: number | undefined) =>
      sourcesWith({ ...JOINED, probeAgeMs: () => probeAgeMs });
    expect(readReadiness(aged(0))).toBe("ready");
    expect(readReadiness(aged(PROBE_AGE_MS))).toBe("ready");
    expect(readReadiness(aged(PROBE_AGE_MS + 1))).toBe("degraded");
    expect(readReadiness(aged(undefined))).toBe("degraded");
  });

  test("that cannot reach Redis is degraded, or not ready where Redis is required", () => {
    expect(readReadiness(sourcesWith(AWAY))).toBe("degraded");
    expect(readReadiness(sourcesWith({ ...AWAY, ...REQUIRED }))).toBe("not_ready");
    // An old proof is none while the connection is lost.
    expect(readReadiness(sourcesWith({ ...AWAY, probeAgeMs: () => 0 }))).toBe("degraded");
  });

  test("to which Redis is required is ready with it, and where none is configured", () => {
    expect(readReadiness(sourcesWith({ ...JOINED, ...REQUIRED }))).toBe("ready");
    expect(readReadiness(sourcesWith(REQUIRED))).toBe("ready");
  });

  test("with a thread that does not answer is not ready, whatever Redis does", () => {
    const silences = { threadSilences: () => [THREAD_SILENCE_MS * 2] };
    expect(readReadiness(sourcesWith({ ...AWAY, ...silences }))).toBe("not_ready");
  });

  test("that is on its way out says that before anything else", () => {
    const draining = { isDraining: () => true };
    expect(readReadiness(sourcesWith(draining))).toBe("draining");
    expect(readReadiness(sourcesWith({ ...AWAY, ...REQUIRED, ...draining }))).toBe("draining");
  });
});
