import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { publishBody } from "../support/api.ts";
import { eventually } from "../support/changes.ts";
import { Listener } from "../support/cluster-listener.ts";
import {
  FOUND_WITHIN_MS,
  hasJoined,
  LOG,
  logLines,
  losesRedis,
  Nodes,
  nodeStatus,
  statusBecomes,
} from "../support/cluster-nodes.ts";
import { BOTH, TcpProxy } from "../support/cluster-proxy.ts";
import { freePort, RedisServer } from "../support/cluster-redis.ts";
import { testBesideOthers } from "../support/cluster-slots.ts";
import { SOURCE_RUN } from "../support/targets.ts";
import { LOOPBACK } from "../support/tcp-client.ts";
import { startWorker, type WorkerProcess } from "../support/worker.ts";

setDefaultTimeout(60_000);

const DAY_MS = 24 * 60 * 60_000;

/** A lookup's or publish's deadline (design: some 200 ms), and what a busy machine adds. */
const PATIENCE_MS = 200;
const MARGIN_MS = 150;

/** Counts in the published payloads, as they came. */
const counts = (frames: readonly string[]): number[] =>
  frames.map((frame) => Number(/^\{"type":"push","payload":(\d+)\}$/.exec(frame)?.[1]));

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function listen(worker: WorkerProcess, topic: string): Promise<Listener> {
  return await Listener.open({ topic, port: () => worker.ports.ws });
}

async function framesReach(listener: Listener, count: number): Promise<void> {
  await eventually(() => listener.frames.length >= count, `${count} frames`, 20_000);
}

/** Publishes the numbers from…to in order. */
async function publishRange(
  worker: WorkerProcess,
  topic: string,
  from: number,
  to: number,
): Promise<void> {
  for (const count of range(from, to)) {
    await worker.api.publish(topic, String(count));
  }
}

/** Answer's status and how long it took, in milliseconds. */
async function timedPublish(worker: WorkerProcess, topic: string) {
  const start = performance.now();
  const { status } = await worker.api.post("/internal/publish", publishBody(topic, "1"));
  return { status, ms: performance.now() - start };
}

