import type { Batch, Counts, Load } from "./load.ts";

/** A delivery made twice would follow the first at once. */
const SURPLUS_MS = 200;

function describe(counts: Counts, batch: Batch): string {
  const wanted = `${batch.events} for each of ${counts.sockets} sockets`;
  const got = `${counts.least} to ${counts.most}, ${counts.total} in all`;
  const rest = `${counts.lost} sockets cut off, ${counts.bad} wrong frames`;
  return `deliveries wrong: ${wanted} wanted, ${got} counted, ${rest}. ${counts.reason}`.trim();
}

/** Throws when not every subscriber has got exactly the batch, each event once and in order. */
export function assertExact(counts: Counts, batch: Batch): void {
  const exact = counts.least === batch.events && counts.most === batch.events;
  if (!exact || !counts.ok) throw new Error(describe(counts, batch));
}

/**
 * Publishes through `publish` and waits until every subscriber has got exactly that, each event
 * once and in order. Throws when it is not so within `deadlineMs`.
 */
export async function deliverAll<T>(
  subscribers: Load,
  batch: Batch,
  deadlineMs: number,
  publish: () => Promise<T>,
): Promise<{ counts: Counts; published: T }> {
  await subscribers.reset(batch);
  const expected = subscribers.expect(batch.events, deadlineMs);
  const [counts, published] = await Promise.all([expected, publish()]);
  assertExact(counts, batch);
  await Bun.sleep(SURPLUS_MS);
  assertExact(await subscribers.report(), batch);
  return { counts, published };
}
