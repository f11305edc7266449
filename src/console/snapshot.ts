import type { Incident } from "../protocol/incident.ts";
import type { NodeReport } from "../protocol/node-report.ts";
import type { NodeState, NodeView, RedisState, SnapshotMessage } from "./messages.ts";

/** Incidents that a page gets; what goes on comes before what is over. */
const MAX_SHOWN = 100;

/** Another node, as the bus remembers it. */
export interface KnownPeer {
  readonly report: NodeReport;
  readonly state: "here" | "gone" | "left";
  /** How long ago it was last heard of, in milliseconds. */
  readonly silentMs: number;
}

/** What a snapshot is made from. */
export interface SnapshotSources {
  /** Of this node, as of this moment. */
  readonly own: NodeReport;
  readonly incidents: readonly Incident[];
  readonly peers: readonly KnownPeer[];
  readonly redis: RedisState;
  readonly redisAddress: string;
  /** Workers that hear the channel, this one among them, as counted last. */
  readonly subscribers: number;
  /** Unix time in milliseconds. */
  readonly at: number;
}

/** The cluster at one moment, as a page shows it. */
export function makeSnapshot(sources: SnapshotSources): SnapshotMessage {
  const { own, peers, redis, at } = sources;
  const others = peers.map((peer) => viewOfPeer(peer, redis, at));
  const here = peers.filter(({ state }) => state === "here");
  const reports = [own, ...here.map(({ report }) => report)];
  return {
    type: "snapshot",
    at,
    node: own.node,
    redis,
    redis_address: sources.redisAddress,
    nodes: [viewOf(own, own.state ?? "unknown", null), ...others.sort(byHost)],
    other_workers: redis === "up" ? Math.max(0, sources.subscribers - 1 - here.length) : 0,
    incidents: mergeIncidents(sources),
    disconnects: sumOf(reports.map(({ disconnects }) => disconnects)),
    refusals: sumOf(reports.map(({ refusals }) => refusals)),
  };
}

function viewOfPeer(
  { report, state, silentMs }: KnownPeer,
  redis: RedisState,
  at: number,
): NodeView {
  if (state !== "here") {
    return viewOf(report, state, new Date(at - silentMs).toISOString());
  }
  // Nobody can be heard without Redis: what was told last may no longer be so.
  return viewOf(report, redis === "up" ? (report.state ?? "unknown") : "unknown", null);
}

function viewOf(report: NodeReport, state: NodeState, silentSince: string | null): NodeView {
  const { node, host, version, started, topics, sockets, clients, probe_ms } = report;
  return {
    node,
    host,
    version,
    started,
    state,
    silent_since: silentSince,
    topics,
    active_topics: report.active_topics ?? null,
    sockets,
    clients,
    publishes_per_s: report.publishes_per_s ?? null,
    deliveries_per_s: report.deliveries_per_s ?? null,
    lag_ms: report.lag_ms ?? null,
    probe_ms,
    outbox: report.outbox ?? null,
    last_publish: report.last_publish ?? null,
  };
}

/** Of all nodes, each once, though several may tell it; what goes on first, else the newest first. */
function mergeIncidents({ incidents, peers, at }: SnapshotSources): readonly Incident[] {
  const merged = [...incidents];
  const told = new Set(incidents.map(subjectOf));
  for (const { report, state, silentMs } of peers) {
    const lastHeard = new Date(at - silentMs).toISOString();
    for (const incident of report.incidents ?? []) {
      if (incident.node !== report.node) {
        // Of a third node; whoever misses it has noticed at a moment of its own.
        if (!told.has(subjectOf(incident))) {
          told.add(subjectOf(incident));
          merged.push(incident);
        }
      } else {
        // What went on there has ended with it.
        const isOver = state !== "here" && incident.until === null;
        merged.push(isOver ? { ...incident, until: lastHeard } : incident);
      }
    }
  }
  return merged.sort(byUrgency).slice(0, MAX_SHOWN);
}

function subjectOf({ kind, node }: Incident): string {
  return `${kind} ${node}`;
}

function byUrgency(a: Incident, b: Incident): number {
  if ((a.until === null) !== (b.until === null)) {
    return a.until === null ? -1 : 1;
  }
  return a.since < b.since ? 1 : -1;
}

function byHost(a: NodeView, b: NodeView): number {
  return `${a.host} ${a.node}` < `${b.host} ${b.node}` ? -1 : 1;
}

function sumOf(
  tables: readonly (Readonly<Record<string, number>> | undefined)[],
): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  for (const table of tables) {
    for (const [name, count] of Object.entries(table ?? {})) {
      sums.set(name, (sums.get(name) ?? 0) + count);
    }
  }
  return Object.fromEntries(sums);
}
