import { describe, expect } from "bun:test";
import { Ledger, report, type Verdict } from "../support/cluster-ledger.ts";
import {
  FOUND_WITHIN_MS,
  hasJoined,
  LOG,
  logLines,
  losesRedis,
  Nodes,
} from "../support/cluster-nodes.ts";
import { BOTH, type CutMode, type Direction, TcpProxy } from "../support/cluster-proxy.ts";
import { RedisServer } from "../support/cluster-redis.ts";
import { encodeCommand } from "../support/cluster-redis-client.ts";
import { testBesideOthers } from "../support/cluster-slots.ts";

const CLIENTS = 2;
const LANES = 2;
const RATE = 10;
const SLOWEST_MS = 500;
const CHANNEL = "wavelog:events";

/** Three nodes of which the last one reaches Redis through a network of its own. */
class CutCluster implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly proxy: TcpProxy;
  readonly nodes: Nodes;
  readonly ledger: Ledger;

  private constructor(redis: RedisServer, proxy: TcpProxy, nodes: Nodes, ledger: Ledger) {
    this.redis = redis;
    this.proxy = proxy;
    this.nodes = nodes;
    this.ledger = ledger;
  }

  /** With clients on all nodes, and events published at the first and the last. */
  static async start(): Promise<CutCluster> {
    const redis = await RedisServer.start();
    const proxy = new TcpProxy(redis.port);
    const nodes = await Nodes.start({ redis: [redis.url, redis.url, proxy.url] });
    const ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
    await Promise.all(nodes.all.map((_, number) => ledger.listen(number, CLIENTS)));
    ledger.addLanes(LANES, () => nodes.at(0));
    ledger.addLanes(LANES, () => nodes.at(2));
    ledger.flow(RATE);
    await ledger.moreAccepted(20);
    return new CutCluster(redis, proxy, nodes, ledger);
  }

  /** The node behind the network that is cut. */
  get cutOff() {
    return this.nodes.at(2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ledger[Symbol.dispose]();
    await this.nodes[Symbol.asyncDispose]();
    this.proxy[Symbol.dispose]();
    await this.redis[Symbol.asyncDispose]();
  }
}

function expectPerfect(what: string, verdict: Verdict): void {
  report(what, verdict);
  const { refused, lost, doubled, disordered, slowestMs } = verdict;
  expect({ refused, lost, doubled, disordered }).toEqual({
    refused: [],
    lost: 0,
    doubled: 0,
    disordered: 0,
  });
  expect(slowestMs).toBeLessThan(SLOWEST_MS);
}

describe("the network between one worker and Redis is cut in silence and heals", () => {
  const ways: readonly (readonly [string, readonly Direction[]])[] = [
    ["both directions", BOTH],
    ["to Redis alone", ["to-server"]],
    ["from Redis alone", ["to-client"]],
  ];
  const modes: readonly CutMode[] = ["lose", "keep"];
  for (const [name, directions] of ways) {
    for (const mode of modes) {
      testBesideOthers(
        `${name}, what was under way ${mode === "keep" ? "arrives late" : "is gone"}`,
        async () => {
          await using cluster = await CutCluster.start();
          const { proxy, nodes, ledger, cutOff } = cluster;

          const start = performance.now();
          proxy.cut(directions, mode);
          const foundMs = await losesRedis(cutOff, 0, start);
          await ledger.moreAccepted(40);
          proxy.heal();
          await hasJoined(cutOff, 2);
          await ledger.moreAccepted(20);

          const verdict = await ledger.close();
          expectPerfect(`cut ${name} (${mode}), found after ${foundMs.toFixed(0)} ms`, verdict);
          expect(foundMs).toBeLessThan(FOUND_WITHIN_MS);
          // Nobody else has noticed anything.
          expect(logLines(nodes.at(0), LOG.lost)).toEqual([]);
          expect(logLines(nodes.at(1), LOG.lost)).toEqual([]);
        },
      );
    }
  }

  testBesideOthers("for moments, too short to be found", async () => {
    await using cluster = await CutCluster.start();
    const { proxy, ledger, cutOff } = cluster;
    for (let times = 0; times < 5; times += 1) {
      proxy.cut(BOTH, "keep");
      await ledger.moreAccepted(20);
      proxy.heal();
      await ledger.moreAccepted(20);
    }
    expectPerfect("cut for moments", await ledger.close());
    expect(logLines(cutOff, LOG.lost)).toEqual([]);
  });

  testBesideOthers("with a reset of every connection, again and again", async () => {
    await using cluster = await CutCluster.start();
    const { proxy, ledger, cutOff } = cluster;
    for (let times = 1; times <= 5; times += 1) {
      proxy.reset();
      await hasJoined(cutOff, times + 1);
      await ledger.moreAccepted(10);
    }
    expectPerfect("5 resets", await ledger.close());
  });
});

