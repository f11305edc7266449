import { deliverAll } from "../deliveries.ts";
import { number, range } from "../format.ts";
import { alternate, figures, makeStage, type Scenario } from "../scenario.ts";
import type { ServerKind } from "../servers.ts";
import type { Setup } from "../setup.ts";

const SOCKETS = 1_000;
const EVENTS = 3_000;
const QUICK_EVENTS = 1_000;
/** A service runs for days: its code is compiled and its buffers are grown when it counts. */
const WARM_UP_EVENTS = 300;
const PAYLOAD_BYTES = 200;
const GOAL_TIMES = 8;
/** The yardstick needs some 15 s on a small machine. */
const DEADLINE_MS = 120_000;
const NS_PER_SECOND = 1e9;
/** From here on the generator, not the server, may have set the pace. */
const BUSY = 0.9;

interface Sample {
  readonly deliveriesPerSecond: number;
  readonly publishesPerSecond: number;
  /** The part of one core that the subscribers' process used. */
  readonly generatorBusy: number;
}

async function once(setup: Setup, kind: ServerKind): Promise<Sample> {
  await using stage = await makeStage(setup, kind, SOCKETS);
  const { subscribers, publisher } = stage;
  const warmUp = { events: WARM_UP_EVENTS, payloadBytes: PAYLOAD_BYTES };
  await deliverAll(subscribers, warmUp, DEADLINE_MS, () => publisher.burst(warmUp, DEADLINE_MS));
  const batch = { events: setup.quick ? QUICK_EVENTS : EVENTS, payloadBytes: PAYLOAD_BYTES };
  const { counts, published } = await deliverAll(subscribers, batch, DEADLINE_MS, () =>
    publisher.burst(batch, DEADLINE_MS),
  );
  return {
    deliveriesPerSecond: (counts.total * NS_PER_SECOND) / (counts.at_ns - published.first_ns),
    publishesPerSecond: (batch.events * NS_PER_SECOND) / (published.last_ns - published.first_ns),
    generatorBusy: counts.cpu_us / counts.wall_us,
  };
}

/** Deliveries per second when one publisher sends as fast as it is answered. */
export const burst: Scenario = {
  name: "burst",
  about: "1,000 sockets, events as fast as one keep-alive publisher can send",
  async run(setup) {
    const samples = await alternate(setup, "burst", (kind) => once(setup, kind));
    const publishes = figures(samples, (sample) => sample.publishesPerSecond);
    const busy = figures(samples, (sample) => sample.generatorBusy);
    const notes = [
      `burst: the worker accepted ${range(publishes.worker, "per-second")} events; ` +
        `the subscribers' process used up to ${percent(busy.worker)} of a core with the worker, ` +
        `${percent(busy.yardstick)} with the yardstick`,
    ];
    if (Math.max(...busy.worker, ...busy.yardstick) > BUSY) {
      notes.push("burst: the load generator was all but busy; the server may do more than this");
    }
    return {
      measures: [
        {
          what: "1,000 sockets, back to back: deliveries",
          unit: "per-second",
          combine: "median",
          goal: { kind: "at-least-times-yardstick", value: GOAL_TIMES },
          ...figures(samples, (sample) => sample.deliveriesPerSecond),
        },
      ],
      notes,
    };
  },
};

function percent(parts: readonly number[]): string {
  return `${number(Math.max(...parts) * 100)} %`;
}
