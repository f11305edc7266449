import { type NodeReport, readNodeReport } from "../protocol/node-report.ts";
import { scanKeys } from "../redis/scan.ts";
import type { RedisSession } from "../redis/session.ts";

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
    const reports = await this.#get(session, keys.slice(0, MAX_NODES));
    return reports.sort((a, b) => `${a.host} ${a.node}`.localeCompare(`${b.host} ${b.node}`));
  }

  /** The reports of these nodes, as far as there are some. Rejects when the session is lost. */
  async read(session: RedisSession, nodes: readonly string[]): Promise<readonly NodeReport[]> {
    return this.#get(
      session,
      nodes.map((node) => this.#prefix + node),
    );
  }

  async #get(session: RedisSession, keys: readonly string[]): Promise<NodeReport[]> {
    if (keys.length === 0) {
      return [];
    }
    const values = await session.send(["MGET", ...keys]);
    const reports = (Array.isArray(values) ? values : []).map((value) =>
      typeof value === "string" ? readNodeReport(value) : undefined,
    );
    return reports.filter((report) => report !== undefined);
  }
}
