import type { NodeReport } from "../protocol/node-report.ts";
import type { TopicRow, TopicsMessage } from "./messages.ts";

/** Topics that a page gets; the others are counted. */
const MAX_TOPICS = 2000;

/** What the list is made from. */
export interface TopicListSources {
  readonly registered: readonly string[];
  /** Sockets of each topic on this node. */
  readonly here: ReadonlyMap<string, number>;
  /** Of the other nodes that are there. */
  readonly others: readonly NodeReport[];
}

/** Topics that are registered or watched, those with the most sockets first. */
export function makeTopicList({ registered, here, others }: TopicListSources): TopicsMessage {
  const everywhere = new Map(here);
  for (const { watchers = [] } of others) {
    for (const [topic, sockets] of watchers) {
      everywhere.set(topic, (everywhere.get(topic) ?? 0) + sockets);
    }
  }
  const known = new Set(registered);
  const all = new Set([...known, ...everywhere.keys()]);
  const rows = [...all].map((topic): TopicRow => {
    return [topic, here.get(topic) ?? 0, everywhere.get(topic) ?? 0, known.has(topic)];
  });
  rows.sort(([a, , some], [b, , more]) => more - some || (a < b ? -1 : 1));
  return {
    type: "topics",
    topics: rows.slice(0, MAX_TOPICS),
    left_out: Math.max(0, rows.length - MAX_TOPICS),
    is_partial: others.some(isPartial),
  };
}

/** Whether a node has more topics with sockets than it tells of, or does not tell at all. */
function isPartial({ sockets, active_topics = 0, watchers }: NodeReport): boolean {
  return watchers === undefined ? sockets > 0 : active_topics > watchers.length;
}