describe("down at start", () => {
  /** How long a start takes without any Redis, in milliseconds. */
  const plainStart = async (): Promise<number> => {
    const start = performance.now();
    await using _ = await startWorker({ target: SOURCE_RUN });
    return performance.now() - start;
  };

  test("serves alone within a second, says so word for word, and joins by itself", async () => {
    const plainMs = await plainStart();
    const port = freePort();
    const start = performance.now();
    await using nodes = await Nodes.start({
      redis: `redis://user:hidden-word@${LOOPBACK}:${port}/0`,
      count: 1,
      waitsUntilUp: false,
    });
    expect(performance.now() - start - plainMs).toBeLessThan(1000);

    const worker = nodes.at(0);
    const told = worker.log.filter(({ msg }) => msg.startsWith(LOG.unavailable));
    expect(told.map(({ level }) => level)).toEqual(["warn"]);
    expect(told[0]?.msg.slice(LOG.unavailable.length)).not.toBe("");
    expect(await nodeStatus(worker)).toMatchObject({ redis: "down", cluster_nodes: -1 });

    const topic = await nodes.newTopic();
    using listener = await listen(worker, topic);
    await publishRange(worker, topic, 1, 10);
    await framesReach(listener, 10);
    expect(counts(listener.frames)).toEqual(range(1, 10));

    // An account for the URL above, so that nothing of it shows in the log when it works either.
    await using redis = await RedisServer.start({
      port,
      args: ["--user", "user", "on", ">hidden-word", "~*", "&*", "+@all"],
    });
    await hasJoined(worker, 1);
    await nodes.areUp();
    // Registered while alone: now in Redis, for a day less what has passed.
    const ttlMs = Number(await redis.once("PTTL", `wavelog:topic:${topic}`));
    expect(ttlMs).toBeGreaterThan(DAY_MS - 60_000);
    expect(ttlMs).toBeLessThanOrEqual(DAY_MS);
    expect(worker.stdout.text + worker.stderr.text).not.toContain("hidden-word");
    expect(worker.log.filter(({ msg }) => msg.startsWith(LOG.unavailable)).length).toBe(1);
  });

  test("a network that swallows everything at the start delays it by two seconds at most", async () => {
    const plainMs = await plainStart();
    await using redis = await RedisServer.start();
    using proxy = new TcpProxy(redis.port);
    proxy.cut(BOTH, "lose");
    const start = performance.now();
    await using nodes = await Nodes.start({ redis: proxy.url, count: 1, waitsUntilUp: false });
    expect(performance.now() - start - plainMs).toBeLessThan(3000);
    await nodes
      .at(0)
      .stdout.until((lines) => lines.find((line) => line.includes(LOG.unavailable)), "the warning");
    proxy.heal();
    await nodes.areUp();
  });

  test("Redis started last: what each has published alone reaches the others", async () => {
    const port = freePort();
    await using nodes = await Nodes.start({
      redis: `redis://${LOOPBACK}:${port}`,
      waitsUntilUp: false,
    });
    const topic = "cluster.started.last";
    const listeners: Listener[] = [];
    for (const worker of nodes.all) {
      await worker.api.register(topic, false);
      listeners.push(await listen(worker, topic));
    }
    await publishRange(nodes.at(0), topic, 1, 50);
    await publishRange(nodes.at(1), topic, 101, 150);
    await Promise.all(listeners.slice(0, 2).map((listener) => framesReach(listener, 50)));

    await using redis = await RedisServer.start({ port });
    await nodes.areUp();
    await Promise.all(listeners.map((listener) => framesReach(listener, 100)));
    await publishRange(nodes.at(2), topic, 201, 210);
    await Promise.all(listeners.map((listener) => framesReach(listener, 110)));
    for (const listener of listeners) {
      const seen = counts(listener.frames);
      expect(seen.filter((count) => count <= 100)).toEqual(range(1, 50));
      expect(seen.filter((count) => count > 100 && count <= 200)).toEqual(range(101, 150));
      expect(seen.filter((count) => count > 200)).toEqual(range(201, 210));
      listener[Symbol.dispose]();
    }
    expect(await redis.once("EXISTS", `wavelog:topic:${topic}`)).toBe(1);
  });
});

describe("deadlines", () => {
  testBesideOthers(
    "lookups and publishes wait for a frozen Redis once, and then not at all",
    async () => {
      await using redis = await RedisServer.start();
      await using nodes = await Nodes.start({ redis: redis.url });
      const topic = await nodes.newTopic();
      const worker = nodes.at(1);
      const healthy = await Promise.all(range(1, 20).map(() => timedPublish(worker, topic)));
      const healthyMs = Math.max(...healthy.map(({ ms }) => ms));

      const start = performance.now();
      redis.freeze();
      const together = await Promise.all(range(1, 20).map(() => timedPublish(worker, topic)));
      expect(together.map(({ status }) => status)).toEqual(range(1, 20).map(() => 200));
      const togetherMs = Math.max(...together.map(({ ms }) => ms));
      expect(togetherMs).toBeLessThan(healthyMs + PATIENCE_MS + MARGIN_MS);

      // Silent for so long already: nobody waits any more, though the connection still stands.
      expect(logLines(worker, LOG.lost)).toEqual([]);
      const after: number[] = [];
      for (let times = 0; times < 20; times += 1) {
        const { status, ms } = await timedPublish(worker, topic);
        expect(status).toBe(200);
        after.push(ms);
      }
      expect(after.sort((a, b) => a - b)[10]).toBeLessThan(healthyMs + 10);

      // Browsers' lookups, registrations and the status likewise; unknown stays unknown.
      const others = performance.now();
      using listener = await listen(worker, topic);
      await worker.api.register("cluster.frozen", false);
      await worker.api.publish("cluster.frozen", "1");
      await worker.api.unregister("cluster.frozen");
      const unknown = await worker.api.post("/internal/publish", publishBody("cluster.none", "1"));
      expect([unknown.status, unknown.body.trim()]).toEqual([404, "topic not registered"]);
      expect(await nodeStatus(worker)).toMatchObject({ cluster_nodes: -1 });
      expect(performance.now() - others).toBeLessThan(1500);
      expect(listener.hasGivenUp).toBe(false);

      const foundMs = await losesRedis(worker, 0, start);
      expect(foundMs).toBeLessThan(FOUND_WITHIN_MS);
      expect(await nodeStatus(worker)).toMatchObject({ redis: "down", cluster_nodes: -1 });
      redis.thaw();
      await nodes.areUp();
      process.stderr.write(
        `  frozen: slowest of 20 at once ${togetherMs.toFixed(0)} ms, then ${after[10]?.toFixed(1)} ms at the median; healthy at most ${healthyMs.toFixed(0)} ms; found after ${foundMs.toFixed(0)} ms\n`,
      );
    },
  );
});

