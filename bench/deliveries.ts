import type { Batch, Counts, Published, RoundTrips } from "./load.ts";
import type { Effort, Stage } from "./scenario.ts";

/** A delivery made twice would follow the first at once, within so many milliseconds. */
export const SURPLUS_MS = 200;

function describe(counts: Counts): string {
  const got = `${counts.wanted} wanted by ${counts.sockets} sockets, ${counts.total} counted`;
  const rest = `${counts.missed} missing, ${counts.repeated} repeated or out of order`;
  const worse = `${counts.lost} sockets cut off, ${counts.bad} wrong frames`;
  return `deliveries wrong: ${got}, ${rest}, ${worse}. ${counts.reason}`.trim();
}

/** Throws when not every subscriber has got exactly its topic's events, each once and in order. */
export function assertExact(counts: Counts): void {
  if (!counts.ok || counts.missed > 0) throw new Error(describe(counts));
}

/** What a batch cost. */
export interface Cost<T> {
  readonly counts: Counts;
  readonly published: T;
  /** CPU time of the server, in microseconds. */
  readonly serverUs: number;
  readonly effort: Effort;
}

/**
 * Publishes through `publish` and waits until every subscriber has got exactly that, each event
 * once and in order. Throws when it is not so within `deadlineMs`.
 */
export async function deliverMeasured<T extends Published | RoundTrips>(
  stage: Stage,
  batch: Batch,
  deadlineMs: number,
  publish: () => Promise<T>,
): Promise<Cost<T>> {
  const { server, subscribers } = stage;
  await subscribers.reset(batch);
  const before = server.cpuUs();
  const expected = subscribers.expect(deadlineMs);
  const [counts, published] = await Promise.all([expected, publish()]);
  const serverUs = server.cpuUs() - before;
  assertExact(counts);
  await Bun.sleep(SURPLUS_MS);
  assertExact(await subscribers.report());
  const generator = (counts.cpu_us + published.cpu_us) / counts.wall_us;
  return { counts, published, serverUs, effort: { server: serverUs / counts.wall_us, generator } };
}
