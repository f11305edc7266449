import { deliverAll } from "../deliveries.ts";
import { range } from "../format.ts";
import { alternate, figures, makeStage, type Scenario } from "../scenario.ts";
import type { ServerKind } from "../servers.ts";
import type { Setup } from "../setup.ts";

const SOCKETS = 10_000;
const EVENTS_PER_SECOND = 4;
/** 15 s. Of 60 samples the 99th percentile is the slowest one. */
const EVENTS = 60;
const QUICK_EVENTS = 24;
/** See burst; 2 s at the pace that is measured. */
const WARM_UP_EVENTS = 8;
const PAYLOAD_BYTES = 200;
/** What Wavelog's PHP waits for a whole call. */
const PHP_PATIENCE_MS = 1_000;
const GOAL_MS = 10;
const DEADLINE_MS = 60_000;

async function once(setup: Setup, kind: ServerKind) {
  await using stage = await makeStage(setup, kind, SOCKETS);
  const { subscribers, publisher } = stage;
  const deliver = (events: number) => {
    const batch = { events, payloadBytes: PAYLOAD_BYTES };
    return deliverAll(subscribers, batch, DEADLINE_MS, () =>
      publisher.php(EVENTS_PER_SECOND, batch, PHP_PATIENCE_MS),
    );
  };
  await deliver(WARM_UP_EVENTS);
  const { published } = await deliver(setup.quick ? QUICK_EVENTS : EVENTS);
  return published;
}

/** How long PHP waits for its answer while many sockets are served. */
export const roundTrip: Scenario = {
  name: "round-trip",
  about: "10,000 sockets, 4 events/s, each over a new connection: time until answered",
  async run(setup) {
    const samples = await alternate(setup, "round-trip", (kind) => once(setup, kind));
    const middle = figures(samples, (sample) => sample.median_ms);
    const most = figures(samples, (sample) => sample.max_ms);
    return {
      measures: [
        {
          what: "10,000 sockets, 4 events/s: publish round trip, p99",
          unit: "milliseconds",
          combine: "median",
          goal: { kind: "worker-at-most", value: GOAL_MS },
          ...figures(samples, (sample) => sample.p99_ms),
        },
      ],
      notes: [
        `round-trip: worker median ${range(middle.worker, "milliseconds")}, slowest ` +
          `${range(most.worker, "milliseconds")}; the yardstick answers before it delivers`,
      ],
    };
  },
};