describe("a pause too short to count as an outage", () => {
  /** Longer than a caller waits, shorter than it takes to give the connection up. */
  const PAUSE_MS = 1000;

  testBesideOthers("of several changes of a topic in it the last one holds", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url });
    const [api, other] = [nodes.at(0).api, nodes.at(1)];
    await api.register("cluster.paused.kept", false);
    const start = performance.now();
    redis.freeze();
    // The first is written and waits; the others come when nobody waits any more.
    await Promise.all([
      api.register("cluster.paused.removed", false),
      api.register("cluster.paused.closed", false),
      api.unregister("cluster.paused.kept"),
    ]);
    await api.unregister("cluster.paused.removed");
    await api.register("cluster.paused.closed", true);
    await api.register("cluster.paused.kept", false);
    await Bun.sleep(PAUSE_MS - (performance.now() - start));
    redis.thaw();

    const key = (name: string): string => `wavelog:topic:cluster.paused.${name}`;
    await eventually(
      async () => (await redis.once("GET", key("closed"))) === '{"require_token":true}',
      "the protected topic to be protected in Redis",
    );
    await eventually(
      async () => (await redis.once("EXISTS", key("removed"), key("kept"))) === 1,
      "the removed topic to be gone from Redis, and the other to be there",
    );
    await other.api.publish("cluster.paused.kept", "1");
    const gone = await other.api.post(
      "/internal/publish",
      publishBody("cluster.paused.removed", "1"),
    );
    expect(gone.status).toBe(404);
    using socket = await other.open("cluster.paused.closed");
    socket.sendAuth();
    expect(await socket.nextFrame()).toContain('"code":"auth_required"');
    expect(logLines(nodes.at(0), LOG.lost)).toEqual([]);
  });
});

describe("stopping", () => {
  for (const [how, away] of [
    ["is down", (redis: RedisServer) => redis.stop()],
    ["hangs", async (redis: RedisServer) => redis.freeze()],
  ] as const) {
    testBesideOthers(`takes no longer than it may while Redis ${how}`, async () => {
      await using redis = await RedisServer.start();
      await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
      const topic = await nodes.newTopic();
      await away(redis);
      await publishRange(nodes.at(0), topic, 1, 10);
      const start = performance.now();
      expect(await nodes.at(0).stop()).toBe(0);
      await losesRedis(nodes.at(1), 0, 0);
      await publishRange(nodes.at(1), topic, 1, 10);
      expect(await nodes.at(1).stop()).toBe(0);
      expect(performance.now() - start).toBeLessThan(FOUND_WITHIN_MS + 5000);
      for (const worker of nodes.all) {
        expect(worker.stderr.text).toBe("");
      }
    });
  }
});

