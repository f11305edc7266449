import type { Family } from "../../src/observability/metrics/metric-set.ts";
import { Metrics } from "../../src/observability/metrics/metrics.ts";
import { metricSources, seriesOf } from "../../src/observability/metrics/testing.ts";
import type { WorkerProcess } from "./worker.ts";

/** Every metric that a worker has, in a cluster or not. */
export function metricFamilies(): readonly Family[] {
  return new Metrics(metricSources()).families;
}

/** What a worker tells at this moment: series by name and labels. */
export async function scrape(worker: WorkerProcess): Promise<ReadonlyMap<string, number>> {
  const answer = await worker.api.get("/internal/metrics");
  if (answer.status !== 200) {
    throw new Error(`metrics: ${answer.status} ${answer.body}`);
  }
  return seriesOf(answer.body);
}
