import { onlyThese } from "../cluster.ts";
import type { Contender } from "../contenders/contender.ts";
import { worker } from "../contenders/worker.ts";
import { startRedis } from "../redis.ts";
import type { Row } from "../report/types.ts";
import { type Bench, cells, makeStage, type Scenario, type Stage, takeTurns } from "../scenario.ts";

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
async function medianPublish(bench: Bench, { publisher }: Stage): Promise<number> {
  const publish = (events: number) => {
    const batch = { events, payloadBytes: PAYLOAD_BYTES };
    return publisher.php(EVENTS_PER_SECOND, batch, PHP_PATIENCE_MS);
  };
  await publish(WARM_UP_EVENTS);
  return (await publish(bench.quick ? QUICK_EVENTS : EVENTS)).median_ms;
}

async function alone(bench: Bench): Promise<Sample> {
  await using stage = await makeStage(bench.setup, worker, 0);
  const up = await medianPublish(bench, stage);
  // Measured again, as the other is, so that both have run equally long.
  return { up, frozen: await medianPublish(bench, stage) };
}

async function withRedis(bench: Bench, contender: Contender): Promise<Sample> {
  await using redis = await startRedis(bench.setup);
  await using stage = await makeStage(bench.setup, contender, 0, { cluster: redis.cluster });
  const up = await medianPublish(bench, stage);
  redis.freeze();
  try {
    // No condition to wait for: that it has been found out is what the figure then shows.
    await Bun.sleep(FOUND_OUT_MS);
    return { up, frozen: await medianPublish(bench, stage) };
  } finally {
    redis.thaw();
  }
}

/** What Redis costs PHP. */
export const clusterPublish: Scenario = {
  name: "cluster-publish",
  about: "the worker's publish round trip with Redis, and with a frozen one, beside one without",
  slow: true,
  async run(bench) {
    const two = onlyThese(bench, ["worker", "yardstick"]);
    const turns = await takeTurns(two, { name: "cluster-publish" }, (contender) =>
      contender.name === "yardstick" ? alone(bench) : withRedis(bench, contender),
    );
    const row = (id: keyof Sample, what: string, goal: number): Row => ({
      id: `cluster-publish.${id}`,
      what,
      unit: "milliseconds",
      better: "less",
      combine: "median",
      reference: "worker without Redis",
      cells: cells(turns, (sample) => sample[id]),
      goals: [{ kind: "over-yardstick-at-most", value: goal }],
    });
    return {
      rows: [
        row("up", "publish round trip with Redis, median", GOAL_UP_MS),
        row("frozen", "publish round trip with Redis frozen, median", GOAL_AWAY_MS),
      ],
    };
  },
};