describe("the outbox", () => {
  testBesideOthers("keeps events and sends them in order when Redis is back", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url });
    const topic = await nodes.newTopic();
    using listener = await listen(nodes.at(2), topic);
    await redis.stop();
    await Promise.all([
      publishRange(nodes.at(0), topic, 1, 1000),
      publishRange(nodes.at(1), topic, 1001, 2000),
    ]);
    await redis.start();
    await framesReach(listener, 2000);
    await publishRange(nodes.at(0), topic, 2001, 2001);
    await framesReach(listener, 2001);
    const seen = counts(listener.frames);
    expect(seen.filter((count) => count <= 1000)).toEqual(range(1, 1000));
    expect(seen.filter((count) => count > 1000 && count <= 2000)).toEqual(range(1001, 2000));
    const [told] = await nodes.at(0).logged(LOG.sent);
    expect(told?.["events"]).toBe(1000);
  });

  const OVERFLOW =
    "cluster: outbox is full or its events too old, oldest dropped; see cluster_outbox_events";

  testBesideOthers(
    "drops the oldest when there are too many, counts them and says so once",
    async () => {
      await using redis = await RedisServer.start();
      const config = { cluster_outbox_events: 100 };
      await using nodes = await Nodes.start({ redis: redis.url, config });
      const topic = await nodes.newTopic();
      using here = await listen(nodes.at(0), topic);
      using there = await listen(nodes.at(2), topic);
      await redis.stop();
      await publishRange(nodes.at(0), topic, 1, 350);
      // Local sockets get all of them at once.
      await framesReach(here, 350);
      await nodes.at(0).logged(OVERFLOW);
      await redis.start();
      await framesReach(there, 100);
      await publishRange(nodes.at(0), topic, 351, 360);
      await framesReach(there, 110);
      expect(counts(there.frames)).toEqual(range(251, 360));
      expect(counts(here.frames)).toEqual(range(1, 360));
      const told = logLines(nodes.at(0), OVERFLOW);
      expect(told.map(({ level }) => level)).toEqual(["error"]);
      expect(told[0]?.["dropped"]).toBeGreaterThan(0);
    },
  );

  testBesideOthers("drops the oldest when they take too many bytes", async () => {
    await using redis = await RedisServer.start();
    const config = { cluster_outbox_bytes: 1_048_576 };
    await using nodes = await Nodes.start({ redis: redis.url, config });
    const topic = await nodes.newTopic();
    using there = await listen(nodes.at(2), topic);
    await redis.stop();
    const filling = "x".repeat(100_000);
    for (const count of range(1, 30)) {
      await nodes.at(0).api.publish(topic, JSON.stringify({ count, filling }));
    }
    await nodes.at(0).logged(OVERFLOW);
    await redis.start();
    await nodes.areUp();
    await nodes.at(0).api.publish(topic, JSON.stringify({ count: 31, filling: "" }));
    await eventually(() => there.frames.at(-1)?.includes('"count":31'), "the last event");
    const seen = there.frames.map((frame) => Number(/"count":(\d+)/.exec(frame)?.[1]));
    // Ten of them fit into a mebibyte.
    expect(seen).toEqual(range(21, 31));
  });

  const AGE_MS = 3000;

  testBesideOthers("lets go what is too old to be of use", async () => {
    await using redis = await RedisServer.start();
    const config = { cluster_outbox_age: `${AGE_MS / 1000}s` };
    await using nodes = await Nodes.start({ redis: redis.url, config });
    const topic = await nodes.newTopic();
    using there = await listen(nodes.at(2), topic);
    await redis.stop();
    await publishRange(nodes.at(0), topic, 1, 20);
    // The age itself: when the first ones go is told, when the last ones do is not.
    await Bun.sleep(AGE_MS + 500);
    const [told] = await nodes.at(0).logged(OVERFLOW);
    expect(told?.["dropped"]).toBeGreaterThan(0);
    await redis.start();
    await publishRange(nodes.at(0), topic, 21, 30);
    await framesReach(there, 10);
    await nodes.areUp();
    await publishRange(nodes.at(0), topic, 31, 31);
    await framesReach(there, 11);
    expect(counts(there.frames)).toEqual(range(21, 31));
  });
});