describe("connected is not subscribed", () => {
  testBesideOthers("a killed subscriber connection is found and made up for", async () => {
    await using cluster = await CutCluster.start();
    const { redis, nodes, ledger } = cluster;
    const start = performance.now();
    expect(await redis.once("CLIENT", "KILL", "TYPE", "pubsub")).toBe(nodes.all.length);
    const found = await Promise.all(nodes.all.map((worker) => losesRedis(worker, 0, start)));
    await Promise.all(nodes.all.map((worker) => hasJoined(worker, 2)));
    await ledger.moreAccepted(20);
    const foundMs = Math.max(...found);
    expectPerfect(`subscribers killed, found after ${foundMs.toFixed(0)} ms`, await ledger.close());
    expect(foundMs).toBeLessThan(FOUND_WITHIN_MS);
  });

  for (const [name, isHeard] of [
    ["with Redis' word about it", true],
    ["in silence", false],
  ] as const) {
    testBesideOthers(`a channel unsubscribed under the worker's feet, ${name}`, async () => {
      await using cluster = await CutCluster.start();
      const { proxy, ledger, cutOff, nodes } = cluster;
      const subscribers = proxy.connections.filter(({ isSubscriber }) => isSubscriber);
      expect(subscribers.length).toBe(1);

      const start = performance.now();
      for (const subscriber of subscribers) {
        if (!isHeard) {
          subscriber.cut(["to-client"], "lose");
        }
        subscriber.inject(encodeCommand(["UNSUBSCRIBE", CHANNEL]));
      }
      const foundMs = await losesRedis(cutOff, 0, start);
      await hasJoined(cutOff, 2);
      await ledger.moreAccepted(20);

      const verdict = await ledger.close();
      expectPerfect(`unsubscribed ${name}, found after ${foundMs.toFixed(0)} ms`, verdict);
      expect(foundMs).toBeLessThan(FOUND_WITHIN_MS);
      await nodes.areUp();
    });
  }

  testBesideOthers("the channel forbidden by an ACL, and allowed again", async () => {
    await using cluster = await CutCluster.start();
    const { redis, nodes, ledger } = cluster;
    const start = performance.now();
    await redis.once("ACL", "SETUSER", "default", "resetchannels");
    const found = await Promise.all(nodes.all.map((worker) => losesRedis(worker, 0, start)));
    await ledger.moreAccepted(40);
    await redis.once("ACL", "SETUSER", "default", "allchannels");
    await Promise.all(nodes.all.map((worker) => hasJoined(worker, 2)));
    await ledger.moreAccepted(20);
    const foundMs = Math.max(...found);
    const verdict = await ledger.close();
    expectPerfect(`channel forbidden, found after ${foundMs.toFixed(0)} ms`, verdict);
    expect(foundMs).toBeLessThan(FOUND_WITHIN_MS);
  });
});

