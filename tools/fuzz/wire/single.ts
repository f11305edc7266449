import type { Target as Program } from "../../../test/support/targets.ts";
import { Witness } from "../../../test/support/witness.ts";
import { startWorker, type WorkerProcess } from "../../../test/support/worker.ts";
import { Arena } from "./arena.ts";

/** Cases register topics of their own; that they may be too many is no finding. */
const MAX_TOPICS = 10_000_000;

/** One worker without Redis, two gateway threads, and witnesses. */
export async function openSingle(
  target: Program,
): Promise<{ arena: Arena; worker: WorkerProcess }> {
  await using scope = new AsyncDisposableStack();
  const config = { gateway_threads: 2, max_topics: MAX_TOPICS };
  const worker = scope.use(await startWorker({ target, config }));
  const witnesses = [await Witness.start(worker)];
  return { worker, arena: new Arena([worker], witnesses, scope.move()) };
}