describe("comes back empty", () => {
  testBesideOthers(
    "gets the registrations back with their remaining time, and removals are applied",
    async () => {
      await using redis = await RedisServer.start();
      const config = { topic_ttl: "60s" };
      await using nodes = await Nodes.start({ redis: redis.url, config });
      const kept = await nodes.newTopic();
      const protectedTopic = await nodes.newTopic(1);
      await nodes.at(1).api.register(protectedTopic, true);
      const removed = await nodes.newTopic(2);
      const registered = performance.now();
      // What every mirror knows now is what may come back.
      for (const worker of nodes.all) {
        for (const topic of [kept, protectedTopic, removed]) {
          await worker.api.publish(topic, "0");
        }
      }
      await redis.stop();
      await nodes.at(1).api.unregister(removed);
      await nodes.at(0).api.register("cluster.meanwhile", true);
      await Promise.all(nodes.all.map((worker) => losesRedis(worker, 0, 0)));
      await redis.start();
      await nodes.areUp();

      const passedMs = performance.now() - registered;
      const ttlMs = Number(await redis.once("PTTL", `wavelog:topic:${kept}`));
      expect(ttlMs).toBeGreaterThan(60_000 - passedMs - 3000);
      expect(ttlMs).toBeLessThan(60_000 - passedMs + 500);
      expect(await redis.once("GET", `wavelog:topic:${kept}`)).toBe('{"require_token":false}');
      expect(await redis.once("GET", `wavelog:topic:${protectedTopic}`)).toBe(
        '{"require_token":true}',
      );
      expect(await redis.once("GET", "wavelog:topic:cluster.meanwhile")).toBe(
        '{"require_token":true}',
      );
      // A worker that gave it back takes it away again when it hears of the removal.
      await eventually(
        async () => (await redis.once("EXISTS", `wavelog:topic:${removed}`)) === 0,
        "the removed topic to be gone",
      );
      for (const worker of nodes.all) {
        await worker.api.publish(kept, "1");
        await worker.api.publish("cluster.meanwhile", "1");
        const gone = await worker.api.post("/internal/publish", publishBody(removed, "1"));
        expect(gone.status).toBe(404);
      }
    },
  );

  testBesideOthers("many registrations come back, and many removals stay removals", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url });
    const topics = range(1, 3000).map((number) => `cluster.many.${number}`);
    for (let at = 0; at < topics.length; at += 50) {
      const page = topics.slice(at, at + 50);
      await Promise.all(page.map((topic) => nodes.at(0).api.register(topic, false)));
    }
    for (let round = 1; round <= 3; round += 1) {
      const removed = topics.splice(0, 600);
      await redis.stop();
      await Promise.all(nodes.all.map((worker) => losesRedis(worker, round - 1, 0)));
      for (let at = 0; at < removed.length; at += 50) {
        const page = removed.slice(at, at + 50);
        await Promise.all(page.map((topic) => nodes.at(1).api.unregister(topic)));
      }
      await redis.start();
      await Promise.all(nodes.all.map((worker) => hasJoined(worker, round + 1)));
      await nodes.areUp();
      // A worker that gave removed ones back takes them away again when it hears of the removals.
      await eventually(async () => {
        const keys = (await redis.once("KEYS", "wavelog:topic:*")) as readonly string[];
        return keys.length === topics.length;
      }, "the removed topics to be gone");
      // `worker.status` is the worker's own.
      for (const worker of nodes.all) {
        expect((await nodeStatus(worker)).registered_topics).toBe(topics.length + 1);
      }
    }
  });
});

