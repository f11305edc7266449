/** What the operator's page and the worker say to each other over the live connection, as JSON. */
import type { HistoryColumns } from "../observability/history.ts";
import type { Incident } from "../protocol/incident.ts";
import type { Readiness } from "../protocol/readiness.ts";

/** Where the live connection is, beside the page. */
export const LIVE_PATH = "/live";

/** Why the worker has ended a live connection. */
export const LIVE_CLOSE = {
  /** The worker stops. */
  restart: { code: 1012, reason: "service restart" },
  /** The secret is missing or wrong. */
  forbidden: { code: 4403, reason: "forbidden" },
  /** Nothing was sent for {@link SECRET_DEADLINE_MS}. */
  late: { code: 4408, reason: "no secret in time" },
  /** Another secret is asked for from now on. */
  secretChanged: { code: 4401, reason: "secret changed" },
  /** There are as many pages as there may be. */
  full: { code: 4429, reason: "too many pages" },
} as const;

/** How long a page may take to send the secret, in milliseconds. */
export const SECRET_DEADLINE_MS = 5000;

/** The first and only frame of a page. */
export interface SecretMessage {
  readonly secret: string;
}

/** What the worker sends. */
export type LiveMessage = HistoryMessage | SnapshotMessage | TopicsMessage;

/** The last ten minutes, so that charts are full at once; sent first. */
export interface HistoryMessage extends HistoryColumns {
  readonly type: "history";
}

/**
 * How a node does, as a page shows it: what it says of itself; `unknown`, since it is of a version
 * that says nothing, or Redis is away; `gone`; `left` after a good-bye.
 */
export type NodeState = Readiness | "unknown" | "gone" | "left";

/** Whether there is a Redis, and whether it is in reach. */
export type RedisState = "off" | "up" | "down";

/** A node; figures that are not known are `null`. */
export interface NodeView {
  readonly node: string;
  readonly host: string;
  readonly version: string;
  /** ISO 8601. */
  readonly started: string;
  readonly state: NodeState;
  /** Since when nothing was heard of it, ISO 8601; for those that have gone. */
  readonly silent_since: string | null;
  readonly topics: number;
  readonly active_topics: number | null;
  readonly sockets: number;
  readonly clients: number;
  readonly publishes_per_s: number | null;
  readonly deliveries_per_s: number | null;
  readonly lag_ms: number | null;
  readonly probe_ms: number | null;
  readonly outbox: { readonly events: number; readonly dropped: number } | null;
  /** ISO 8601; `null` when nothing was published there since its start. */
  readonly last_publish: string | null;
}

/** The cluster at one moment; sent once a second. */
export interface SnapshotMessage {
  readonly type: "snapshot";
  /** The worker's clock, in Unix milliseconds. */
  readonly at: number;
  /** The node that tells, which is the first in the list. */
  readonly node: string;
  readonly redis: RedisState;
  /** Where Redis is; "" for nowhere. */
  readonly redis_address: string;
  readonly nodes: readonly NodeView[];
  /** Workers that hear the channel and say nothing of themselves: the original's, or older ones. */
  readonly other_workers: number;
  /** The newest first, of all nodes. */
  readonly incidents: readonly Incident[];
  /** Sockets that have ended, and browsers that were not let in, by reason, over all nodes. */
  readonly disconnects: Readonly<Record<string, number>>;
  readonly refusals: Readonly<Record<string, number>>;
}

/** Topics that are registered or watched; sent when something has changed. */
export interface TopicsMessage {
  readonly type: "topics";
  /** Those with the most sockets first. */
  readonly topics: readonly TopicRow[];
  /** How many have found no room here. */
  readonly left_out: number;
  /** Whether the other nodes have more topics than they tell of, so that sums may be too low. */
  readonly is_partial: boolean;
}

/** Sockets on the node that tells, and on all of them. */
export type TopicRow = readonly [
  topic: string,
  here: number,
  everywhere: number,
  isRegistered: boolean,
];

/** What became of a test event: the answer of `POST /internal/test`. */
export interface TestResult {
  /** The node that published it. */
  readonly node: string;
  /** In the order of their answers. */
  readonly nodes: readonly {
    readonly node: string;
    readonly host: string;
    readonly sockets: number;
    /** From its arrival at the node until its sockets had it, on the node's own clock. */
    readonly handed_ms: number;
    /** From the publication until this node knew, there and back. */
    readonly confirmed_ms: number;
  }[];
  /** Nodes that were asked and have not answered within 2 s. */
  readonly silent: readonly { readonly node: string; readonly host: string }[];
  /** Whether other nodes were asked: there are some, and Redis is there. */
  readonly asked_others: boolean;
  readonly redis: RedisState;
  /** Workers that hear the channel and cannot be asked. */
  readonly other_workers: number;
}
