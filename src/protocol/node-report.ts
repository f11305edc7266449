import { type Incident, readIncident } from "./incident.ts";
import type { Readiness } from "./readiness.ts";

/** What a worker tells the others' operators about itself (`GET /internal/cluster`). */
export interface NodeReport extends NodeDetails {
  /** The node's id, which is its `origin_id`. */
  readonly node: string;
  readonly host: string;
  readonly version: string;
  /** ISO 8601. */
  readonly started: string;
  readonly topics: number;
  readonly sockets: number;
  readonly clients: number;
  /** The last probe through the channel and back, in milliseconds; `null` when none came back. */
  readonly probe_ms: number | null;
}

/** What a report may have besides: workers of other versions have less, or more. */
export interface NodeDetails {
  readonly state?: Readiness;
  /** Topics with at least one socket there. */
  readonly active_topics?: number;
  /** Events that were published there, and frames handed to its sockets, each second of late. */
  readonly publishes_per_s?: number;
  readonly deliveries_per_s?: number;
  /** How long a delivery takes from the API to the sockets of the slowest thread, in milliseconds. */
  readonly lag_ms?: number;
  /** Events that wait for Redis, and how many were dropped since the start. */
  readonly outbox?: { readonly events: number; readonly dropped: number };
  /** When somebody published there last, ISO 8601; `null` for not yet. */
  readonly last_publish?: string | null;
  /** Sockets that have ended since the start, by reason. */
  readonly disconnects?: Readonly<Record<string, number>>;
  /** Browsers that were not let in since the start, by cause. */
  readonly refusals?: Readonly<Record<string, number>>;
  /** The newest of its incidents. */
  readonly incidents?: readonly Incident[];
  /** Topics with the most sockets there, and how many. */
  readonly watchers?: readonly (readonly [topic: string, sockets: number])[];
}

/** Incidents, and topics with watchers, that a report has at most. */
export const MAX_REPORTED_INCIDENTS = 8;
export const MAX_REPORTED_TOPICS = 200;

/** Rows of a table of counts that are read; ours have some dozen. */
const MAX_COUNTS = 64;

/**
 * Longest report that is read, in UTF-16 units: {@link MAX_REPORTED_TOPICS} of the longest topics,
 * escaped, and all the rest.
 */
export const MAX_REPORT_LENGTH = 512 * 1024;

/** Longest texts that are read, in UTF-16 units. */
const MAX_ID = 64;
const MAX_HOST = 255;
const MAX_TOPIC = 1024;

const STATES: readonly Readiness[] = ["ready", "degraded", "not_ready", "draining"];

/**
 * Reads a report, which anybody who reaches Redis may have written: the known fields alone.
 * A detail that is none is left out; `undefined` when what every report has is not there.
 */
export function readNodeReport(text: string): NodeReport | undefined {
  const fields = text.length <= MAX_REPORT_LENGTH ? parseObject(text) : undefined;
  if (fields === undefined) {
    return undefined;
  }
  const { node, host, version, started, topics, sockets, clients, probe_ms } = fields;
  return isText(node, MAX_ID) &&
    isText(host, MAX_HOST) &&
    isText(version, MAX_ID) &&
    isText(started, MAX_ID) &&
    isCount(topics) &&
    isCount(sockets) &&
    isCount(clients) &&
    (probe_ms === null || (typeof probe_ms === "number" && Number.isFinite(probe_ms)))
    ? { node, host, version, started, topics, sockets, clients, probe_ms, ...readDetails(fields) }
    : undefined;
}

function readDetails(fields: Fields): NodeDetails {
  return {
    ...optional(
      "state",
      STATES.find((state) => state === fields["state"]),
    ),
    ...optional("active_topics", count(fields["active_topics"])),
    ...optional("publishes_per_s", figure(fields["publishes_per_s"])),
    ...optional("deliveries_per_s", figure(fields["deliveries_per_s"])),
    ...optional("lag_ms", figure(fields["lag_ms"])),
    ...optional("outbox", readOutbox(fields["outbox"])),
    ...optional("last_publish", readTime(fields["last_publish"])),
    ...optional("disconnects", readCounts(fields["disconnects"])),
    ...optional("refusals", readCounts(fields["refusals"])),
    ...optional("incidents", readList(fields["incidents"], MAX_REPORTED_INCIDENTS, readIncident)),
    ...optional("watchers", readList(fields["watchers"], MAX_REPORTED_TOPICS, readWatchers)),
  };
}

type Fields = Readonly<Partial<Record<string, unknown>>>;

function parseObject(text: string): Fields | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? { ...value }
    : undefined;
}

/** A field of this name, or none at all when there is nothing to put into it. */
function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [Key in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: Value };
}

function readOutbox(value: unknown): NodeDetails["outbox"] {
  const fields = asObject(value);
  const events = count(fields?.["events"]);
  const dropped = count(fields?.["dropped"]);
  return events === undefined || dropped === undefined ? undefined : { events, dropped };
}

function readTime(value: unknown): string | null | undefined {
  return value === null || isText(value, MAX_ID) ? value : undefined;
}

function readCounts(value: unknown): Readonly<Record<string, number>> | undefined {
  const fields = asObject(value);
  if (fields === undefined) {
    return undefined;
  }
  const rows = Object.entries(fields).flatMap(([name, value]) => {
    const counted = count(value);
    return name.length <= MAX_ID && counted !== undefined ? [[name, counted] as const] : [];
  });
  return Object.fromEntries(rows.slice(0, MAX_COUNTS));
}

function readWatchers(value: unknown): readonly [string, number] | undefined {
  const [topic, sockets] = Array.isArray(value) ? value : [];
  return isText(topic, MAX_TOPIC) && isCount(sockets) ? [topic, sockets] : undefined;
}

function readList<Item>(
  value: unknown,
  most: number,
  read: (item: unknown) => Item | undefined,
): readonly Item[] | undefined {
  if (!Array.isArray(value)) {
    return undefined;
  }
  const items = value.slice(0, most).map((item) => read(item));
  return items.filter((item) => item !== undefined);
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= most;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function count(value: unknown): number | undefined {
  return isCount(value) ? value : undefined;
}

function figure(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
