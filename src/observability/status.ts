import type { RefusalCounts } from "../protocol/socket-event.ts";
import { formatUptime } from "../protocol/uptime.ts";
import type { PreviousSecretStatus } from "./previous-secret.ts";

/** Where the status object's numbers come from. */
export interface StatusSources {
  readonly version: string;
  /** Milliseconds on a clock that never goes back, and its reading at the start. */
  readonly now: () => number;
  readonly startedAt: number;
  readonly topics: {
    count(): Promise<number>;
    list(): Promise<readonly string[]>;
  };
  readonly sockets: {
    headcount(): { sockets: number; clients: number; activeTopics: number };
    activeTopics(): readonly string[];
  };
  /** Who was turned away, since the start. */
  readonly turnedAway: {
    refusals(): RefusalCounts;
    /** Sockets that were dropped because too much waited for them. */
    slowReaders(): number;
    /** How often browsers were not accepted for a while, for want of files. */
    acceptPauses(): number;
  };
  /** Files that are open and may be; `undefined` where the system does not say. */
  readonly files: () => { readonly open: number; readonly limit: number } | undefined;
  /** What waits for each gateway thread, and how long a delivery takes to its sockets. */
  readonly threads: () => readonly ThreadLoad[];
  /** Publishes answered 503 since the start. */
  readonly refusedPublishes: () => number;
  /** Workers that hear each other; -1 when alone. */
  readonly nodes: () => Promise<number>;
  /** Whether there is a Redis, and whether it is in reach. */
  readonly redis: () => RedisState;
  /** This node's id, new per process. */
  readonly node: string;
  /** Who still uses the secret that is being replaced; `undefined` while none is. */
  readonly previousSecret: () => PreviousSecretStatus | undefined;
}

/** How one gateway thread does; `lagMs` in milliseconds. */
export interface ThreadLoad {
  readonly events: number;
  readonly units: number;
  readonly lagMs: number;
}

/** `off`: none is configured. */
export type RedisState = "off" | "up" | "down";

/** The status object (contract, "Internal HTTP API"); names and order are what clients know. */
export interface Status {
  readonly status: "ok";
  readonly version: string;
  readonly uptime: string;
  readonly registered_topics: number;
  readonly active_topics: number;
  readonly connected_clients: number;
  readonly connected_sockets: number;
  readonly topic_list?: readonly string[];
  readonly active_topic_list?: readonly string[];
  readonly cluster_nodes: number;
  readonly redis: RedisState;
  readonly node: string;
  /** Events and bytes that wait for each gateway thread, and its delivery lag in milliseconds. */
  readonly gateway_threads: readonly {
    readonly queued_events: number;
    readonly queued_bytes: number;
    readonly lag_ms: number;
  }[];
  /** Publishes answered 503 since the start. */
  readonly refused_publishes: number;
  readonly refusals: RefusalCounts;
  /** Sockets dropped since the start because too much waited for them. */
  readonly slow_readers: number;
  /** How often browsers were not accepted for want of files. */
  readonly accept_pauses: number;
  /** Files (sockets, for the most part) that are open, and may be; absent where nobody knows. */
  readonly open_files?: number;
  readonly file_limit?: number;
  /** Only while `worker_secret_previous` is set. */
  readonly previous_secret?: PreviousSecretStatus;
}

/** The worker's state, with the two lists only when asked for. */
export async function readStatus(sources: StatusSources, withLists: boolean): Promise<Status> {
  const { topics, sockets, turnedAway } = sources;
  const [registered, nodes, list] = await Promise.all([
    topics.count(),
    sources.nodes(),
    withLists ? topics.list() : undefined,
  ]);
  const count = sockets.headcount();
  const previousSecret = sources.previousSecret();
  const files = sources.files();
  return {
    status: "ok",
    version: sources.version,
    uptime: formatUptime(uptimeSeconds(sources)),
    registered_topics: registered,
    active_topics: count.activeTopics,
    connected_clients: count.clients,
    connected_sockets: count.sockets,
    ...(list === undefined ? {} : { topic_list: list, active_topic_list: sockets.activeTopics() }),
    cluster_nodes: nodes,
    redis: sources.redis(),
    node: sources.node,
    gateway_threads: sources.threads().map(({ events, units, lagMs }) => ({
      queued_events: events,
      queued_bytes: units,
      lag_ms: Math.round(lagMs * 100) / 100,
    })),
    refused_publishes: sources.refusedPublishes(),
    refusals: turnedAway.refusals(),
    slow_readers: turnedAway.slowReaders(),
    accept_pauses: turnedAway.acceptPauses(),
    ...(files === undefined ? {} : { open_files: files.open, file_limit: files.limit }),
    ...(previousSecret === undefined ? {} : { previous_secret: previousSecret }),
  };
}

/** The status object as sockets on `worker.status` get it: no lists, and the uptime in seconds. */
export async function readSocketStatus(
  sources: StatusSources,
): Promise<Status & { readonly uptime_seconds: number }> {
  return { ...(await readStatus(sources, false)), uptime_seconds: uptimeSeconds(sources) };
}

function uptimeSeconds({ now, startedAt }: StatusSources): number {
  return Math.floor((now() - startedAt) / 1000);
}
