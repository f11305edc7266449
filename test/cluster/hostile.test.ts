import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "../support/changes.ts";
import { Listener } from "../support/cluster-listener.ts";
import { LOG, logLines, Nodes, nodeStatus } from "../support/cluster-nodes.ts";
import { RedisServer } from "../support/cluster-redis.ts";
import type { RedisClient } from "../support/cluster-redis-client.ts";
import { sign } from "../support/token.ts";
import type { WorkerProcess } from "../support/worker.ts";

setDefaultTimeout(180_000);

const CHANNEL = "wavelog:events";
const ENVELOPES = 100_000;
/** Written at once, then waited for. */
const BATCH = 500;

/** What one more flood may add, in bytes: garbage that has not been collected yet. */
const FLOOD_GROWTH_BYTES = 40 * 1024 * 1024;

/** Huge envelopes are 500 MiB in all. This much of them may wait for its collection, in bytes. */
const HUGE_GROWTH_BYTES = 192 * 1024 * 1024;
const HUGE = 50;

/** The journal tells of skipped envelopes once in this time, in milliseconds. */
const LOG_INTERVAL_MS = 10_000;

const SEED = 2026;

/** A generator of pseudo-random numbers below 1: the same in each run. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Makes messages of all kinds that no worker would write. */
class Hostility {
  readonly #random: () => number;
  readonly #key: string;
  readonly #known: readonly string[];

  /**
   * @param key The installation's fingerprint, which can be read off the channel.
   * @param known Origins of real nodes.
   */
  constructor(seed: number, key: string, known: readonly string[]) {
    this.#random = mulberry32(seed);
    this.#key = key;
    this.#known = known;
  }

