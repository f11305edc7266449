import { scanKeys } from "../redis/scan.ts";
import type { RedisSession } from "../redis/session.ts";

/** What a worker tells the others' operators about itself (`GET /internal/cluster`). */
export interface NodeReport {
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

/**
 * How often a report is written, in milliseconds. It is also what finds out that a server has become
 * a replica, for which 5 s are allowed.
 */
export const REPORT_INTERVAL_MS = 3000;

/** How long a report lasts, in milliseconds: five chances, then the node is a ghost and vanishes. */
const REPORT_TTL_MS = 5 * REPORT_INTERVAL_MS;

/** Nodes listed at most; a cluster has a handful, and anybody can write keys. */
const MAX_NODES = 256;

/** The reports of all nodes in Redis: `<prefix>:node:<id>`, each expiring by itself. */
export class Presence {
  readonly #prefix: string;

  /** @param prefix Begins every key (contract: `wavelog`). */
  constructor(prefix: string) {
    this.#prefix = `${prefix}:node:`;
  }

  /** Writes this node's report. Rejects when Redis cannot be written to. */
  async report(session: RedisSession, report: NodeReport): Promise<void> {
    const key = this.#prefix + report.node;
    await session.send(["SET", key, JSON.stringify(report), "PX", String(REPORT_TTL_MS)]);
  }

  /** Takes this node's report away, for it stops. Rejects when the session is lost. */
  async withdraw(session: RedisSession, node: string): Promise<void> {
    await session.send(["DEL", this.#prefix + node]);
  }

  /** The reports of all nodes, ordered by host and id. Rejects when the session is lost. */
  async list(session: RedisSession): Promise<readonly NodeReport[]> {
    const keys = await scanKeys(session, this.#prefix, MAX_NODES);
    if (keys.length === 0) {
      return [];
    }
    const values = await session.send(["MGET", ...keys.slice(0, MAX_NODES)]);
    const reports = (Array.isArray(values) ? values : []).map(readReport);
    return reports
      .filter((report) => report !== undefined)
      .sort((a, b) => `${a.host} ${a.node}`.localeCompare(`${b.host} ${b.node}`));
  }
}

/** A report as it was written, of the known fields alone; `undefined` when it is none. */
function readReport(value: unknown): NodeReport | undefined {
  try {
    const { node, host, version, started, topics, sockets, clients, probe_ms } = JSON.parse(
      String(value),
    );
    const texts = [node, host, version, started];
    const counts = [topics, sockets, clients];
    const isReport =
      texts.every((text) => typeof text === "string") &&
      counts.every((count) => Number.isSafeInteger(count)) &&
      (probe_ms === null || typeof probe_ms === "number");
    return isReport
      ? { node, host, version, started, topics, sockets, clients, probe_ms }
      : undefined;
  } catch {
    return undefined;
  }
}
