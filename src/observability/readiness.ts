import type { Readiness } from "../protocol/readiness.ts";
import type { RedisState } from "./status.ts";

/**
 * How long a gateway thread may be without an answer, in milliseconds. It is asked once a second;
 * one that lets ten thousand browsers in, or waits for starved readers, takes some seconds to it.
 */
export const THREAD_SILENCE_MS = 5000;

/**
 * How old the last probe through Redis may be, in milliseconds: one is sent each second, and the
 * connection is given up when it stays out for 2.5 s.
 */
export const PROBE_AGE_MS = 4000;

/** What the worker's readiness is read from. */
export interface ReadinessSources {
  readonly isDraining: () => boolean;
  /** For how long each gateway thread has been without an answer, in milliseconds. */
  readonly threadSilences: () => readonly number[];
  readonly redis: () => RedisState;
  /**
   * How long ago a probe has come back through Redis, in milliseconds; `undefined` while none has
   * over the connection of this moment.
   */
  readonly probeAgeMs: () => number | undefined;
  /** Whether a worker that cannot reach Redis should be left alone (`ready_requires_redis`). */
  readonly requiresRedis: () => boolean;
}

/**
 * Whether the worker can do its work, as far as it is proved: every gateway thread has answered
 * lately, and in a cluster a probe has come back through Redis. Without Redis it serves its own
 * browsers, so that alone makes it `degraded`.
 */
export function readReadiness(sources: ReadinessSources): Readiness {
  if (sources.isDraining()) {
    return "draining";
  }
  if (sources.threadSilences().some((silentMs) => silentMs > THREAD_SILENCE_MS)) {
    return "not_ready";
  }
  if (sources.redis() === "off" || isProved(sources)) {
    return "ready";
  }
  return sources.requiresRedis() ? "not_ready" : "degraded";
}

function isProved({ redis, probeAgeMs }: ReadinessSources): boolean {
  return redis() === "up" && (probeAgeMs() ?? Number.POSITIVE_INFINITY) <= PROBE_AGE_MS;
}