describe("the catch-up log", () => {
  testBesideOthers("makes up for what a node has missed, and is bounded", async () => {
    await using redis = await RedisServer.start();
    using proxy = new TcpProxy(redis.port);
    await using nodes = await Nodes.start({ redis: [redis.url, redis.url, proxy.url] });
    const topic = await nodes.newTopic();
    using listener = await listen(nodes.at(2), topic);
    await publishRange(nodes.at(0), topic, 1, 10);
    await framesReach(listener, 10);

    proxy.cut(BOTH, "lose");
    await publishRange(nodes.at(0), topic, 11, 1500);
    await losesRedis(nodes.at(2), 0, 0);
    expect(listener.frames.length).toBe(10);
    proxy.heal();
    await framesReach(listener, 1500);
    await publishRange(nodes.at(0), topic, 1501, 1510);
    await framesReach(listener, 1510);
    expect(counts(listener.frames)).toEqual(range(1, 1510));
    const [told] = await nodes.at(2).logged(LOG.caughtUp);
    expect(told?.["events"]).toBe(1490);

    const length = Number(await redis.once("XLEN", "wavelog:log"));
    expect(length).toBeGreaterThanOrEqual(1510);
    await eventually(
      async () => Number(await redis.once("PTTL", "wavelog:log")) > 0,
      "the log to have an end",
    );
  });

  testBesideOthers("holds no more than its bound, however much is published", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url, count: 1 });
    const topic = await nodes.newTopic();
    const worker = nodes.at(0);
    for (let at = 0; at < 12_000; at += 100) {
      await Promise.all(range(1, 100).map(() => worker.api.publish(topic, "1")));
    }
    const length = Number(await redis.once("XLEN", "wavelog:log"));
    expect(length).toBeGreaterThanOrEqual(10_000);
    expect(length).toBeLessThan(10_500);
    const large = JSON.stringify("y".repeat(1_000_000));
    for (let count = 0; count < 100; count += 1) {
      await worker.api.publish(topic, large);
    }
    await eventually(
      async () => Number(await redis.once("MEMORY", "USAGE", "wavelog:log")) < 80 * 1024 * 1024,
      "the log to be trimmed by its bytes",
    );
  });
});

describe("cut between workers", () => {
  testBesideOthers("each side serves its own; on healing both catch up", async () => {
    await using redis = await RedisServer.start();
    using left = new TcpProxy(redis.port);
    using right = new TcpProxy(redis.port);
    await using nodes = await Nodes.start({ redis: [left.url, right.url, redis.url] });
    const topic = await nodes.newTopic();
    const [a, b, c] = [nodes.at(0), nodes.at(1), nodes.at(2)];
    using onA = await listen(a, topic);
    using onB = await listen(b, topic);
    using onC = await listen(c, topic);

    left.cut(BOTH, "lose");
    right.cut(BOTH, "lose");
    await Promise.all([losesRedis(a, 0, 0), losesRedis(b, 0, 0)]);
    expect((await nodeStatus(c)).redis).toBe("up");
    await publishRange(a, topic, 1, 100);
    await publishRange(b, topic, 101, 200);
    await publishRange(c, topic, 201, 300);
    await a.api.register("cluster.of.a", false);
    await Promise.all([onA, onB, onC].map((listener) => framesReach(listener, 100)));
    expect(counts(onA.frames)).toEqual(range(1, 100));
    expect(counts(onB.frames)).toEqual(range(101, 200));
    expect(counts(onC.frames)).toEqual(range(201, 300));

    left.heal();
    right.heal();
    await Promise.all([hasJoined(a, 2), hasJoined(b, 2)]);
    await Promise.all([onA, onB, onC].map((listener) => framesReach(listener, 300)));
    await publishRange(c, topic, 301, 301);
    await Promise.all([onA, onB, onC].map((listener) => framesReach(listener, 301)));
    for (const { frames } of [onA, onB, onC]) {
      const seen = counts(frames);
      expect(seen.filter((count) => count <= 100)).toEqual(range(1, 100));
      expect(seen.filter((count) => count > 100 && count <= 200)).toEqual(range(101, 200));
      expect(seen.filter((count) => count > 200)).toEqual(range(201, 301));
    }
    for (const worker of nodes.all) {
      await worker.api.publish("cluster.of.a", "1");
    }
    await statusBecomes(a, ({ cluster_nodes }) => cluster_nodes >= 3, "a cluster of three again");
  });
});