  next(): string | Uint8Array {
    switch (this.#below(8)) {
      case 0:
        return this.#noise(this.#below(200));
      case 1:
        return this.#broken();
      case 2:
        return JSON.stringify(this.#value(4));
      case 3:
        return JSON.stringify(this.#wrongTypes());
      case 4:
        // An origin never seen before, with our key: each would be remembered.
        return this.#envelope({ origin_id: this.#hex(16), seq: 1 + this.#below(2 ** 31) });
      case 5:
        return this.#envelope({
          origin_id: this.#hex(16),
          notice: this.#pick([
            { register: this.#hex(8), require_token: false, ttl_ms: 1 + this.#below(1e9) },
            { register: this.#hex(8), require_token: "no", ttl_ms: -1 },
            { register: "", require_token: true, ttl_ms: 1 },
            { unregister: this.#hex(8) },
            { unregister: 5 },
            { register: this.#value(2) },
            [],
            null,
          ]),
          seq: this.#below(1000),
        });
      case 6:
        return this.#envelope({ origin_id: this.#hex(16), key: this.#hex(8) });
      default:
        // In the name of a real node, as far as the original's form goes.
        return JSON.stringify({
          origin_id: this.#pick(this.#known),
          topic: `invented.${this.#hex(4)}`,
          payload: this.#value(2),
          ...(this.#below(2) === 0 ? { probe: this.#value(1) } : {}),
        });
    }
  }

  #envelope(fields: Readonly<Record<string, unknown>>): string {
    return JSON.stringify({
      origin_id: "x",
      topic: `invented.${this.#hex(4)}`,
      payload: this.#value(2),
      key: this.#key,
      ...fields,
    });
  }

  #wrongTypes(): Record<string, unknown> {
    const names = ["origin_id", "topic", "payload", "seq", "key", "probe", "notice", "__proto__"];
    const fields = names.filter(() => this.#below(3) > 0).map((name) => [name, this.#value(2)]);
    return Object.fromEntries(fields);
  }

  /** A right envelope that was damaged on the way. */
  #broken(): string {
    const whole = this.#envelope({ origin_id: this.#hex(16), seq: this.#below(100) });
    const at = this.#below(whole.length);
    return this.#below(2) === 0
      ? whole.slice(0, at)
      : whole.slice(0, at) + String.fromCharCode(this.#below(128)) + whole.slice(at + 1);
  }

  #value(depth: number): unknown {
    switch (this.#below(depth > 0 ? 9 : 7)) {
      case 0:
        return null;
      case 1:
        return this.#below(2) === 0;
      case 2:
        return this.#below(2 ** 31) - 2 ** 30;
      case 3:
        return this.#random() * 1e300;
      case 4:
        return this.#hex(this.#below(40));
      case 5:
        return "";
      case 6:
        return '\u0000\u2028𝄞é"\\/';
      case 7:
        return Array.from({ length: this.#below(4) }, () => this.#value(depth - 1));
      default:
        return Object.fromEntries(
          Array.from({ length: this.#below(4) }, () => [this.#hex(3), this.#value(depth - 1)]),
        );
    }
  }

  /** Bytes, mostly no UTF-8. */
  #noise(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#below(256));
  }

  #hex(digits: number): string {
    return Array.from({ length: digits }, () => this.#below(16).toString(16)).join("");
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.#below(items.length)];
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}

async function flood(client: RedisClient, hostility: Hostility): Promise<void> {
  for (let sent = 0; sent < ENVELOPES; sent += BATCH) {
    await Promise.all(
      Array.from({ length: BATCH }, () => client.do("PUBLISH", CHANNEL, hostility.next())),
    );
  }
}

const memoryOf = (worker: WorkerProcess): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${worker.pid}/status`, "utf8"))?.[1]) *
  1024;

const filesOf = (worker: WorkerProcess): number => readdirSync(`/proc/${worker.pid}/fd`).length;

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(0);

test("100,000 random envelopes and huge ones: no crash, no growth, and the cluster delivers", async () => {
  // By default Redis itself cuts off a subscriber that is 32 MiB behind, which a busy machine reaches.
  await using redis = await RedisServer.start({
    args: ["--client-output-buffer-limit", "pubsub 256mb 128mb 60"],
  });
  await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
  const topic = await nodes.newTopic();
  using listener = await Listener.open({ topic, port: () => nodes.at(1).ports.ws });
  using client = await redis.client();
  const ids = (await Promise.all(nodes.all.map(nodeStatus))).map(({ node }) => node);
  const key = sign(nodes.secret, CHANNEL).slice(0, 8);
  const hostility = new Hostility(SEED, key, ids);
  const start = performance.now();

  let published = 0;
  /** Events still pass, and what the listener gets is nothing else. */
  const delivers = async (): Promise<void> => {
    for (let count = 0; count < 10; count += 1) {
      published += 1;
      await nodes.at(0).api.publish(topic, String(published));
    }
    await eventually(() => listener.frames.length >= published, `${published} events`);
    const expected = Array.from(
      { length: published },
      (_, index) => `{"type":"push","payload":${index + 1}}`,
    );
    expect(listener.frames).toEqual(expected);
  };

  await flood(client, hostility);
  await delivers();
  const memory = nodes.all.map(memoryOf);
  const files = nodes.all.map(filesOf);

  /** Waits until no node takes so much more than before. */
  const hasGrownLess = async (bytes: number): Promise<string> => {
    await eventually(
      () => nodes.all.every((worker, index) => memoryOf(worker) < (memory[index] ?? 0) + bytes),
      `the memory to have grown by less than ${mebibytes(bytes)} MiB`,
    );
    const grown = nodes.all.map((worker, index) => memoryOf(worker) - (memory[index] ?? 0));
    return grown.map(mebibytes).join(" and ");
  };

  await flood(client, hostility);
  await delivers();
  const byFlood = await hasGrownLess(FLOOD_GROWTH_BYTES);
  for (const size of [2 * 1024 * 1024 + 1, 3 * 1024 * 1024]) {
    for (let times = 0; times < HUGE; times += 1) {
      const payload = "z".repeat(size);
      const envelope = JSON.stringify({ origin_id: "x", topic, payload, key, seq: 1 });
      await client.do("PUBLISH", CHANNEL, payload);
      await client.do("PUBLISH", CHANNEL, envelope);
      // Redis itself drops a subscriber that is 32 MiB behind.
      await delivers();
    }
  }
  // Deep, and within the size.
  await client.do("PUBLISH", CHANNEL, "[".repeat(1_000_000));
  await client.do(
    "PUBLISH",
    CHANNEL,
    `{"origin_id":"x","topic":"invented","payload":${"[".repeat(500_000)}${"]".repeat(500_000)}}`,
  );
  await delivers();

  const byHuge = await hasGrownLess(HUGE_GROWTH_BYTES);
  expect(nodes.all.map(filesOf)).toEqual(files);
  const seconds = (performance.now() - start) / 1000;
  process.stderr.write(
    `  hostile: ${2 * ENVELOPES} envelopes in ${seconds.toFixed(0)} s, memory ${memory.map(mebibytes).join(" and ")} MiB, grew by ${byFlood} MiB, with huge ones by ${byHuge} MiB\n`,
  );

  for (const worker of nodes.all) {
    // Nobody restarted, nobody left.
    expect(worker.program.hasEnded).toBe(false);
    expect(logLines(worker, LOG.lost)).toEqual([]);
    expect((await nodeStatus(worker)).cluster_nodes).toBe(2);
    const told = logLines(worker, LOG.skipped);
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(1 + (seconds * 1000) / LOG_INTERVAL_MS);
    expect(worker.log.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
    expect(worker.stdout.text.length).toBeLessThan(20_000);
    expect(worker.stderr.text).toBe("");
    // Invented registrations reach the mirror at most, and Redis decides.
    expect((await nodeStatus(worker)).registered_topics).toBe(2);
  }
});

test("garbage in the catch-up log is passed over, and a log that is none stops nobody", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
  const topic = await nodes.newTopic();
  using listener = await Listener.open({ topic, port: () => nodes.at(1).ports.ws });
  using client = await redis.client();
  const ids = (await Promise.all(nodes.all.map(nodeStatus))).map(({ node }) => node);
  const hostility = new Hostility(SEED + 1, sign(nodes.secret, CHANNEL).slice(0, 8), ids);
  await Promise.all(
    Array.from({ length: 5000 }, (_, index) =>
      client.do("XADD", "wavelog:log", "*", index % 2 === 0 ? "e" : "other", hostility.next()),
    ),
  );
  await nodes.at(0).api.publish(topic, "1");
  await client.do("CLIENT", "KILL", "TYPE", "pubsub");
  await Promise.all(nodes.all.map((worker) => worker.logged(LOG.joined, 2)));
  await nodes.at(0).api.publish(topic, "2");
  await eventually(() => listener.frames.length >= 2, "2 events");
  expect(listener.frames).toEqual(["1", "2"].map((count) => `{"type":"push","payload":${count}}`));

  await client.do("DEL", "wavelog:log");
  await client.do("SET", "wavelog:log", "somebody's text");
  await nodes.at(0).api.publish(topic, "3");
  await eventually(() => listener.frames.length >= 3, "3 events");
  await nodes.at(0).logged("cluster: catch-up log cannot be written, outages will lose events");
});
