import { deliverAll } from "../deliveries.ts";
import { range } from "../format.ts";
import { cpuMicroseconds } from "../proc.ts";
import { alternate, figures, makeStage, type Scenario } from "../scenario.ts";
import type { ServerKind } from "../servers.ts";
import type { Setup } from "../setup.ts";

const SOCKETS = 1_000;
const EVENTS_PER_SECOND = 50;
/** 8 s; the kernel's steps of 10 ms are then half a percent of what is measured. */
const EVENTS = 400;
const QUICK_EVENTS = 150;
/** See burst; 2 s at the pace that is measured. */
const WARM_UP_EVENTS = 100;
const PAYLOAD_BYTES = 200;
const GOAL_TIMES = 1.3;
const DEADLINE_MS = 60_000;

interface Sample {
  readonly cpuPerDelivery: number;
  /** The most the publisher lagged behind its pace, in milliseconds. */
  readonly behindMs: number;
}

async function once(setup: Setup, kind: ServerKind): Promise<Sample> {
  await using stage = await makeStage(setup, kind, SOCKETS);
  const { server, subscribers, publisher } = stage;
  const deliver = (events: number) => {
    const batch = { events, payloadBytes: PAYLOAD_BYTES };
    return deliverAll(subscribers, batch, DEADLINE_MS, () =>
      publisher.paced(EVENTS_PER_SECOND, batch, DEADLINE_MS),
    );
  };
  await deliver(WARM_UP_EVENTS);
  const before = cpuMicroseconds(server.pid, setup.clockTicks);
  const { counts, published } = await deliver(setup.quick ? QUICK_EVENTS : EVENTS);
  const used = cpuMicroseconds(server.pid, setup.clockTicks) - before;
  return { cpuPerDelivery: used / counts.total, behindMs: published.behind_ms };
}

/** What a delivery costs when there is no haste. */
export const paced: Scenario = {
  name: "paced",
  about: "1,000 sockets, 50 events/s: processor time per delivery",
  async run(setup) {
    const samples = await alternate(setup, "paced", (kind) => once(setup, kind));
    const behind = figures(samples, (sample) => sample.behindMs);
    return {
      measures: [
        {
          what: "1,000 sockets, 50 events/s: CPU per delivery",
          unit: "microseconds",
          combine: "median",
          goal: { kind: "at-most-times-yardstick", value: GOAL_TIMES },
          ...figures(samples, (sample) => sample.cpuPerDelivery),
        },
      ],
      notes: [
        "paced: the publisher lagged behind its pace by at most " +
          `${range(behind.worker, "milliseconds")} with the worker, ` +
          `${range(behind.yardstick, "milliseconds")} with the yardstick`,
      ],
    };
  },
};
