import { Load, type LoadTarget } from "../load.ts";
import type { Measure } from "../measure.ts";
import { startRedis } from "../redis.ts";
import { alternate, figures, type Samples, type Scenario } from "../scenario.ts";
import { startServer } from "../servers.ts";
import type { Setup } from "../setup.ts";

const EVENTS_PER_SECOND = 200;
const EVENTS = 1_000;
const QUICK_EVENTS = 300;
/** See burst. */
const WARM_UP_EVENTS = 200;
const PAYLOAD_BYTES = 200;
/** What Wavelog's PHP waits for a whole call. */
const PHP_PATIENCE_MS = 1_000;
/** What Redis may add to the median while it is there. */
const GOAL_UP_MS = 1;
/** What it may add once it is known to be away: nothing but noise. */
const GOAL_AWAY_MS = 0.2;
/** Until a Redis that hangs has been found out, for certain (docs/clustering.md: 5 s). */
const FOUND_OUT_MS = 6_000;

/** Median round trips of a publish, in milliseconds. */
interface Sample {
  readonly up: number;
  readonly frozen: number;
}

/** The median round trip of publishes over new connections. */
async function medianPublish(setup: Setup, target: LoadTarget): Promise<number> {
  const { load } = await Load.start(setup.programs.load, setup.cleanup);
  await using publisher = load;
  publisher.aim(target);
  const publish = (events: number) => {
    const batch = { events, payloadBytes: PAYLOAD_BYTES };
    return publisher.php(EVENTS_PER_SECOND, batch, PHP_PATIENCE_MS);
  };
  await publish(WARM_UP_EVENTS);
  return (await publish(setup.quick ? QUICK_EVENTS : EVENTS)).median_ms;
}

async function alone(setup: Setup): Promise<Sample> {
  await using server = await startServer(setup, "worker");
  const up = await medianPublish(setup, server.target);
  // Measured again, as the other is, so that both have run equally long.
  return { up, frozen: await medianPublish(setup, server.target) };
}

async function withRedis(setup: Setup): Promise<Sample> {
  await using redis = await startRedis(setup);
  await using server = await startServer(setup, "worker", redis.cluster);
  const up = await medianPublish(setup, server.target);
  redis.freeze();
  try {
    await Bun.sleep(FOUND_OUT_MS);
    return { up, frozen: await medianPublish(setup, server.target) };
  } finally {
    redis.thaw();
  }
}

function measure(
  what: string,
  goal: number,
  samples: Samples<Sample>,
  take: (sample: Sample) => number,
): Measure {
  return {
    what,
    unit: "milliseconds",
    combine: "median",
    goal: { kind: "at-most-over-yardstick", value: goal },
    ...figures(samples, take),
  };
}

/** What Redis costs PHP. */
export const clusterPublish: Scenario = {
  name: "cluster-publish",
  about: "publish round trip with Redis, and with a frozen one, beside a worker without",
  async run(setup) {
    const samples = await alternate(setup, "cluster-publish", (kind) =>
      kind === "worker" ? withRedis(setup) : alone(setup),
    );
    return {
      measures: [
        measure(
          "publish with Redis (yardstick: without), median",
          GOAL_UP_MS,
          samples,
          (s) => s.up,
        ),
        measure("publish with Redis frozen, median", GOAL_AWAY_MS, samples, (s) => s.frozen),
      ],
      notes: ["cluster-publish: the yardstick of these rows is a worker without Redis"],
    };
  },
};
