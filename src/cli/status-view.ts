import { cleanText } from "../config/fault-text.ts";
import { isObject, type JsonObject, numberOf, objectsOf, textOf } from "./json-fields.ts";
import type { Paint } from "./paint.ts";
import type { Snapshot } from "./read-status.ts";

/** Longest text of a worker's that is shown. */
const MAX_SHOWN_LENGTH = 60;

/** What stands where a worker does not say. */
const UNKNOWN = "?";

/**
 * A worker's state, and its cluster's, as lines for people.
 *
 * @param where The address it was asked at.
 */
export function statusLines(snapshot: Snapshot, where: string, paint: Paint): readonly string[] {
  const { status, cluster } = snapshot;
  const node = shown(status, "node");
  const title = `worker${node === UNKNOWN ? "" : ` ${node}`} at ${where}`;
  const rows = [
    ["version", shown(status, "version")],
    ["up", upText(status, cluster)],
    [
      "sockets",
      `${shown(status, "connected_sockets")} of ${counted(status, "connected_clients", "client")}, ` +
        `on ${counted(status, "active_topics", "topic")}`,
    ],
    ["topics registered", shown(status, "registered_topics")],
    ["redis", redisText(snapshot, paint)],
    ...threadRows(status, paint),
    ...filesRow(status),
    ...countRow("refused publishes", numberOf(status, "refused_publishes"), paint),
    ...turnedAwayRow(status, paint),
    ...countRow("slow readers", numberOf(status, "slow_readers"), paint),
    ...countRow("accept pauses", numberOf(status, "accept_pauses"), paint),
    ...previousSecretRow(status),
  ] as const;
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return [paint("bold", title), ...lines, ...clusterLines(status, cluster, paint)];
}

/** The same as one line for programs and logs. */
export function statusLine({ status, cluster }: Snapshot, nowMs: number): string {
  const threads = objectsOf(status, "gateway_threads");
  const queued = threads.reduce((sum, thread) => sum + (numberOf(thread, "queued_events") ?? 0), 0);
  const lag = Math.max(0, ...threads.map((thread) => numberOf(thread, "lag_ms") ?? 0));
  const probe = numberOf(ownReport(status, cluster), "probe_ms");
  const fields = [
    ["sockets", shown(status, "connected_sockets")],
    ["clients", shown(status, "connected_clients")],
    ["topics", shown(status, "registered_topics")],
    ["active", shown(status, "active_topics")],
    ["nodes", shown(status, "cluster_nodes")],
    ["redis", shown(status, "redis")],
    ["probe_ms", probe ?? UNKNOWN],
    ["queued", queued],
    ["lag_ms", lag],
    ["refused", shown(status, "refused_publishes")],
  ];
  const time = new Date(nowMs).toISOString();
  return `${time} ${fields.map(([name, value]) => `${name}=${value}`).join(" ")}`;
}

/** The report of the worker that was asked, among those of its cluster. */
export function ownReport(
  status: JsonObject,
  cluster: JsonObject | undefined,
): JsonObject | undefined {
  const node = textOf(status, "node");
  return objectsOf(cluster, "nodes").find((report) => textOf(report, "node") === node);
}

function upText(status: JsonObject, cluster: JsonObject | undefined): string {
  const started = textOf(ownReport(status, cluster), "started");
  const since = started === undefined ? "" : `, since ${timeText(started)}`;
  return shown(status, "uptime") + since;
}

function redisText({ status, cluster }: Snapshot, paint: Paint): string {
  const nodes = numberOf(status, "cluster_nodes") ?? -1;
  const workers = counted(status, "cluster_nodes", "worker");
  switch (textOf(status, "redis")) {
    case "off":
      return "none configured: a single worker";
    case "down":
      return `${paint("red", "down")}: this worker serves alone`;
    case "up": {
      const probe = numberOf(ownReport(status, cluster), "probe_ms");
      const path = probe === undefined ? "no probe has come back" : `probe ${probe} ms`;
      return `${paint("green", "up")}, ${workers}, ${path}`;
    }
    default:
      return nodes < 0 ? "none, or out of reach" : `up, ${workers}`;
  }
}

function threadRows(status: JsonObject, paint: Paint): readonly (readonly [string, string])[] {
  return objectsOf(status, "gateway_threads").map((thread, index) => {
    const events = numberOf(thread, "queued_events") ?? 0;
    const waiting = `${counted(thread, "queued_events", "event")} (${shown(thread, "queued_bytes")} bytes) waiting`;
    return [
      `gateway thread ${index + 1}`,
      `${events > 0 ? paint("yellow", waiting) : waiting}, lag ${shown(thread, "lag_ms")} ms`,
    ];
  });
}

function countRow(
  name: string,
  count: number | undefined,
  paint: Paint,
): readonly (readonly [string, string])[] {
  return count === undefined
    ? []
    : [[name, count > 0 ? paint("yellow", String(count)) : String(count)]];
}

function filesRow(status: JsonObject): readonly (readonly [string, string])[] {
  return numberOf(status, "file_limit") === undefined
    ? []
    : [["files open", `${shown(status, "open_files")} of ${shown(status, "file_limit")}`]];
}

/** Who was not let in, by cause. */
function turnedAwayRow(status: JsonObject, paint: Paint): readonly (readonly [string, string])[] {
  const refusals = status["refusals"];
  if (!isObject(refusals)) {
    return [];
  }
  const causes = Object.keys(refusals)
    .filter((cause) => (numberOf(refusals, cause) ?? 0) > 0)
    .map((cause) => `${shown(refusals, cause)} ${cleanText(cause, MAX_SHOWN_LENGTH)}`);
  return [["turned away", causes.length === 0 ? "0" : paint("yellow", causes.join(", "))]];
}

function previousSecretRow(status: JsonObject): readonly (readonly [string, string])[] {
  const use = status["previous_secret"];
  if (!isObject(use)) {
    return [];
  }
  const last = textOf(use, "last_used");
  const when = last === undefined ? "never used" : `last used ${timeText(last)}`;
  return [
    [
      "previous secret",
      `${counted(use, "tokens", "token")}, ${counted(use, "api_calls", "call")}, ${when}`,
    ],
  ];
}

/** A table of all workers; nothing when there is but one. */
function clusterLines(
  status: JsonObject,
  cluster: JsonObject | undefined,
  paint: Paint,
): readonly string[] {
  const nodes = objectsOf(cluster, "nodes");
  if (nodes.length < 2) {
    return [];
  }
  const head = ["node", "host", "version", "up since", "topics", "sockets", "clients", "probe"];
  const rows = nodes.map((report) => {
    const probe = numberOf(report, "probe_ms");
    const mark = textOf(report, "node") === textOf(status, "node") ? " *" : "";
    return [
      shown(report, "node") + mark,
      shown(report, "host"),
      shown(report, "version"),
      timeText(textOf(report, "started") ?? ""),
      shown(report, "topics"),
      shown(report, "sockets"),
      shown(report, "clients"),
      probe === undefined ? "none" : `${probe} ms`,
    ];
  });
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return ["", paint("bold", line(head)), ...rows.map(line)];
}

/** A field as it is shown: a number or a text, cleaned. */
function shown(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === "string" || typeof value === "number"
    ? cleanText(String(value), MAX_SHOWN_LENGTH)
    : UNKNOWN;
}

/** A field's number of things. */
function counted(object: JsonObject, key: string, thing: string): string {
  return `${shown(object, key)} ${thing}${numberOf(object, key) === 1 ? "" : "s"}`;
}

/** An ISO 8601 time to the second, for people. */
function timeText(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time)
    ? UNKNOWN
    : `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
