/** The one place that leans on the bench: what a server has to do while it is looked at. */
import { Cleanup } from "../../bench/cleanup.ts";
import { worker } from "../../bench/contenders/worker.ts";
import { yardstick } from "../../bench/contenders/yardstick.ts";
import { deliverMeasured } from "../../bench/deliveries.ts";
import { makeStage, type Stage } from "../../bench/scenario.ts";
import { makeSetup } from "../../bench/setup.ts";

/** What is done. */
export const LOADS = ["burst", "paced", "storm"] as const;

/** One of {@link LOADS}. */
export type LoadName = (typeof LOADS)[number];

/** Whose profile is taken. */
export type Profiled = "worker" | "yardstick";

const CONTENDERS = { worker, yardstick };

const SOCKETS = 1_000;
const STORM_SOCKETS = 10_000;
const PAYLOAD_BYTES = 200;
const EVENTS_PER_SECOND = 50;
const PACED_EVENTS = 400;
/** As many deliveries a second as go: enough for some seconds, of the yardstick one. */
const BURST_EVENTS = { worker: 9_000, yardstick: 1_000 } as const;
/** So that it is not the compilers that are seen. */
const WARM_UP_EVENTS = 2_000;
const WARM_UP_SLOW_EVENTS = 300;
const DEADLINE_MS = 90_000;

/** Runs a load on a fresh server, after a warm-up; `during` takes the profile while it runs. */
export async function underLoad<T>(
  load: LoadName,
  kind: Profiled,
  target: "source" | "dist",
  during: (pid: number, work: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const cleanup = new Cleanup();
  try {
    const everything = { only: undefined, contenders: undefined, rounds: undefined };
    const options = { quick: true, ...everything, target };
    const setup = await makeSetup(options, cleanup, () => undefined);
    await using stage = await makeStage(setup, CONTENDERS[kind], load === "storm" ? 0 : SOCKETS);
    if (load === "storm") {
      return await during(stage.server.pid, async () => {
        await stage.subscribers.storm(STORM_SOCKETS, DEADLINE_MS);
      });
    }
    await burst(stage, kind === "worker" ? WARM_UP_EVENTS : WARM_UP_SLOW_EVENTS);
    const work = load === "paced" ? () => paced(stage) : () => burst(stage, BURST_EVENTS[kind]);
    return await during(stage.server.pid, work);
  } finally {
    await cleanup.run();
  }
}

async function paced(stage: Stage): Promise<void> {
  const batch = { events: PACED_EVENTS, payloadBytes: PAYLOAD_BYTES };
  await deliverMeasured(stage, batch, DEADLINE_MS, () =>
    stage.publisher.paced(EVENTS_PER_SECOND, batch, DEADLINE_MS),
  );
}

async function burst(stage: Stage, events: number): Promise<void> {
  const batch = { events, payloadBytes: PAYLOAD_BYTES };
  await deliverMeasured(stage, batch, DEADLINE_MS, () => stage.publisher.burst(batch, DEADLINE_MS));
}
