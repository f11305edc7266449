import { createClient } from "redis";
import { Browser, Publisher } from "../client.ts";
import { cannotClusterUnlessReference, startNodes } from "../cluster.ts";
import type { Contender } from "../contenders/contender.ts";
import { within } from "../deadline.ts";
import { type BenchRedis, startRedis } from "../redis.ts";
import { type Bench, cells, type Scenario, takeTurns } from "../scenario.ts";
import { median, p99 } from "../stats.ts";

/** One at a time, so that it is the way that is measured and not a queue. */
const EVENTS = 2_000;
const QUICK_EVENTS = 500;
/** See burst. */
const WARM_UP_EVENTS = 200;
const PAYLOAD = JSON.stringify("x".repeat(200));
/** For one event; a thousand times what it takes. */
const PATIENCE_MS = 5_000;
/** Until a first event arrives: a subscription in Redis takes a moment. */
const JOIN_TRIES = 20;
const TRY_MS = 500;

/** How long the way took, in milliseconds. */
interface Ways {
  readonly median: number;
  readonly p99: number;
}

/** Times `events` ways, one after the other. */
async function timeWays(events: number, way: () => Promise<void>): Promise<Ways> {
  const samples: number[] = [];
  for (let event = 0; event < WARM_UP_EVENTS + events; event++) {
    const start = performance.now();
    await within(PATIENCE_MS, "an event to arrive", way());
    if (event >= WARM_UP_EVENTS) samples.push(performance.now() - start);
  }
  return { median: median(samples), p99: p99(samples) };
}

/** Redis alone: `PUBLISH` on one connection to the message on another, by the worker's client. */
async function bareRedis(redis: BenchRedis, events: number): Promise<Ways> {
  const options = { url: redis.cluster.redisUrl, RESP: 2 } as const;
  using stack = new DisposableStack();
  const open = async () => {
    const client = createClient(options);
    client.on("error", () => undefined);
    stack.defer(() => client.destroy());
    return await client.connect();
  };
  const publisher = await open();
  const subscriber = await open();
  let arrived: () => void = () => undefined;
  await subscriber.subscribe("bench", () => arrived());
  return await timeWays(events, async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    arrived = resolve;
    await publisher.publish("bench", PAYLOAD);
    await promise;
  });
}

/** Publish on one node to the frame at a browser on another. */
async function acrossNodes(
  bench: Bench,
  contender: Contender,
  redis: BenchRedis,
  events: number,
): Promise<Ways> {
  await using stack = new AsyncDisposableStack();
  const [near, far] = await startNodes(bench.setup, contender, redis, 2, stack);
  const topic = near?.topics[0];
  if (near === undefined || far === undefined || topic === undefined) throw new Error("no nodes");
  using browser = await Browser.subscribe(far.launch, topic);
  using publisher = await Publisher.open(near.launch, topic);
  const request = publisher.request(PAYLOAD);
  const way = async () => {
    const arrival = Promise.withResolvers<void>();
    browser.onPayload = (payload) =>
      payload === PAYLOAD
        ? arrival.resolve()
        : arrival.reject(new Error(`a wrong payload arrived: ${payload.slice(0, 100)}`));
    await Promise.all([publisher.publish(request), arrival.promise]);
  };
  await joined(way);
  return await timeWays(events, way);
}

/** Publishes until an event arrives. Throws, with the last reason, when none does. */
async function joined(way: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await within(TRY_MS, "a first event to arrive at the other node", way());
    } catch (error) {
      if (attempt === JOIN_TRIES) throw error;
    }
  }
}

/** From a publish on one node to its arrival on another. */
export const clusterLatency: Scenario = {
  name: "cluster-latency",
  about: "two nodes: publish on one to arrival on the other, beside a bare Redis round trip",
  async run(bench) {
    const events = bench.quick ? QUICK_EVENTS : EVENTS;
    const turns = await takeTurns(
      bench,
      { name: "cluster-latency", cannot: cannotClusterUnlessReference },
      async (contender) => {
        await using redis = await startRedis(bench.setup);
        return contender.name === "yardstick"
          ? await bareRedis(redis, events)
          : await acrossNodes(bench, contender, redis, events);
      },
    );
    return {
      rows: [
        {
          id: "cluster-latency.median",
          what: "two nodes, one event at a time: publish on one to arrival on the other, median",
          unit: "milliseconds",
          better: "less",
          combine: "median",
          reference: "bare Redis",
          cells: cells(turns, (sample) => sample.median),
          goals: [{ kind: "times-yardstick", atMost: 1.5 }],
        },
        {
          id: "cluster-latency.p99",
          what: "the same, p99",
          unit: "milliseconds",
          better: "less",
          combine: "median",
          reference: "bare Redis",
          cells: cells(turns, (sample) => sample.p99),
          goals: [],
        },
      ],
      notes: [
        "cluster-latency: a server's way is HTTP, the channel, another process and a WebSocket " +
          "(the worker's also Redis' answer about the topic); bare Redis is the channel alone",
      ],
    };
  },
};
