import { REFUSAL_CAUSES, type RefusalCause } from "../../protocol/socket-event.ts";
import type { MetricSources } from "./metrics.ts";

const NO_REFUSALS = Object.fromEntries(REFUSAL_CAUSES.map((cause) => [cause, 0])) as Record<
  RefusalCause,
  number
>;

/** For tests: sources of a worker in a cluster that has just started, with some of them replaced. */
export function metricSources(changes: Partial<MetricSources> = {}): MetricSources {
  return {
    worker: {
      version: "1.0.0+1a2b3c4",
      readiness: () => "ready",
      topics: { count: async () => 1 },
      activeTopics: () => 0,
    },
    sockets: {
      headcount: () => ({ sockets: 0, clients: 0 }),
      held: () => ({ connections: 0, pending: 0 }),
      refusals: () => NO_REFUSALS,
      slowReaders: () => 0,
      acceptPauses: () => 0,
    },
    threads: { threads: () => [], threadCount: 2, mainCpuSeconds: () => 0 },
    process: { openFiles: () => 20, fileLimit: 1024 },
    cluster: {
      redis: () => "up",
      nodes: () => 2,
      outbox: () => ({ events: 0, bytes: 0, dropped: 0 }),
      sent: () => 0,
    },
    now: () => performance.now(),
    ...changes,
  };
}

/** Series of a text in Prometheus' format: each one's name and labels, as they stand, and value. */
export function seriesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
