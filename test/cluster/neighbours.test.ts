import { describe, expect } from "bun:test";
import { publishBody } from "../support/api.ts";
import { eventually } from "../support/changes.ts";
import { Listener } from "../support/cluster-listener.ts";
import { clusterView, LOG, logLines, Nodes, nodeStatus } from "../support/cluster-nodes.ts";
import { RedisServer } from "../support/cluster-redis.ts";
import type { RedisClient } from "../support/cluster-redis-client.ts";
import { testBesideOthers } from "../support/cluster-slots.ts";
import { makeToken } from "../support/token.ts";
import type { WorkerProcess } from "../support/worker.ts";

const CHANNEL = "wavelog:events";
const DAY_S = 24 * 60 * 60;
const EVENTS = 50;

async function listen(worker: WorkerProcess, topic: string, token?: string): Promise<Listener> {
  const credentials = token === undefined ? {} : { token };
  return await Listener.open({ topic, port: () => worker.ports.ws, ...credentials });
}

const push = (payload: string): string => `{"type":"push","payload":${payload}}`;

async function framesAre(listener: Listener, payloads: readonly string[]): Promise<void> {
  await eventually(() => listener.frames.length >= payloads.length, `${payloads.length} frames`);
  expect(listener.frames).toEqual(payloads.map(push));
}

describe("two installations on one Redis", () => {
  testBesideOthers("with the same prefix and different secrets: no event crosses", async () => {
    await using redis = await RedisServer.start();
    await using ours = await Nodes.start({ redis: redis.url, count: 2 });
    // They see each other's subscriptions; that is why each should have a prefix of its own.
    await using theirs = await Nodes.start({ redis: redis.url, count: 2, waitsUntilUp: false });
    await theirs.at(0).logged(LOG.joined);
    await theirs.at(1).logged(LOG.joined);
    const topic = "radio.user.7";
    await ours.at(0).api.register(topic, false);
    await theirs.at(0).api.register(topic, false);
    using onOurs = await listen(ours.at(1), topic);
    using onTheirs = await listen(theirs.at(1), topic);
    const ourPayloads: string[] = [];
    const theirPayloads: string[] = [];
    for (let count = 1; count <= EVENTS; count += 1) {
      ourPayloads.push(`"ours ${count}"`);
      theirPayloads.push(`"theirs ${count}"`);
      await ours.at(0).api.publish(topic, `"ours ${count}"`);
      await theirs.at(0).api.publish(topic, `"theirs ${count}"`);
    }
    await framesAre(onOurs, ourPayloads);
    await framesAre(onTheirs, theirPayloads);
    // Nor does the log bring any across when somebody catches up.
    expect(await redis.once("CLIENT", "KILL", "TYPE", "pubsub")).toBe(4);
    await ours.at(1).logged(LOG.joined, 2);
    await theirs.at(1).logged(LOG.joined, 2);
    await ours.at(0).api.publish(topic, '"ours at last"');
    await theirs.at(0).api.publish(topic, '"theirs at last"');
    await framesAre(onOurs, [...ourPayloads, '"ours at last"']);
    await framesAre(onTheirs, [...theirPayloads, '"theirs at last"']);
    // What is skipped is told, but not each time.
    expect(logLines(ours.at(1), LOG.skipped).length).toBeLessThanOrEqual(2);
  });

  testBesideOthers("with different prefixes: neither events, topics nor nodes cross", async () => {
    await using redis = await RedisServer.start();
    const secret = "the same secret in both, by a careless operator";
    await using ours = await Nodes.start({ redis: redis.url, count: 2, secret });
    await using theirs = await Nodes.start({
      redis: redis.url,
      count: 2,
      secret,
      config: { redis_prefix: "club2" },
    });
    const topic = "radio.user.7";
    await ours.at(0).api.register(topic, false);
    const unknown = await theirs.at(0).api.post("/internal/publish", publishBody(topic, "1"));
    expect([unknown.status, unknown.body.trim()]).toEqual([404, "topic not registered"]);
    await theirs.at(0).api.register(topic, false);
    using onOurs = await listen(ours.at(1), topic);
    using onTheirs = await listen(theirs.at(1), topic);
    for (let count = 1; count <= EVENTS; count += 1) {
      await ours.at(0).api.publish(topic, String(count));
      await theirs.at(0).api.publish(topic, String(-count));
    }
    const numbers = Array.from({ length: EVENTS }, (_, index) => index + 1);
    await framesAre(onOurs, numbers.map(String));
    await framesAre(
      onTheirs,
      numbers.map((count) => String(-count)),
    );
    for (const [one, other] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      const view = await clusterView(one.at(0));
      const ids = await Promise.all(
        other.all.map(async (worker) => (await nodeStatus(worker)).node),
      );
      expect(view.nodes.length).toBe(2);
      expect(view.nodes.filter(({ node }) => ids.includes(node))).toEqual([]);
      expect((await nodeStatus(one.at(0))).cluster_nodes).toBe(2);
      expect(logLines(one.at(1), LOG.skipped)).toEqual([]);
    }
    await theirs.at(0).api.unregister(topic);
    await ours.at(0).api.publish(topic, "1");
    expect(await redis.once("EXISTS", `wavelog:topic:${topic}`, `club2:topic:${topic}`)).toBe(1);
  });
});

