import { cleanText } from "../../config/fault-text.ts";
import { type InternalApi, internalUrl } from "../internal-client.ts";
import { numberOf, textOf } from "../json-fields.ts";
import type { Snapshot, SnapshotResult } from "../read-status.ts";
import { ownReport } from "../status-view.ts";
import { type Finding, ok, problem, skipped, warning } from "./finding.ts";

/** PHP gives a call one second by default (contract). */
const PHP_PATIENCE_MS = 1_000;

/** `Date` is in whole seconds. */
const CLOCK_STEP_MS = 1_000;

/** Tokens last for minutes at least; a clock that is off by less harms nobody yet. */
const SKEW_TOLERATED_MS = 2_000;
const SKEW_HARMFUL_MS = 60_000;

/** A probe takes some milliseconds; beyond this, events to other workers are late. */
const SLOW_PROBE_MS = 250;

/** Distributions give a service no fewer files than this. */
const FEW_FILES = 1_024;

/** As deploy/wavelog_worker.service sets it. */
const AMPLE_FILES = 65_536;

/** Share of the files from which on it is worth a word, and from which on browsers stay outside soon. */
const FILES_WORRYING = 0.7;
const FILES_SCARCE = 0.9;

const MAX_SHOWN_LENGTH = 60;

/** Whether the internal API answers, and whether it takes the secret. */
export function judgeInternal(
  result: SnapshotResult,
  api: InternalApi,
): readonly [internal: Finding, secret: Finding] {
  const where = internalUrl(api);
  switch (result.kind) {
    case "unreachable":
      return [
        problem(
          "internal",
          result.message,
          "start the worker, or correct internal_bind and internal_port; PHP needs the same address.",
          "In containers 127.0.0.1 is the container itself: give --internal http://worker:9001 with the",
          "worker's service name, and set internal_bind so that it listens there",
        ),
        skipped("secret", "the internal API does not answer"),
      ];
    case "refused":
      return [
        problem(
          "internal",
          result.message,
          "give the internal API's address (internal_port), not that of the port for browsers",
        ),
        skipped("secret", "no worker has answered"),
      ];
    case "forbidden":
      return [
        ok("internal", `${where} answers`),
        problem(
          "secret",
          `the worker at ${where} runs with another worker_secret (403 forbidden)`,
          "worker_secret must be the same text in the worker's configuration, in Wavelog's and in the",
          "one read here; after a change reload the worker (docs/operations.md)",
        ),
      ];
    case "read":
      return [
        judgeSpeed(result.snapshot, where),
        ok("secret", "worker_secret is the one that the worker runs with"),
      ];
  }
}

function judgeSpeed({ status, tookMs }: Snapshot, where: string): Finding {
  const version = cleanText(textOf(status, "version") ?? "?", MAX_SHOWN_LENGTH);
  const text = `${where} answers in ${Math.round(tookMs)} ms, version ${version}`;
  if (tookMs < PHP_PATIENCE_MS / 2) {
    return ok("internal", text);
  }
  const fix =
    "PHP gives up after 1 s: is the machine overloaded, or the network between them slow?";
  return tookMs < PHP_PATIENCE_MS ? warning("internal", text, fix) : problem("internal", text, fix);
}

/** Whether the worker's clock and the one here agree. */
export function judgeClock({ clockMs, readAtMs, tookMs }: Snapshot): Finding {
  if (clockMs === undefined) {
    return skipped("clock", "the worker does not tell its time");
  }
  const ahead = readAtMs - (clockMs + CLOCK_STEP_MS + tookMs);
  const behind = clockMs - readAtMs;
  const skew = Math.max(ahead, behind);
  if (skew <= SKEW_TOLERATED_MS) {
    return ok("clock", "the worker's clock and the one here agree");
  }
  const seconds = Math.round(skew / 1_000);
  const text =
    ahead > behind
      ? `the clock here is ${seconds} s ahead of the worker's: tokens made here are good for ${seconds} s longer than they say`
      : `the clock here is ${seconds} s behind the worker's: tokens made here end ${seconds} s too early, or are refused at once`;
  const fix = [
    "set both by NTP: timedatectl set-ntp true, or chrony; a container has its host's clock.",
    "What counts is the clock of PHP's machine: run the doctor there as well",
  ];
  return skew < SKEW_HARMFUL_MS ? warning("clock", text, ...fix) : problem("clock", text, ...fix);
}

/** What the configuration that is read here says of Redis. */
export interface RedisHere {
  readonly isConfigured: boolean;
  /** Without user and password. */
  readonly address: string;
  /** What came of a connection to it from here; `undefined` when none was tried. */
  readonly reach: string | undefined;
}

/** Whether Redis is in reach of the worker, and the path through it proved. */
export function judgeRedis({ status, cluster }: Snapshot, here: RedisHere): Finding {
  const nodes = numberOf(status, "cluster_nodes") ?? -1;
  const workers = nodes === 1 ? "one worker" : `${nodes} workers`;
  switch (textOf(status, "redis") ?? (nodes < 0 ? "not told" : "up, not proved")) {
    case "off":
    case "not told":
      return here.isConfigured
        ? problem(
            "redis",
            "redis_url is set here, but the worker runs alone, without Redis",
            "restart the worker with this configuration (redis_url does not change at a reload)",
          )
        : ok("redis", "none is configured: a single worker");
    case "down":
      return problem(
        "redis",
        "the worker cannot reach Redis and serves alone: events do not reach the others' browsers",
        ...(here.reach === undefined ? [] : [`from here ${here.address} ${here.reach}`]),
        "the worker's log says why (cluster: redis unavailable …); does Redis run, is redis_url right,",
        "do user, password and firewall let the worker in?",
      );
    case "up": {
      const probe = numberOf(ownReport(status, cluster), "probe_ms");
      if (probe === undefined) {
        return problem(
          "redis",
          "the worker is connected to Redis, but no event of its own has come back to it",
          "right after its start ask again in 10 s; else may its user publish and subscribe to",
          "wavelog:events? (docs/clustering.md has the ACL), and is Redis a replica?",
        );
      }
      const text = `up, ${workers}, a probe takes ${probe} ms there and back`;
      return probe < SLOW_PROBE_MS
        ? ok("redis", text)
        : warning(
            "redis",
            text,
            "Redis or the network to it is slow: other workers' browsers get events late",
          );
    }
    default:
      return ok("redis", `up, ${workers}; this worker does not prove the path`);
  }
}

/** Whether the worker may have as many files open as it will need. */
export function judgeFiles({ status }: Snapshot): Finding {
  const limit = numberOf(status, "file_limit");
  const open = numberOf(status, "open_files");
  if (limit === undefined || open === undefined) {
    return skipped("files", "the worker does not tell its file limit");
  }
  const text = `${open} of ${limit} files are open`;
  const raise = [
    `raise the limit to ${AMPLE_FILES}: LimitNOFILE=${AMPLE_FILES} in the systemd unit, "ulimit -n ${AMPLE_FILES}" in`,
    `a shell, or "ulimits: {nofile: ${AMPLE_FILES}}" in a compose file; every browser is one`,
  ];
  if (open >= limit * FILES_SCARCE) {
    return problem("files", `${text}: soon no browser gets in any more`, ...raise);
  }
  return open >= limit * FILES_WORRYING || limit <= FEW_FILES
    ? warning("files", text, ...raise)
    : ok("files", text);
}
