import { range } from "../format.ts";
import { memory } from "../proc.ts";
import { alternate, figures, makeStage, type Scenario } from "../scenario.ts";
import type { ServerKind } from "../servers.ts";
import type { Setup } from "../setup.ts";

const SOCKETS = 10_000;
/** 100 MB of 1,000,000 bytes. */
const GOAL_BYTES = 100_000_000;
/** Time for what the handshakes left behind to be collected, as it would be any day. */
const SETTLE_MS = 5_000;
const QUICK_SETTLE_MS = 2_000;

async function once(setup: Setup, kind: ServerKind) {
  await using stage = await makeStage(setup, kind, SOCKETS);
  await Bun.sleep(setup.quick ? QUICK_SETTLE_MS : SETTLE_MS);
  const used = memory(stage.server.pid);
  const counts = await stage.subscribers.report();
  if (!counts.ok) throw new Error(`${counts.lost} idle sockets were cut off: ${counts.reason}`);
  return used;
}

/** What authenticated sockets that nothing is sent to cost in memory. */
export const idleMemory: Scenario = {
  name: "idle-memory",
  about: "10,000 authenticated idle sockets: memory of the whole process",
  async run(setup) {
    const samples = await alternate(setup, "idle-memory", (kind) => once(setup, kind));
    const shared = figures(samples, (sample) => sample.pss);
    return {
      measures: [
        {
          what: "10,000 idle sockets: resident memory",
          unit: "bytes",
          combine: "median",
          goal: { kind: "worker-at-most", value: GOAL_BYTES },
          ...figures(samples, (sample) => sample.rss),
        },
      ],
      notes: [
        `idle-memory: Rss is shown; the worker's Pss is ${range(shared.worker, "bytes")}. ` +
          "1 MB = 1,000,000 bytes",
      ],
    };
  },
};