/** What the original worker does with Redis, no more: its keys, its envelopes, its way to read. */
class OriginalWorker implements Disposable {
  readonly #commands: RedisClient;
  readonly #subscriber: RedisClient;
  readonly originId = "00c0ffee00c0ffee";
  /** What its sockets got, by topic. */
  readonly delivered: { readonly topic: string; readonly payload: string }[] = [];
  /** Envelopes that it could not read, which it logs. */
  readonly unreadable: string[] = [];
  /** Every envelope on the channel. */
  heard = 0;

  private constructor(commands: RedisClient, subscriber: RedisClient) {
    this.#commands = commands;
    this.#subscriber = subscriber;
  }

  static async join(redis: RedisServer): Promise<OriginalWorker> {
    const worker = new OriginalWorker(await redis.client(), await redis.client());
    await worker.#subscriber.subscribe(CHANNEL, (message) => worker.#hear(message));
    return worker;
  }

  async register(topic: string, requireToken: boolean): Promise<void> {
    const meta = `{"require_token":${requireToken}}`;
    await this.#commands.do("SET", `wavelog:topic:${topic}`, meta, "EX", DAY_S);
  }

  async unregister(topic: string): Promise<void> {
    await this.#commands.do("DEL", `wavelog:topic:${topic}`);
  }

