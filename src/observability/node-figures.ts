import type { Incident } from "../protocol/incident.ts";
import {
  MAX_REPORTED_INCIDENTS,
  MAX_REPORTED_TOPICS,
  type NodeDetails,
} from "../protocol/node-report.ts";
import type { Readiness } from "../protocol/readiness.ts";
import type { EventListener } from "./events.ts";
import type { Figures } from "./history.ts";
import { Rates } from "./rates.ts";

/** Longest list of topics in a report, in UTF-16 units of JSON: reports go through Redis. */
const MAX_TOPICS_LENGTH = 64 * 1024;

/** Where a node's figures come from. */
export interface NodeFiguresSources {
  readonly readiness: () => Readiness;
  readonly headcount: () => { readonly sockets: number; readonly activeTopics: number };
  readonly threads: () => readonly {
    readonly lagMs: number;
    readonly report: { readonly deliveries: number };
  }[];
  /** The last probe through Redis and back, in milliseconds. */
  readonly probeMs: () => number | undefined;
  readonly closes: () => Readonly<Record<string, number>>;
  readonly refusals: () => Readonly<Record<string, number>>;
  readonly incidents: () => readonly Incident[];
  readonly watchers: () => ReadonlyMap<string, number>;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Unix time in milliseconds. */
  readonly wallClock: () => number;
}

/** What this node says of itself: each second to the charts, every few seconds to the other nodes. */
export class NodeFigures implements EventListener {
  readonly #sources: NodeFiguresSources;
  readonly #rates = new Rates();
  #publishes = 0;
  #lastPublishAt: number | undefined;

  constructor(sources: NodeFiguresSources) {
    this.#sources = sources;
  }

  published(): void {
    this.#publishes += 1;
    this.#lastPublishAt = this.#sources.wallClock();
  }

  /** To be called once a second. */
  tick(): void {
    const { threads, now } = this.#sources;
    const deliveries = threads().reduce((sum, { report }) => sum + report.deliveries, 0);
    this.#rates.add(now(), { publishes: this.#publishes, deliveries });
  }

  /** For the charts; rates are over the last seconds, as those of the others are. */
  figures(): Figures {
    const { headcount, probeMs } = this.#sources;
    const { publishes, deliveries } = this.#rates.recent;
    const { sockets } = headcount();
    return { sockets, publishes, deliveries, lag: this.#lagMs(), redis: probeMs() ?? null };
  }

  /** For a report; rates are over the last seconds. */
  details(): NodeDetails {
    const { readiness, headcount, closes, refusals, incidents, watchers } = this.#sources;
    const { publishes, deliveries } = this.#rates.recent;
    return {
      state: readiness(),
      active_topics: headcount().activeTopics,
      publishes_per_s: publishes,
      deliveries_per_s: deliveries,
      lag_ms: Math.round(this.#lagMs() * 100) / 100,
      last_publish:
        this.#lastPublishAt === undefined ? null : new Date(this.#lastPublishAt).toISOString(),
      disconnects: closes(),
      refusals: refusals(),
      incidents: incidents().slice(0, MAX_REPORTED_INCIDENTS),
      watchers: upTo(MAX_TOPICS_LENGTH, mostWatched(watchers(), MAX_REPORTED_TOPICS)),
    };
  }

  /** Of the slowest thread. */
  #lagMs(): number {
    return Math.max(0, ...this.#sources.threads().map(({ lagMs }) => lagMs));
  }
}

/** The topics with the most sockets, those first; by name where it is the same. */
export function mostWatched(
  watchers: ReadonlyMap<string, number>,
  most: number,
): readonly (readonly [topic: string, sockets: number])[] {
  const least = watchers.size > most ? leastOf(watchers, most) : 0;
  return [...watchers]
    .filter(([, sockets]) => sockets >= least)
    .sort(([a, some], [b, others]) => others - some || (a < b ? -1 : 1))
    .slice(0, most);
}

/** How many sockets a topic has at least that is among the first; finds it without sorting names. */
function leastOf(watchers: ReadonlyMap<string, number>, most: number): number {
  const counts = Float64Array.from(watchers.values()).sort();
  return counts[counts.length - most] ?? 0;
}

/** As many of the rows, from the first on, as fit into so much JSON. */
function upTo<Row>(most: number, rows: readonly Row[]): readonly Row[] {
  let length = 0;
  const end = rows.findIndex((row) => {
    length += JSON.stringify(row).length + 1;
    return length > most;
  });
  return end < 0 ? rows : rows.slice(0, end);
}
