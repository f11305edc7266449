import { once as happens } from "node:events";
import { connect, type Socket } from "node:net";
import { createClient } from "redis";
import { within } from "../deadline.ts";
import type { LoadTarget } from "../load.ts";
import { type BenchRedis, startRedis } from "../redis.ts";
import { alternate, figures, type Scenario } from "../scenario.ts";
import { startServer } from "../servers.ts";
import type { Setup } from "../setup.ts";
import { median } from "../stats.ts";

/** One at a time, so that it is the way that is measured and not a queue. */
const EVENTS = 2_000;
const QUICK_EVENTS = 500;
/** See burst. */
const WARM_UP_EVENTS = 200;
const PAYLOAD = JSON.stringify("x".repeat(200));
const GOAL_TIMES = 1.5;
/** For one event; a thousand times what it takes. */
const PATIENCE_MS = 5_000;

/** Times `events` ways, one after the other; the median in milliseconds. */
async function medianWay(events: number, way: () => Promise<void>): Promise<number> {
  const samples: number[] = [];
  for (let event = 0; event < WARM_UP_EVENTS + events; event++) {
    const start = performance.now();
    await within(PATIENCE_MS, "an event to arrive", way());
    if (event >= WARM_UP_EVENTS) samples.push(performance.now() - start);
  }
  return median(samples);
}

/** Redis alone: `PUBLISH` on one connection to the message on another, by the worker's client. */
async function bareRedis(redis: BenchRedis, events: number): Promise<number> {
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
  return await medianWay(events, async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    arrived = resolve;
    await publisher.publish("bench", PAYLOAD);
    await promise;
  });
}

/** A browser on a node; `arrived` is called for each push. */
async function subscribe(target: LoadTarget, arrived: () => void): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${target.wsPort}/ws?topic=${target.topic}`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token: target.token }));
  socket.onclose = () => reject(new Error("the subscriber was closed"));
  socket.onmessage = ({ data }) => (data === '{"type":"auth_ok"}' ? resolve() : arrived());
  await within(PATIENCE_MS, "the subscriber to be let in", promise);
  return socket;
}

/** A publish as PHP's, over one connection that is kept. */
function publishRequest({ secret, topic }: LoadTarget): string {
  const body = `{"topic":"${topic}","payload":${PAYLOAD}}`;
  return (
    `POST /internal/publish HTTP/1.1\r\nHost: bench\r\nX-Worker-Secret: ${secret}\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

async function openApi(target: LoadTarget): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: target.httpPort, noDelay: true });
  await happens(socket, "connect");
  return socket;
}

/** Publish on one node to the frame at a browser on another. */
async function acrossNodes(setup: Setup, redis: BenchRedis, events: number): Promise<number> {
  await using near = await startServer(setup, "worker", redis.cluster);
  await using far = await startServer(setup, "worker", redis.cluster);
  let arrived: () => void = () => undefined;
  const browser = await subscribe(far.target, () => arrived());
  const api = await openApi(near.target);
  let answered: () => void = () => undefined;
  api.on("data", () => answered());
  const request = publishRequest(near.target);
  try {
    return await medianWay(events, async () => {
      const arrival = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<void>();
      arrived = arrival.resolve;
      answered = answer.resolve;
      api.write(request);
      await arrival.promise;
      await answer.promise;
    });
  } finally {
    browser.onclose = null;
    browser.close();
    api.destroy();
  }
}

/** From a publish on one node to its arrival on another. */
export const clusterLatency: Scenario = {
  name: "cluster-latency",
  about: "two nodes: publish on one to arrival on the other, beside a bare Redis round trip",
  async run(setup) {
    const events = setup.quick ? QUICK_EVENTS : EVENTS;
    await using redis = await startRedis(setup);
    const samples = await alternate(setup, "cluster-latency", (kind) =>
      kind === "worker" ? acrossNodes(setup, redis, events) : bareRedis(redis, events),
    );
    return {
      measures: [
        {
          what: "two nodes: publish to arrival (yardstick: bare Redis), median",
          unit: "milliseconds",
          combine: "median",
          goal: { kind: "at-most-times-yardstick", value: GOAL_TIMES },
          ...figures(samples, (sample) => sample),
        },
      ],
      notes: [
        "cluster-latency: the worker's way is HTTP, Redis' answer about the topic, the channel, " +
          "another process, its thread and a WebSocket; the yardstick's is the channel alone",
      ],
    };
  },
};