  async lookup(topic: string): Promise<unknown> {
    return JSON.parse(await this.#commands.text("GET", `wavelog:topic:${topic}`));
  }

  async publish(topic: string, payload: string): Promise<void> {
    const envelope = `{"origin_id":"${this.originId}","topic":${JSON.stringify(topic)},"payload":${payload}}`;
    await this.#commands.do("PUBLISH", CHANNEL, envelope);
  }

  [Symbol.dispose](): void {
    this.#commands[Symbol.dispose]();
    this.#subscriber[Symbol.dispose]();
  }

  #hear(message: string): void {
    this.heard += 1;
    try {
      const { origin_id: originId, topic } = JSON.parse(message);
      if (originId === this.originId) {
        return;
      }
      // Its JSON library hands on the bytes between the key and what follows.
      const [, payload = ""] =
        /^\{"origin_id":"[^"]*","topic":"[^"]*","payload":(.*),"seq":/.exec(message) ?? [];
      this.delivered.push({ topic, payload });
    } catch {
      this.unreadable.push(message);
    }
  }
}

describe("the original worker in the same cluster", () => {
  testBesideOthers("events pass both ways, each once and byte for byte", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
    using original = await OriginalWorker.join(redis);
    const topic = await nodes.newTopic();
    using first = await listen(nodes.at(0), topic);
    using second = await listen(nodes.at(1), topic);
    const payloads = [
      '{"n":12345678901234567890,"d":1.0}',
      '"\\u003cb\\u003e \\/ é 𝄞"',
      "null",
      "[ 1,  2 ]",
      '{"a":1,"a":2}',
      '{"seq":1,"key":"00000000","origin_id":"x"}',
    ];
    for (const payload of payloads) {
      await original.publish(topic, payload);
    }
    await framesAre(first, payloads);
    await framesAre(second, payloads);

    for (const payload of payloads) {
      await nodes.at(0).api.publish(topic, payload);
    }
    await framesAre(first, [...payloads, ...payloads]);
    await framesAre(second, [...payloads, ...payloads]);
    await eventually(
      () => original.delivered.filter((event) => event.topic === topic).length >= payloads.length,
      "the original to get the events",
    );
    const got = original.delivered.filter((event) => event.topic === topic);
    expect(got.map(({ payload }) => payload)).toEqual(payloads);
    expect(original.unreadable).toEqual([]);
    expect((await nodeStatus(nodes.at(0))).cluster_nodes).toBe(3);
  });

  testBesideOthers("registrations and removals count at once, both ways", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
    using original = await OriginalWorker.join(redis);
    await original.register("contest_session.42", true);
    await original.register("contest_session.43", false);
    for (const worker of nodes.all) {
      await worker.api.publish("contest_session.42", "1");
      const token = makeToken(nodes.secret, "contest_session.42");
      using protectedOne = await listen(worker, "contest_session.42", token);
      using open = await listen(worker, "contest_session.43");
      expect(protectedOne.isConnected && open.isConnected).toBe(true);
      const { topic_list } = await worker.api.status("?topics=1");
      expect([...(topic_list ?? [])].sort()).toEqual([
        "contest_session.42",
        "contest_session.43",
        "worker.status",
      ]);
    }
    // Protected where it was open, at once.
    await original.register("contest_session.43", true);
    using socket = await nodes.at(0).open("contest_session.43");
    socket.sendAuth();
    expect(await socket.nextFrame()).toContain('"code":"auth_required"');

    await original.unregister("contest_session.42");
    for (const worker of nodes.all) {
      const answer = await worker.api.post(
        "/internal/publish",
        publishBody("contest_session.42", "1"),
      );
      expect([answer.status, answer.body.trim()]).toEqual([404, "topic not registered"]);
    }

    await nodes.at(0).api.register("radio.user.7", true);
    await nodes.at(1).api.register("radio.user.8", false);
    expect(await original.lookup("radio.user.7")).toEqual({ require_token: true });
    expect(await original.lookup("radio.user.8")).toEqual({ require_token: false });
    const ttl = Number(await redis.once("TTL", "wavelog:topic:radio.user.7"));
    expect(ttl).toBeGreaterThan(DAY_S - 60);
    expect(ttl).toBeLessThanOrEqual(DAY_S);
    await nodes.at(1).api.unregister("radio.user.7");
    expect(await redis.once("EXISTS", "wavelog:topic:radio.user.7")).toBe(0);
  });

  testBesideOthers("what we tell each other reaches no topic that anybody watches", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
    using original = await OriginalWorker.join(redis);
    const topic = await nodes.newTopic();
    using listener = await listen(nodes.at(1), topic);
    const statusToken = makeToken(nodes.secret, "worker.status");
    using onStatus = await listen(nodes.at(1), "worker.status", statusToken);
    // Probes of both nodes, and notices of registrations and removals.
    await nodes.at(0).api.register("cluster.notice", true);
    await nodes.at(0).api.unregister("cluster.notice");
    const before = original.heard;
    await eventually(() => original.heard >= before + 6, "some probes");
    expect(original.unreadable).toEqual([]);
    expect(new Set(original.delivered.map((event) => event.topic))).toEqual(
      new Set(["worker.cluster"]),
    );
    // Not even a socket on that very topic hears of them, should somebody register it.
    await nodes.at(0).api.register("worker.cluster", false);
    const hidden = await nodes
      .at(1)
      .open("worker.cluster")
      .catch(() => undefined);
    hidden?.sendAuth();
    const later = original.heard;
    await eventually(() => original.heard >= later + 4, "more probes");
    expect(hidden?.frames.filter((frame) => frame.includes("push")) ?? []).toEqual([]);
    hidden?.[Symbol.dispose]();
    expect(listener.frames).toEqual([]);
    expect(onStatus.frames).toEqual([]);
  });
});