describe("another server answers on the same address", () => {
  testBesideOthers("after the host of the first one has died without a word", async () => {
    await using first = await RedisServer.start();
    await using second = await RedisServer.start();
    using proxy = new TcpProxy(first.port);
    await using nodes = await Nodes.start({ redis: proxy.url });
    using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
    await Promise.all(nodes.all.map((_, number) => ledger.listen(number, CLIENTS)));
    ledger.addLanes(LANES, () => nodes.at(0));
    ledger.addLanes(LANES, () => nodes.at(2));
    ledger.flow(RATE);
    await ledger.moreAccepted(20);

    proxy.cut(BOTH, "lose");
    await Promise.all(nodes.all.map((worker) => losesRedis(worker, 0, 0)));
    // Each tries again now, and hangs.
    await ledger.moreAccepted(80);
    const start = performance.now();
    proxy.moveTo(second.port);
    await Promise.all(nodes.all.map((worker) => hasJoined(worker, 2, 30_000)));
    const backMs = performance.now() - start;

    const verdict = await ledger.close();
    expectPerfect(`host died, back after ${backMs.toFixed(0)} ms`, verdict);
    // A try that hangs is known to be dead as soon as any path, and the longest pause follows.
    expect(backMs).toBeLessThan(FOUND_WITHIN_MS + 5000);
  });

  testBesideOthers("an empty one", async () => {
    await using first = await RedisServer.start();
    await using second = await RedisServer.start();
    using proxy = new TcpProxy(first.port);
    await using nodes = await Nodes.start({ redis: proxy.url });
    const topic = await nodes.newTopic();
    using ledger = new Ledger({ nodes, topic });
    await Promise.all(nodes.all.map((_, number) => ledger.listen(number, CLIENTS)));
    ledger.addLanes(LANES, () => nodes.at(0));
    ledger.addLanes(LANES, () => nodes.at(2));
    ledger.flow(RATE);
    await ledger.moreAccepted(20);

    const start = performance.now();
    proxy.switchTo(second.port);
    const found = await Promise.all(nodes.all.map((worker) => losesRedis(worker, 0, start)));
    await Promise.all(nodes.all.map((worker) => hasJoined(worker, 2)));
    await ledger.moreAccepted(40);

    const foundMs = Math.max(...found);
    const verdict = await ledger.close();
    expectPerfect(`another server, found after ${foundMs.toFixed(0)} ms`, verdict);
    expect(foundMs).toBeLessThan(FOUND_WITHIN_MS);
    expect(await second.once("GET", `wavelog:topic:${topic}`)).toBe(
      '{"require_token":true}'.replace("true", "false"),
    );
    expect(await first.once("PUBSUB", "NUMSUB", CHANNEL)).toEqual([CHANNEL, 0]);
  });

  for (const isBusy of [true, false]) {
    testBesideOthers(
      `one that became a replica, ${isBusy ? "while events flow" : "while nothing happens"}`,
      async () => {
        await using first = await RedisServer.start();
        await using second = await RedisServer.start();
        using proxy = new TcpProxy(first.port);
        await using nodes = await Nodes.start({ redis: proxy.url });
        using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
        await Promise.all(nodes.all.map((_, number) => ledger.listen(number, CLIENTS)));
        ledger.addLanes(LANES, () => nodes.at(0));
        if (isBusy) {
          ledger.flow(RATE);
          await ledger.moreAccepted(20);
        }

        const start = performance.now();
        await first.once("REPLICAOF", "127.0.0.1", second.port);
        const found = await Promise.all(nodes.all.map((worker) => losesRedis(worker, 0, start)));
        const foundMs = Math.max(...found);
        if (isBusy) {
          await ledger.moreAccepted(40);
        } else {
          await ledger.burst(40);
        }
        proxy.switchTo(second.port);
        await Promise.all(nodes.all.map((worker) => hasJoined(worker, 2)));
        await ledger.burst(10);

        const verdict = await ledger.close();
        const when = isBusy ? "busy" : "idle";
        expectPerfect(
          `demoted to replica (${when}), found after ${foundMs.toFixed(0)} ms`,
          verdict,
        );
        expect(foundMs).toBeLessThan(FOUND_WITHIN_MS);
      },
    );
  }
});
