import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import {
  type EnvelopeUse,
  EnvelopeWriter,
  type Notice,
  type ProbeWord,
} from "../protocol/envelope.ts";
import { DEADLINE_MS, eventually, RedisServer, rejection } from "../redis/redis-server-fixture.ts";
import type { RedisSession, Reply } from "../redis/session.ts";
import type { InstallationKeys } from "./envelope-keys.ts";
import { OUTCOME_DEADLINE_MS, type Outcome } from "./event-bus.ts";
import { type Delivery, eventBusSuite } from "./event-bus-suite.ts";
import type { OutboxLimits } from "./outbox.ts";
import { RedisBus } from "./redis-bus.ts";

// Longer than each wait in a test, so that a wait in vain says what it was for.
setDefaultTimeout(2 * DEADLINE_MS);

const KEY = "5eed5eed";
const CHANNEL = "wavelog:events";
const LOG = "wavelog:log";
const ROOMY: OutboxLimits = { events: 100_000, bytes: 512 * 1024 * 1024, ageMs: 300_000 };

/** The server of the tests that do not harm it. */
let shared: RedisServer;
beforeAll(async () => {
  shared = await RedisServer.start();
});
afterAll(async () => {
  await shared[Symbol.asyncDispose]();
});
/** Of the test that runs. */
const open: Node[] = [];
const taps: RedisSession[] = [];
beforeEach(async () => {
  for (const node of open.splice(0)) {
    node.leave();
  }
  for (const session of taps.splice(0)) {
    session.close("end of test");
  }
  await eventually(async () => {
    const channels = await shared.command("PUBSUB", "CHANNELS");
    return Array.isArray(channels) && channels.length === 0;
  }, "the last test's subscriptions to be gone");
  await shared.command("FLUSHALL");
});

let origins = 0;

interface NodeOptions {
  readonly server?: RedisServer;
  readonly prefix?: string;
  readonly key?: string;
  readonly keys?: InstallationKeys;
  readonly outbox?: Partial<OutboxLimits>;
  readonly originId?: string;
}

/** A bus of one worker on a real Redis, all it has told, and a hand on its clock. */
class Node {
  readonly bus: RedisBus;
  readonly originId: string;
  readonly server: RedisServer;
  readonly deliveries: Delivery[] = [];
  readonly notices: Notice[] = [];
  /** Events of others that it has told of. */
  readonly received: [string, number, string, number | undefined][] = [];
  /** Probes of others, and what they said. */
  readonly probed: { readonly originId: string; readonly word: ProbeWord | undefined }[] = [];
  /** What the bus has told of beside them, in order. */
  readonly events: string[] = [];
  readonly givenUp: string[] = [];
  /** What the envelopes were good for that came, in order. */
  readonly uses: EnvelopeUse[] = [];
  readonly probes: number[] = [];
  /** Whether the gateways have no room. */
  isFull = false;
  /** Milliseconds by which the bus' clock is ahead. */
  ahead = 0;
  session: RedisSession | undefined;

  constructor(options: NodeOptions = {}) {
    const { server = shared, prefix = "wavelog", key = KEY, outbox = {} } = options;
    origins += 1;
    this.originId = options.originId ?? origins.toString(16).padStart(16, "0");
    this.server = server;
    this.bus = new RedisBus({
      originId: this.originId,
      keys: options.keys ?? { current: key, previous: undefined },
      prefix,
      outbox: { ...ROOMY, ...outbox },
      deliver: (topic, frame) => this.deliveries.push([topic, frame]),
      isFull: () => this.isFull,
      onNotice: (notice) => this.notices.push(notice),
      onProbe: (originId, word) => this.probed.push({ originId, word }),
      giveUp: (reason) => this.givenUp.push(reason),
      events: {
        received: (...event) => this.received.push(event),
        caughtUp: (events) => this.events.push(`caught up ${events}`),
        probed: (roundTripMs) => this.probes.push(roundTripMs),
        envelopeTaken: (use) => this.uses.push(use),
        envelopeRefused: (fault) => this.events.push(`refused: ${fault}`),
        outboxDropped: (dropped) => this.events.push(`dropped ${dropped}`),
        outboxSent: (events, dropped) =>
          this.events.push(`sent ${events}${dropped > 0 ? `, dropped ${dropped}` : ""}`),
        heldDropped: (dropped) => this.events.push(`held dropped ${dropped}`),
        logFailed: (reason) => this.events.push(`log failed: ${reason}`),
      },
      now: () => performance.now() + this.ahead,
    });
    open.push(this);
  }

  static async joined(options: NodeOptions = {}): Promise<Node> {
    const node = new Node(options);
    await node.join();
    return node;
  }

  async join(): Promise<void> {
    const session = await this.server.open();
    this.session = session;
    await this.bus.join(session);
    this.bus.resume();
  }

  /** Loses its session, as a link tells it. */
  leave(): void {
    this.session?.close("left");
    this.session = undefined;
    this.bus.suspend();
  }

  /** The payloads that its sockets have been given. */
  get payloads(): string[] {
    return this.deliveries.map(([, frame]) => frame.slice('{"type":"push","payload":'.length, -1));
  }

  async untilDelivered(count: number): Promise<void> {
    await eventually(() => this.deliveries.length >= count, `${count} deliveries`);
  }
}

/** Waits until everything that was published so far has come to every node. */
async function settle(...nodes: Node[]): Promise<void> {
  for (const node of nodes) {
    await eventually(() => node.bus.backlog === 0, "everything to be sent");
  }
  // An envelope of another installation, which comes after all that.
  const before = nodes.map((node) => node.events.length);
  await nodes[0]?.server.command("PUBLISH", CHANNEL, '{"origin_id":"x","key":"settle"}');
  for (const [at, node] of nodes.entries()) {
    await eventually(
      () => node.events.indexOf("refused: foreign_key", before[at]) >= 0,
      "the last envelope to come",
    );
    node.events.splice(node.events.indexOf("refused: foreign_key", before[at]), 1);
  }
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => String(from + at));
}

function publishAll(node: Node, payloads: readonly string[], topic = "a"): void {
  for (const payload of payloads) {
    node.bus.publish(topic, payload);
  }
}

/** Everything that goes over the channel. */
async function tapped(server: RedisServer, channel = CHANNEL): Promise<string[]> {
  const messages: string[] = [];
  const session = await server.open();
  taps.push(session);
  await session.subscribe(channel, (message) => messages.push(message));
  return messages;
}

/** The envelopes in the log, oldest first. */
async function logged(server: RedisServer, log = LOG): Promise<unknown[]> {
  const entries = await server.command("XRANGE", log, "-", "+");
  return (Array.isArray(entries) ? entries : []).map((entry) => (entry as Reply[])[1]);
}

/** Another worker that a test writes by hand: what it would publish and log. */
class Hand {
  readonly #writer: EnvelopeWriter;
  readonly #server: RedisServer;

  constructor(server: RedisServer = shared, originId = "feedfeedfeedfeed", key = KEY) {
    this.#server = server;
    this.#writer = new EnvelopeWriter(originId, key);
  }

  envelope(seq: number): string {
    return this.#writer.event(seq, "a", String(seq));
  }

  async log(seq: number): Promise<void> {
    await this.#server.command("XADD", LOG, "*", "e", this.envelope(seq));
  }

  async publish(seq: number): Promise<void> {
    await this.#server.command("PUBLISH", CHANNEL, this.envelope(seq));
  }

  async probe(count: number, seq: number): Promise<void> {
    await this.#server.command("PUBLISH", CHANNEL, this.#writer.probe(count, seq));
  }

  async both(seq: number): Promise<void> {
    await this.log(seq);
    await this.publish(seq);
  }
}

describe("redis bus, with another worker that gets the same", () => {
  eventBusSuite(async () => {
    const [own, other] = [await Node.joined(), await Node.joined()];
    return {
      bus: own.bus,
      deliveries: own.deliveries,
      settle: async () => {
        await settle(own, other);
        expect(other.deliveries).toEqual(own.deliveries);
      },
    };
  });
});

describe("redis bus that finds Redis later, with another worker that gets the same", () => {
  eventBusSuite(async () => {
    const [own, other] = [new Node(), await Node.joined()];
    return {
      bus: own.bus,
      deliveries: own.deliveries,
      settle: async () => {
        await own.join();
        await settle(own, other);
        expect(other.deliveries).toEqual(own.deliveries);
      },
    };
  });
});

describe("redis bus whose other worker finds Redis later, and then gets the same", () => {
  eventBusSuite(async () => {
    const [own, other] = [await Node.joined(), new Node()];
    return {
      bus: own.bus,
      deliveries: own.deliveries,
      settle: async () => {
        await settle(own);
        await other.join();
        await settle(own, other);
        expect(other.deliveries).toEqual(own.deliveries);
      },
    };
  });
});

describe("on the channel", () => {
  test("an event is the contract's envelope, and in the log the same", async () => {
    const messages = await tapped(shared);
    const node = await Node.joined({ originId: "0123456789abcdef" });
    node.bus.publish("contest_session.42", '{ "a":1.0,"b":"\\/" }');
    node.bus.publish("b", "null");
    const expected = [
      '{"origin_id":"0123456789abcdef","topic":"contest_session.42",' +
        '"payload":{ "a":1.0,"b":"\\/" },"seq":1,"key":"5eed5eed"}',
      '{"origin_id":"0123456789abcdef","topic":"b","payload":null,"seq":2,"key":"5eed5eed"}',
    ];
    await eventually(() => messages.length === 2, "the envelopes");
    expect(messages).toEqual(expected);
    expect(await logged(shared)).toEqual(expected.map((envelope) => ["e", envelope]));
  });

  test("a notice is counted among the events, and in the log as well", async () => {
    const messages = await tapped(shared);
    const node = await Node.joined({ originId: "0123456789abcdef" });
    node.bus.publish("a", "1");
    node.bus.tell({ type: "register", topic: "a", requireToken: true, ttlMs: 3000 });
    node.bus.tell({ type: "unregister", topic: "a" });
    const head = '{"origin_id":"0123456789abcdef","topic":"worker.cluster","payload":null,';
    await eventually(() => messages.length === 3, "the envelopes");
    expect(messages.slice(1)).toEqual([
      `${head}"seq":2,"key":"5eed5eed","notice":{"register":"a","require_token":true,"ttl_ms":3000}}`,
      `${head}"seq":3,"key":"5eed5eed","notice":{"unregister":"a"}}`,
    ]);
    expect((await logged(shared)).length).toBe(3);
  });

  test("a probe is there, and in no log", async () => {
    const messages = await tapped(shared);
    const node = await Node.joined({ originId: "0123456789abcdef" });
    node.bus.tick();
    await eventually(() => messages.length === 1, "the probe");
    expect(messages).toEqual([
      '{"origin_id":"0123456789abcdef","topic":"worker.cluster","payload":null,' +
        '"key":"5eed5eed","probe":1}',
    ]);
    expect(await logged(shared)).toEqual([]);
  });

  test("each worker has one subscription, so that Redis knows how many there are", async () => {
    const node = await Node.joined();
    expect(await node.bus.nodes()).toBe(1);
    const other = await Node.joined();
    expect(await node.bus.nodes()).toBe(2);
    expect(await other.bus.nodes()).toBe(2);
    other.leave();
    expect(await other.bus.nodes()).toBe(-1);
    await eventually(async () => (await node.bus.nodes()) === 1, "the other to be gone");
    await other.join();
    expect(await node.bus.nodes()).toBe(2);
  });

  test("two installations with prefixes of their own hear nothing of each other", async () => {
    const one = await Node.joined();
    const two = await Node.joined({ prefix: "club2" });
    const [ofOne, ofTwo] = [await tapped(shared), await tapped(shared, "club2:events")];
    one.bus.publish("a", "1");
    two.bus.publish("a", "2");
    await eventually(() => ofOne.length === 1 && ofTwo.length === 1, "both envelopes");
    expect([one.payloads, two.payloads]).toEqual([["1"], ["2"]]);
    expect((await logged(shared, "club2:log")).length).toBe(1);
    expect(await one.bus.nodes()).toBe(2);
  });

  test("two installations with keys of their own skip each other's envelopes, live and logged", async () => {
    const one = await Node.joined();
    const two = await Node.joined({ key: "0ther000" });
    one.bus.publish("a", "1");
    two.bus.publish("a", "2");
    await eventually(() => one.events.length === 1 && two.events.length === 1, "both envelopes");
    expect([...one.events, ...two.events]).toEqual([
      "refused: foreign_key",
      "refused: foreign_key",
    ]);
    one.leave();
    await one.join();
    expect([one.payloads, two.payloads]).toEqual([["1"], ["2"]]);
  });
});

describe("what comes over the channel", () => {
  test("is delivered, from workers of this kind and of the original's", async () => {
    const node = await Node.joined();
    await new Hand().publish(1);
    await shared.command(
      "PUBLISH",
      CHANNEL,
      '{"origin_id":"0a0b0c0d0e0f0001","topic":"radio.user.7","payload":{"freq":14074000.0}}',
    );
    await node.untilDelivered(2);
    expect(node.deliveries).toEqual([
      ["a", '{"type":"push","payload":1}'],
      ["radio.user.7", '{"type":"push","payload":{"freq":14074000.0}}'],
    ]);
  });

  test("is told of once, with its size in bytes and whose it was; one's own is not", async () => {
    const [node, other] = [await Node.joined(), await Node.joined()];
    node.bus.publish("a", "1");
    const seq = other.bus.publish("b", '"é"');
    await settle(node, other);
    await shared.command(
      "PUBLISH",
      CHANNEL,
      '{"origin_id":"0a0b0c0d0e0f0001","topic":"c","payload":1.0}',
    );
    await settle(node, other);
    expect(node.received).toEqual([
      ["b", 4, other.originId, seq],
      ["c", 3, "0a0b0c0d0e0f0001", undefined],
    ]);
  });

  test("from the original is delivered each time, for it counts nothing", async () => {
    const node = await Node.joined();
    for (let time = 0; time < 3; time += 1) {
      await shared.command(
        "PUBLISH",
        CHANNEL,
        '{"origin_id":"0a0b0c0d0e0f0001","topic":"a","payload":1}',
      );
    }
    await settle(node);
    expect(node.payloads).toEqual(["1", "1", "1"]);
  });

  test("under one's own name is skipped, whoever has written it", async () => {
    const node = await Node.joined();
    const { originId } = node;
    for (const text of [
      `{"origin_id":"${originId}","topic":"a","payload":1}`,
      `{"topic":"a","payload":2,"origin_id":"${originId}"}`,
      ` { "origin_id" : "${originId}" , "topic" : "a" , "payload" : 3 } `,
      `{"origin_id":"${originId}",garbage`,
      `{"origin_id":"${originId}","topic":"a","payload":1,"probe":99}`,
    ]) {
      await shared.command("PUBLISH", CHANNEL, text);
    }
    await settle(node);
    expect(node.deliveries).toEqual([]);
    expect(node.events).toEqual([]);
    expect(node.uses).toEqual(Array(5).fill("own"));
  });

  test("twice is delivered once", async () => {
    const node = await Node.joined();
    const hand = new Hand();
    for (const seq of [1, 1, 2, 1, 2, 3, 3]) {
      await hand.publish(seq);
    }
    await settle(node);
    expect(node.payloads).toEqual(["1", "2", "3"]);
    expect(node.uses.filter((use) => use === "event")).toHaveLength(3);
    expect(node.uses.filter((use) => use === "repeated")).toHaveLength(4);
  });

  test("and is in the log as well is delivered once", async () => {
    const node = await Node.joined();
    const hand = new Hand();
    for (const seq of [1, 2, 3]) {
      await hand.both(seq);
    }
    await settle(node);
    node.leave();
    await node.join();
    await settle(node);
    expect(node.payloads).toEqual(["1", "2", "3"]);
    expect(node.events).toEqual([]);
  });

  test("and cannot be read is told and skipped, and nothing else suffers", async () => {
    const node = await Node.joined();
    for (const text of ["", "{", "null", "[]", "x".repeat(2 * 1024 * 1024 + 1), "\u0000"]) {
      await shared.command("PUBLISH", CHANNEL, text);
    }
    await new Hand(shared, "feed", "f0re1gn0").publish(1);
    await new Hand().publish(1);
    await node.untilDelivered(1);
    expect(node.payloads).toEqual(["1"]);
    expect(node.events).toEqual([
      ...Array(4).fill("refused: unreadable"),
      "refused: too_large",
      "refused: unreadable",
      "refused: foreign_key",
    ]);
    expect(node.givenUp).toEqual([]);
  });

  test("and is another worker's probe is given to nobody, and is no fault", async () => {
    const [node, other] = [await Node.joined(), await Node.joined()];
    other.bus.tick();
    await eventually(() => other.bus.roundTripMs !== undefined, "the probe to come back");
    await settle(node, other);
    expect(node.deliveries).toEqual([]);
    expect(node.events).toEqual([]);
    expect([node.uses, node.probes]).toEqual([["probe"], []]);
    expect(node.bus.roundTripMs).toBeUndefined();
  });

  test("and is a notice is heard by all others, in order with the events", async () => {
    const [node, other] = [await Node.joined(), await Node.joined()];
    const notices: readonly Notice[] = [
      { type: "register", topic: "a", requireToken: true, ttlMs: 86_400_000 },
      { type: "unregister", topic: "a" },
      { type: "register", topic: "b\n", requireToken: false, ttlMs: 1 },
    ];
    for (const notice of notices) {
      node.bus.tell(notice);
      node.bus.publish("a", "0");
    }
    await settle(node, other);
    expect(other.notices).toEqual([...notices]);
    expect(node.notices).toEqual([]);
    expect(other.payloads).toEqual(["0", "0", "0"]);
  });

  test("and is a notice without our key is heard by nobody", async () => {
    const node = await Node.joined();
    await shared.command(
      "PUBLISH",
      CHANNEL,
      '{"origin_id":"b","topic":"worker.cluster","payload":null,"seq":1,"notice":{"unregister":"a"}}',
    );
    await settle(node);
    expect(node.notices).toEqual([]);
  });
});

describe("a gap in an origin's count", () => {
  test("is filled from the log, in order", async () => {
    const node = await Node.joined();
    const hand = new Hand();
    await hand.both(1);
    for (const seq of [2, 3, 4]) {
      await hand.log(seq);
    }
    await hand.both(5);
    await hand.both(6);
    await node.untilDelivered(6);
    await settle(node);
    expect(node.payloads).toEqual(numbers(1, 6));
    expect(node.events[0]).toStartWith("caught up ");
    expect(node.events.length).toBe(1);
  });

  test("is filled once, however much comes while the log is read", async () => {
    const node = await Node.joined();
    const session = await shared.open();
    const hand = new Hand();
    for (let seq = 1; seq <= 2000; seq += 1) {
      void session.send(["XADD", LOG, "*", "e", hand.envelope(seq)]);
      // Two of three are lost on the way.
      if (seq % 3 === 1) {
        void session.send(["PUBLISH", CHANNEL, hand.envelope(seq)]);
      }
    }
    await session.send(["PUBLISH", CHANNEL, hand.envelope(2000)]);
    await node.untilDelivered(2000);
    await settle(node);
    expect(node.payloads).toEqual(numbers(1, 2000));
  });

  test("that the log cannot fill keeps nothing back", async () => {
    const node = await Node.joined();
    const hand = new Hand();
    for (const seq of [1, 5, 6, 9]) {
      await hand.publish(seq);
    }
    await node.untilDelivered(4);
    expect(node.payloads).toEqual(["1", "5", "6", "9"]);
    expect(node.givenUp).toEqual([]);
  });

  test("of one origin keeps the order of the others", async () => {
    const node = await Node.joined();
    const [one, two] = [new Hand(), new Hand(shared, "beefbeefbeefbeef")];
    await one.both(1);
    await one.log(2);
    await one.both(3);
    for (const seq of [1, 2, 3, 4]) {
      await two.both(seq);
    }
    await one.both(4);
    await node.untilDelivered(8);
    await settle(node);
    expect(node.deliveries.length).toBe(8);
    expect(node.payloads.slice(0, 3)).toEqual(["1", "2", "3"]);
    // Each in its order: whichever way the two are mixed.
    expect(node.payloads.filter((payload) => payload === "4").length).toBe(2);
  });

  test("is told when the log cannot be read, and holds nothing up", async () => {
    const node = await Node.joined();
    const hand = new Hand();
    await hand.publish(1);
    await shared.command("SET", LOG, "somebody's text");
    await hand.publish(3);
    await node.untilDelivered(2);
    expect(node.payloads).toEqual(["1", "3"]);
    expect(node.events.at(-1)).toStartWith("log failed: WRONGTYPE ");
    expect(node.givenUp).toEqual([]);
  });
});

describe("what became of an event", () => {
  test("is known once Redis has passed it on, and to how many others", async () => {
    const node = await Node.joined();
    expect(await node.bus.outcome(node.bus.publish("a", "1"))).toEqual({ redis: "sent", nodes: 0 });
    const others = [await Node.joined(), await Node.joined()];
    const outcomes = await Promise.all(
      numbers(1, 50).map((number) => node.bus.outcome(node.bus.publish("a", number))),
    );
    expect(outcomes).toEqual(outcomes.map(() => ({ redis: "sent", nodes: 2 })));
    await settle(node, ...others);
  });

  test("is that it waits, at once while Redis is away, and when it is not there yet", async () => {
    const node = new Node();
    const atOnce = async (): Promise<Outcome | "late"> => {
      const outcome = node.bus.outcome(node.bus.publish("a", "1"));
      return await Promise.race([outcome, Bun.sleep(0).then(() => "late" as const)]);
    };
    expect(await atOnce()).toEqual({ redis: "queued" });
    await node.join();
    node.leave();
    expect(await atOnce()).toEqual({ redis: "queued" });
  });

  test("is that it waits when Redis does not answer in time, or is lost meanwhile", async () => {
    await using server = await RedisServer.start();
    const node = await Node.joined({ server });
    server.freeze();
    const start = performance.now();
    expect(await node.bus.outcome(node.bus.publish("a", "1"))).toEqual({ redis: "queued" });
    expect(performance.now() - start).toBeGreaterThan(OUTCOME_DEADLINE_MS - 20);
    const late = node.bus.outcome(node.bus.publish("a", "2"));
    const asked = performance.now();
    node.leave();
    expect(await late).toEqual({ redis: "queued" });
    expect(performance.now() - asked).toBeLessThan(OUTCOME_DEADLINE_MS);
    server.thaw();
    await node.join();
    expect(await node.bus.outcome(node.bus.publish("a", "3"))).toEqual({ redis: "sent", nodes: 0 });
  });
});

describe("a worker that was away", () => {
  test("gets what others published meanwhile, once and in order, over several pages", async () => {
    const [node, other] = [await Node.joined(), await Node.joined()];
    publishAll(other, numbers(1, 5));
    await settle(node, other);
    node.leave();
    publishAll(other, numbers(6, 1700));
    other.bus.tell({ type: "unregister", topic: "a" });
    await eventually(() => other.bus.backlog === 0, "everything to be sent");
    await node.join();
    publishAll(other, numbers(1701, 1710));
    await settle(node, other);
    expect(node.payloads).toEqual(numbers(1, 1710));
    expect(node.notices).toEqual([{ type: "unregister", topic: "a" }]);
    expect(node.events).toEqual(["caught up 1695"]);
  });

  test("gets what is published while it catches up, once and in order", async () => {
    const [node, other] = [await Node.joined(), await Node.joined()];
    for (let outage = 0; outage < 5; outage += 1) {
      const first = outage * 600;
      node.leave();
      publishAll(other, numbers(first + 1, first + 300));
      const joining = node.join();
      for (let event = first + 301; event <= first + 600; event += 1) {
        other.bus.publish("a", String(event));
        if (event % 25 === 0) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      await joining;
    }
    await settle(node, other);
    expect(node.payloads).toEqual(numbers(1, 3000));
  });

  test("sends what it published meanwhile, in order, and says how much it was", async () => {
    const [node, other] = [await Node.joined(), await Node.joined()];
    publishAll(node, numbers(1, 5));
    await settle(node, other);
    node.leave();
    publishAll(node, numbers(6, 3000));
    expect(node.payloads.length).toBe(3000);
    expect(node.bus.backlog).toBe(2995);
    expect(other.payloads.length).toBe(5);
    await node.join();
    publishAll(node, numbers(3001, 3005));
    await settle(node, other);
    expect(other.payloads).toEqual(numbers(1, 3005));
    expect(node.payloads).toEqual(numbers(1, 3005));
    expect(node.events).toEqual(["sent 2995"]);
    expect(node.bus.backlog).toBe(0);
  });

  test("sends again what Redis has not confirmed, and others get it once", async () => {
    await using server = await RedisServer.start();
    const [node, other] = [await Node.joined({ server }), await Node.joined({ server })];
    server.freeze();
    publishAll(node, numbers(1, 50));
    // Written to the socket, where Redis will find it.
    await Bun.sleep(20);
    node.leave();
    publishAll(node, numbers(51, 60));
    expect(node.bus.backlog).toBe(60);
    server.thaw();
    await node.join();
    await settle(node, other);
    expect(other.payloads).toEqual(numbers(1, 60));
    expect(node.bus.backlog).toBe(0);
  });

  test("from a Redis that has lost its memory misses nothing that waited", async () => {
    await using server = await RedisServer.start();
    const [node, other] = [await Node.joined({ server }), await Node.joined({ server })];
    publishAll(node, numbers(1, 3));
    publishAll(other, numbers(101, 103));
    await settle(node, other);
    await server.kill();
    node.leave();
    other.leave();
    publishAll(node, numbers(4, 6));
    publishAll(other, numbers(104, 106));
    await server.restart();
    // One comes first and sends; the other finds it in the log.
    await node.join();
    await eventually(() => node.bus.backlog === 0, "everything to be sent");
    await other.join();
    await settle(node, other);
    const expected = [...numbers(1, 6), ...numbers(101, 106)];
    expect([...node.payloads].sort()).toEqual([...expected].sort());
    expect([...other.payloads].sort()).toEqual([...expected].sort());
    for (const { payloads } of [node, other]) {
      expect(payloads.filter((payload) => payload.length === 1)).toEqual(numbers(1, 6));
      expect(payloads.filter((payload) => payload.length === 3)).toEqual(numbers(101, 106));
    }
  });

  test("gets what was published since it started, and nothing from long before", async () => {
    const node = new Node();
    const [seconds] = (await shared.command("TIME")) as string[];
    const before = Number(seconds) * 1000 - 10_000;
    await shared.command("XADD", LOG, before, "e", new Hand().envelope(1));
    const other = await Node.joined();
    publishAll(other, ["7"]);
    await settle(other);
    await node.join();
    expect(node.payloads).toEqual(["7"]);
  });

  test("reads past entries of the log that are nobody's", async () => {
    const [node, session] = [new Node(), await shared.open()];
    for (let entry = 0; entry < 1200; entry += 1) {
      void session.send(["XADD", LOG, "*", "another", "field"]);
    }
    await session.send(["XADD", LOG, "*", "e", "{"]);
    await session.send(["XADD", LOG, "*", "e", new Hand().envelope(1), "more", "fields"]);
    await session.send(["XADD", LOG, "*", "e", new Hand(shared, "feed", "f0re1gn0").envelope(1)]);
    await node.join();
    expect(node.payloads).toEqual(["1"]);
    expect(node.events).toEqual(["caught up 1"]);
  });

  test("whose session is lost while it catches up is not there, and comes later", async () => {
    await using server = await RedisServer.start();
    const [node, other] = [await Node.joined({ server }), await Node.joined({ server })];
    node.leave();
    publishAll(other, numbers(1, 10));
    await settle(other);
    const session = await server.open();
    server.freeze();
    const joining = rejection(node.bus.join(session));
    await Bun.sleep(10);
    session.close("lost");
    expect(await joining).not.toBe("");
    node.bus.suspend();
    server.thaw();
    expect(await node.bus.nodes()).toBe(-1);
    await node.join();
    await settle(node, other);
    expect(node.payloads).toEqual(numbers(1, 10));
  });
});

describe("three workers", () => {
  test("each get each event once, in each publisher's order", async () => {
    const nodes = [await Node.joined(), await Node.joined(), await Node.joined()];
    for (let event = 0; event < 1000; event += 1) {
      for (const [at, node] of nodes.entries()) {
        node.bus.publish(`of ${at}`, String(event));
      }
      if (event % 50 === 0) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await settle(...nodes);
    for (const { deliveries, events } of nodes) {
      expect(deliveries.length).toBe(3000);
      for (const at of nodes.keys()) {
        const frames = deliveries
          .filter(([topic]) => topic === `of ${at}`)
          .map(([, frame]) => frame);
        expect(frames).toEqual(numbers(0, 999).map((n) => `{"type":"push","payload":${n}}`));
      }
      expect(events).toEqual([]);
    }
  });
});

describe("a probe", () => {
  test("comes back and tells its way", async () => {
    const node = await Node.joined();
    expect(node.bus.roundTripMs).toBeUndefined();
    node.bus.tick();
    const roundTripMs = await eventually(() => node.bus.roundTripMs, "the probe to come back");
    expect(roundTripMs).toBeWithin(0, 1000);
    expect(node.probes).toEqual([roundTripMs]);
    expect(node.bus.probeAgeMs).toBeWithin(0, 1000);
    for (let tick = 0; tick < 20; tick += 1) {
      node.ahead += 250;
      node.bus.tick();
      await settle(node);
    }
    expect(node.givenUp).toEqual([]);
    node.leave();
    expect(node.bus.roundTripMs).toBeUndefined();
    node.bus.tick();
  });

  test("of another worker is told, with what it says, behind the events before it", async () => {
    const node = await Node.joined();
    const other = await Node.joined();
    other.bus.tick();
    other.bus.publish("a", "1");
    const word = { type: "trace", id: "x", topic: "a" } as const;
    expect(other.bus.say(word)).toBe(true);
    expect(other.bus.say({ type: "bye" })).toBe(true);
    const deliveries = await eventually(
      () => (node.probed.length === 3 ? node.deliveries.length : undefined),
      "three probes",
    );
    expect(deliveries).toBe(1);
    const { originId } = other;
    expect(node.probed).toEqual([
      { originId, word: undefined },
      { originId, word },
      { originId, word: { type: "bye" } },
    ]);
    await settle(node, other);
    // Nothing was asked of itself, and what it said was not measured.
    expect([other.probed, other.probes.length, node.events]).toEqual([[], 1, []]);
  });

  test("that asks for an event which has not come is heard, and not answered", async () => {
    const node = await Node.joined();
    const writer = new EnvelopeWriter("00000000000000ff", KEY);
    const ask = writer.word(7, { type: "trace", id: "x", topic: "a" });
    const session = await shared.open();
    await session.send(["PUBLISH", "wavelog:events", ask]);
    await eventually(() => node.probed.length === 1, "the probe");
    expect(node.probed).toEqual([{ originId: "00000000000000ff", word: undefined }]);
    session.close("done");
  });

  test("says nothing while Redis is away, or what was published has not been written", async () => {
    const node = await Node.joined();
    node.leave();
    node.bus.publish("a", "1");
    expect(node.bus.say({ type: "bye" })).toBe(false);
    await node.join();
    expect(node.bus.say({ type: "bye" })).toBe(true);
  });

  test("that stays out gives the session up, whatever the sockets say", async () => {
    await using server = await RedisServer.start();
    const node = await Node.joined({ server });
    server.freeze();
    node.bus.tick();
    node.ahead += 2400;
    node.bus.tick();
    expect(node.givenUp).toEqual([]);
    node.ahead += 100;
    node.bus.tick();
    expect(node.givenUp.length).toBe(1);
    expect(node.givenUp[0]).toMatch(/^a probe has been out for 25\d\d ms$/);
  });

  test("finds a channel to which nobody is subscribed any more", async () => {
    const node = new Node();
    const session = await shared.open();
    // Connected, and not subscribed: the confirmation is given, and no message ever comes.
    await node.bus.join({
      serverId: session.serverId,
      lost: session.lost,
      send: (command) => session.send(command),
      subscribe: async () => undefined,
      stalledMs: () => 0,
      close: (reason) => session.close(reason),
    });
    node.bus.resume();
    node.bus.tick();
    await session.send(["PING"]);
    node.ahead += 2500;
    node.bus.tick();
    expect(node.givenUp.length).toBe(1);
  });

  test("that Redis refuses gives the session up", async () => {
    await using server = await RedisServer.start();
    const node = await Node.joined({ server });
    await server.command("ACL", "SETUSER", "default", "-publish");
    node.bus.tick();
    await eventually(() => node.givenUp.length > 0, "the session to be given up");
    expect(node.givenUp[0]).toStartWith("NOPERM ");
  });

  test("of an earlier session proves nothing to the next one", async () => {
    const node = await Node.joined();
    node.bus.tick();
    await settle(node);
    node.leave();
    await node.join();
    expect(node.bus.roundTripMs).toBeUndefined();
    node.bus.tick();
    await eventually(() => node.bus.roundTripMs, "the probe to come back");
  });
});

describe("the log", () => {
  test("is trimmed to ten thousand events", async () => {
    const node = await Node.joined();
    publishAll(node, numbers(1, 10_400));
    await settle(node);
    // Redis trims in steps of some 100 entries.
    expect(await shared.command("XLEN", LOG)).toBeWithin(10_000, 10_201);
    expect((await logged(shared)).at(-1)).toEqual(["e", expect.stringContaining('"seq":10400,')]);
  });

  test("is trimmed to 64 Mi, when events are large", async () => {
    const node = await Node.joined();
    const payload = `"${"x".repeat(1024 * 1024)}"`;
    publishAll(node, Array(80).fill(payload));
    await settle(node);
    expect(await shared.command("XLEN", LOG)).toBeWithin(60, 66);
  }, 20_000);

  test("is trimmed by what others send as well", async () => {
    const [node, other] = [await Node.joined(), await Node.joined()];
    const payload = `"${"x".repeat(1024 * 1024)}"`;
    publishAll(other, Array(40).fill(payload));
    await settle(node, other);
    publishAll(node, Array(40).fill(payload));
    await settle(node, other);
    expect(await shared.command("XLEN", LOG)).toBeWithin(60, 66);
  }, 20_000);

  test("is trimmed by age, and vanishes when nobody tidies it any more", async () => {
    const node = await Node.joined();
    const session = await shared.open();
    const [seconds] = (await session.send(["TIME"])) as string[];
    const old = Array.from({ length: 500 }, (_, entry) => {
      const id = `${Number(seconds) * 1000 - 700_000}-${entry + 1}`;
      return session.send(["XADD", LOG, id, "e", new Hand().envelope(1)]);
    });
    await Promise.all(old);
    publishAll(node, numbers(1, 3));
    await settle(node);
    expect(await shared.command("XLEN", LOG)).toBe(503);
    await node.bus.tidyLog();
    expect(await shared.command("XLEN", LOG)).toBeWithin(3, 110);
    expect((await logged(shared)).at(-1)).toEqual(["e", expect.stringContaining('"seq":3,')]);
    expect(await shared.command("PTTL", LOG)).toBeWithin(590_000, 600_001);
  });

  test("is tidied without a fault when it is not there, or Redis is not", async () => {
    await using server = await RedisServer.start();
    const node = new Node({ server });
    await node.bus.tidyLog();
    await node.join();
    await node.bus.tidyLog();
    expect(await server.command("EXISTS", LOG)).toBe(0);
    await server.command("SET", LOG, "text");
    await node.bus.tidyLog();
    await server.kill();
    await node.bus.tidyLog();
  });

  test("that is out of memory is told, and events go over the channel all the same", async () => {
    await using server = await RedisServer.start();
    const [node, other] = [await Node.joined({ server }), await Node.joined({ server })];
    await server.command("CONFIG", "SET", "maxmemory", 1);
    publishAll(node, ["1", "2"]);
    await other.untilDelivered(2);
    expect(other.payloads).toEqual(["1", "2"]);
    await eventually(() => node.events.length === 2, "the failures");
    expect(node.events[0]).toStartWith("log failed: OOM ");
    expect(node.givenUp).toEqual([]);
    await eventually(() => node.bus.backlog === 0, "everything to be sent");
  });

  test("on a server that has become a replica gives the session up", async () => {
    await using server = await RedisServer.start();
    const node = await Node.joined({ server });
    await server.command("REPLICAOF", "127.0.0.1", shared.port);
    publishAll(node, ["1"]);
    await eventually(() => node.givenUp.length > 0, "the session to be given up");
    expect(node.givenUp[0]).toStartWith("READONLY ");
  });
});

describe("publishing", () => {
  test("never waits: to a frozen Redis at most a thousand are under way, the others wait", async () => {
    await using server = await RedisServer.start();
    const [node, other] = [await Node.joined({ server }), await Node.joined({ server })];
    server.freeze();
    const start = performance.now();
    publishAll(node, numbers(1, 5000));
    expect(performance.now() - start).toBeLessThan(2000);
    expect(node.payloads.length).toBe(5000);
    expect(node.bus.backlog).toBe(5000);
    expect(await node.bus.nodes()).toBe(-1);
    server.thaw();
    await settle(node, other);
    expect(other.payloads).toEqual(numbers(1, 5000));
  });

  test("is refused by Redis: the session is given up, the event waits", async () => {
    await using server = await RedisServer.start();
    const [node, other] = [await Node.joined({ server }), await Node.joined({ server })];
    await server.command("ACL", "SETUSER", "default", "-publish");
    publishAll(node, ["1"]);
    await eventually(() => node.givenUp.length > 0, "the session to be given up");
    expect(node.givenUp[0]).toStartWith("NOPERM ");
    node.leave();
    expect(node.bus.backlog).toBe(1);
    await server.command("ACL", "SETUSER", "default", "+publish");
    await node.join();
    await settle(node, other);
    expect(other.payloads).toEqual(["1"]);
  });

  test("counts the nodes within 200 ms, even when Redis does not answer", async () => {
    await using server = await RedisServer.start();
    const node = await Node.joined({ server });
    server.freeze();
    const start = performance.now();
    expect(await node.bus.nodes()).toBe(-1);
    expect(performance.now() - start).toBeWithin(150, 700);
  });
});

describe("the outbox", () => {
  test("drops the oldest when it is full, and tells how many in all", async () => {
    const other = await Node.joined();
    const node = new Node({ outbox: { events: 3 } });
    publishAll(node, numbers(1, 5));
    expect(node.bus.backlog).toBe(3);
    expect(node.events).toEqual([]);
    node.bus.tick();
    node.bus.tick();
    expect(node.events).toEqual(["dropped 2"]);
    publishAll(node, numbers(6, 7));
    node.bus.tick();
    expect(node.events).toEqual(["dropped 2", "dropped 4"]);
    expect(node.payloads).toEqual(numbers(1, 7));
    await node.join();
    await settle(node, other);
    expect(other.payloads).toEqual(numbers(5, 7));
    expect(node.events).toEqual(["dropped 2", "dropped 4", "sent 3, dropped 4"]);
  });

  test("drops what is too old, and sends what is not, on a clock that goes on meanwhile", async () => {
    const other = await Node.joined();
    const node = new Node({ outbox: { ageMs: 60_000 } });
    publishAll(node, ["1"]);
    node.ahead += 40_000;
    publishAll(node, ["2"]);
    node.ahead += 21_000;
    await node.join();
    await settle(node, other);
    expect(other.payloads).toEqual(["2"]);
    expect(node.events).toEqual(["dropped 1", "sent 1, dropped 1"]);
  });

  test("empties before a stop, when there is time", async () => {
    const [node, other] = [await Node.joined(), await Node.joined()];
    publishAll(node, numbers(1, 3000));
    await node.bus.drain(5000);
    expect(node.bus.backlog).toBe(0);
    await settle(node, other);
    expect(other.payloads).toEqual(numbers(1, 3000));
  });

  test("keeps a stop waiting until the deadline, and no longer", async () => {
    await using server = await RedisServer.start();
    const node = await Node.joined({ server });
    server.freeze();
    publishAll(node, ["1"]);
    const start = performance.now();
    await node.bus.drain(100);
    expect(performance.now() - start).toBeWithin(95, 1000);
    expect(node.bus.backlog).toBe(1);
  });

  test("keeps no stop waiting while Redis is away", async () => {
    const node = new Node();
    publishAll(node, ["1"]);
    const start = performance.now();
    await node.bus.drain(5000);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

/** A Redis with a log of its own, whose every answer a test may delay. */
class FakeRedis implements RedisSession {
  readonly serverId = "fake";
  readonly lost = new Promise<string>(() => undefined);
  readonly entries: string[] = [];
  /** From where on each page of the log was asked for. */
  readonly pages: string[] = [];
  /** Runs before a page of the log is answered. */
  onPage: () => void = () => undefined;
  message: (text: string) => void = () => undefined;
  /** What has been published and is not confirmed: each to be called. */
  readonly unconfirmed: (() => void)[] = [];

  send(command: readonly string[]): Promise<Reply> {
    const [name = "", , from = "", , , count] = command;
    switch (name) {
      case "TIME":
        return Promise.resolve([String(FAKE_TIME_MS / 1000), "0"]);
      case "XRANGE":
        return Promise.resolve(this.#page(from, Number(count)));
      case "PUBLISH": {
        const { promise, resolve } = Promise.withResolvers<Reply>();
        this.unconfirmed.push(() => resolve(1));
        return promise;
      }
      default:
        return Promise.resolve("OK");
    }
  }

  async subscribe(_channel: string, onMessage: (message: string) => void): Promise<void> {
    this.message = onMessage;
  }

  stalledMs(): number {
    return 0;
  }

  close(): void {
    this.onPage = () => undefined;
  }

  /** Another worker publishes. */
  both(envelope: string): void {
    this.entries.push(envelope);
    this.message(envelope);
  }

  #page(from: string, count: number): Reply {
    this.pages.push(from);
    const first = Number(/^\((\d+)-0$/.exec(from)?.[1] ?? 0);
    const page = this.entries.slice(first, first + count);
    const reply = page.map((envelope, at) => [`${first + at + 1}-0`, ["e", envelope]]);
    this.onPage();
    return reply;
  }
}

/** What a {@link FakeRedis} says the time is. */
const FAKE_TIME_MS = 1_800_000_000_000;

describe("while the gateways are full", () => {
  test("events of others wait, and come in order when there is room", async () => {
    const [node, redis, hand] = [new Node(), new FakeRedis(), new Hand()];
    await node.bus.join(redis);
    redis.both(hand.envelope(1));
    node.isFull = true;
    redis.both(hand.envelope(2));
    redis.both(hand.envelope(3));
    expect(node.payloads).toEqual(["1"]);
    node.isFull = false;
    await eventually(() => node.payloads.length === 3, "the events");
    redis.both(hand.envelope(4));
    expect(node.payloads).toEqual(["1", "2", "3", "4"]);
  });

  test("what finds no room among those that wait is read from the log", async () => {
    const [node, redis, hand] = [new Node(), new FakeRedis(), new Hand()];
    await node.bus.join(redis);
    node.isFull = true;
    for (let seq = 1; seq <= 20_100; seq += 1) {
      redis.both(hand.envelope(seq));
    }
    node.isFull = false;
    await eventually(() => node.payloads.length === 20_100, "the events");
    expect(node.payloads).toEqual(numbers(1, 20_100));
  });

  test("events of the original worker, which are in no log, are counted when dropped", async () => {
    const [node, redis] = [new Node(), new FakeRedis()];
    await node.bus.join(redis);
    node.isFull = true;
    for (let event = 1; event <= 20_003; event += 1) {
      redis.message(`{"origin_id":"ffffffffffffffff","topic":"a","payload":${event}}`);
    }
    expect(node.events).toEqual(["held dropped 1", "held dropped 2", "held dropped 3"]);
    node.isFull = false;
    await eventually(() => node.payloads.length === 20_000, "the events that were held");
    expect(node.payloads).toEqual(numbers(1, 20_000));
  });

  test("a session that is lost meanwhile takes nothing with it", async () => {
    const [node, redis, hand] = [new Node(), new FakeRedis(), new Hand()];
    await node.bus.join(redis);
    node.isFull = true;
    redis.both(hand.envelope(1));
    node.bus.suspend();
    node.isFull = false;
    await node.bus.join(redis);
    expect(node.payloads).toEqual(["1"]);
    expect(node.givenUp).toEqual([]);
  });
});

describe("while the log is read", () => {
  test("more messages than are held make it be read again, and nothing is lost", async () => {
    const [node, redis, hand] = [new Node(), new FakeRedis(), new Hand()];
    let seq = 0;
    const publish = (count: number): void => {
      for (let event = 0; event < count; event += 1) {
        seq += 1;
        redis.both(hand.envelope(seq));
      }
    };
    redis.onPage = () => {
      if (redis.pages.length === 1) {
        publish(20_100);
      } else if (redis.pages.length === 2) {
        publish(10);
      }
    };
    await node.bus.join(redis);
    publish(1);
    expect(node.payloads).toEqual(numbers(1, 20_111));
    // Once in vain, then all of it in pages of 500.
    expect(redis.pages.length).toBe(1 + 41);
  });

  test("pages of it wait until the gateways have room", async () => {
    const [node, redis, hand] = [new Node(), new FakeRedis(), new Hand()];
    redis.entries.push(hand.envelope(1), hand.envelope(2));
    node.isFull = true;
    const joined = node.bus.join(redis);
    await eventually(() => redis.pages.length === 1, "the log to be read");
    redis.both(hand.envelope(3));
    expect(node.payloads).toEqual([]);
    node.isFull = false;
    await joined;
    expect(node.payloads).toEqual(["1", "2", "3"]);
  });

  test("one's own probe measures its way", async () => {
    const [node, redis, hand] = [new Node(), new FakeRedis(), new Hand()];
    await node.bus.join(redis);
    node.bus.tick();
    redis.both(hand.envelope(1));
    redis.both(hand.envelope(3));
    redis.message(new EnvelopeWriter(node.originId, KEY).probe(1, 0));
    expect(node.bus.roundTripMs).toBeDefined();
    await eventually(() => node.payloads.length === 2, "the deliveries");
    expect(node.payloads).toEqual(["1", "3"]);
  });

  test("one's own probe does not prove that what came before it was taken", async () => {
    const [node, redis, hand] = [new Node(), new FakeRedis(), new Hand()];
    await node.bus.join(redis);
    node.ahead += 5000;
    node.bus.tick();
    redis.both(hand.envelope(1));
    redis.onPage = () => {
      redis.message(new EnvelopeWriter(node.originId, KEY).probe(1, 0));
      node.bus.suspend();
    };
    redis.both(hand.envelope(3));
    expect(node.bus.roundTripMs).toBeUndefined();
    await eventually(() => redis.pages.length === 2, "the log to be read");
    node.ahead += 5000;
    const next = new FakeRedis();
    await node.bus.join(next);
    // From two seconds before the last session began, which was ten seconds ago.
    expect(FAKE_TIME_MS - Number(next.pages[0])).toBeWithin(12_000, 13_000);
  });

  test("what comes waits, so that what was missed comes first", async () => {
    const [node, redis, hand] = [new Node(), new FakeRedis(), new Hand()];
    redis.entries.push(...[1, 2, 3].map((seq) => hand.envelope(seq)));
    redis.onPage = () => {
      redis.onPage = () => undefined;
      redis.message(hand.envelope(4));
      redis.message('{"origin_id":"original","topic":"a","payload":"original"}');
      expect(node.payloads).toEqual([]);
    };
    await node.bus.join(redis);
    expect(node.payloads).toEqual(["1", "2", "3", "4", '"original"']);
  });
});

describe("the log is read from", () => {
  test("two seconds before the start, by who comes first", async () => {
    const [node, redis] = [new Node(), new FakeRedis()];
    node.ahead += 30_000;
    await node.bus.join(redis);
    expect(FAKE_TIME_MS - Number(redis.pages[0])).toBeWithin(32_000, 33_000);
  });

  test("two seconds before the last probe that came back, by who was there", async () => {
    const [node, redis] = [new Node(), new FakeRedis()];
    await node.bus.join(redis);
    node.ahead += 60_000;
    node.bus.tick();
    redis.message(new EnvelopeWriter(node.originId, KEY).probe(1, 0));
    node.bus.suspend();
    node.ahead += 7000;
    const next = new FakeRedis();
    await node.bus.join(next);
    expect(FAKE_TIME_MS - Number(next.pages[0])).toBeWithin(9000, 10_000);
  });
});

describe("what is sent", () => {
  test("waits until the worker has recovered, at the start and after an outage", async () => {
    const node = new Node();
    for (const [at, redis] of [new FakeRedis(), new FakeRedis()].entries()) {
      publishAll(node, [String(at)]);
      await node.bus.join(redis);
      publishAll(node, ["x"]);
      expect(redis.unconfirmed.length).toBe(0);
      node.bus.resume();
      expect(redis.unconfirmed.length).toBe(node.bus.backlog);
      node.bus.suspend();
    }
    expect(node.bus.backlog).toBe(4);
  });

  test("is a thousand envelopes at once, then one for each that is confirmed", async () => {
    const [node, redis] = [new Node(), new FakeRedis()];
    await node.bus.join(redis);
    node.bus.resume();
    publishAll(node, numbers(1, 1500));
    expect(redis.unconfirmed.length).toBe(1000);
    for (const confirm of redis.unconfirmed.slice(0, 10)) {
      confirm();
    }
    await eventually(() => redis.unconfirmed.length === 1010, "the next ones");
    expect(node.bus.backlog).toBe(1490);
  });

  test("is not confirmed by what an earlier session says", async () => {
    const [node, first, second] = [new Node(), new FakeRedis(), new FakeRedis()];
    await node.bus.join(first);
    node.bus.resume();
    publishAll(node, ["1"]);
    node.bus.suspend();
    await node.bus.join(second);
    node.bus.resume();
    first.unconfirmed[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(node.bus.backlog).toBe(1);
    second.unconfirmed[0]?.();
    await eventually(() => node.bus.backlog === 0, "the event to be confirmed");
  });
});

describe("a log that is none of ours", () => {
  test("is told, and stops nobody from joining", async () => {
    await shared.command("SET", LOG, "no stream");
    const node = await Node.joined();
    const other = await Node.joined();
    other.bus.publish("a", "1");
    await node.untilDelivered(1);
    expect(node.events[0]).toStartWith("log failed: WRONGTYPE");
  });
});

describe("another worker's probe", () => {
  test("that says what it has sent makes up for the last event, with no later one to show it", async () => {
    const node = await Node.joined();
    const hand = new Hand();
    await hand.both(1);
    await hand.log(2);
    await hand.log(3);
    await hand.probe(1, 3);
    await node.untilDelivered(3);
    expect(node.payloads).toEqual(["1", "2", "3"]);
    expect(node.events).toEqual(["caught up 2"]);
  });

  test("makes up for the first event of a worker that had shown itself before", async () => {
    const node = await Node.joined();
    const hand = new Hand();
    await hand.probe(1, 0);
    await hand.log(1);
    await hand.probe(2, 1);
    await node.untilDelivered(1);
    expect(node.payloads).toEqual(["1"]);
  });

  test("of which the log knows nothing takes nothing away from what comes later", async () => {
    const node = await Node.joined();
    const hand = new Hand();
    await hand.both(1);
    await hand.probe(1, 3);
    await hand.probe(2, 3);
    await hand.both(2);
    await hand.both(3);
    await node.untilDelivered(3);
    expect(node.payloads).toEqual(["1", "2", "3"]);
  });

  test("of a worker not heard of before asks for nothing", async () => {
    const node = await Node.joined();
    const hand = new Hand();
    await hand.log(1);
    await hand.probe(1, 1);
    await settle(node);
    expect(node.payloads).toEqual([]);
  });
});

describe("a Redis that comes back without memory", () => {
  test("is given the last events again, for those who had not read them; others get none twice", async () => {
    await using server = await RedisServer.start();
    const [origin, prompt, late] = [
      await Node.joined({ server }),
      await Node.joined({ server }),
      await Node.joined({ server }),
    ];
    publishAll(origin, ["1"]);
    await settle(origin, prompt, late);
    late.leave();
    publishAll(origin, ["2", "3"]);
    await settle(origin, prompt);
    // Whatever late could have read is gone.
    await server.restart();
    origin.leave();
    prompt.leave();
    await origin.join();
    await prompt.join();
    await late.join();
    await settle(origin, prompt, late);
    expect(late.payloads).toEqual(["1", "2", "3"]);
    expect(prompt.payloads).toEqual(["1", "2", "3"]);
    expect(origin.payloads).toEqual(["1", "2", "3"]);
  });

  test("is given them although the worker that needs them came back first", async () => {
    await using server = await RedisServer.start();
    const [origin, late] = [await Node.joined({ server }), await Node.joined({ server })];
    publishAll(origin, ["1"]);
    await settle(origin, late);
    late.leave();
    publishAll(origin, ["2", "3"]);
    await settle(origin);
    await server.restart();
    origin.leave();
    await late.join();
    await origin.join();
    // Nothing is published any more: its next probe tells.
    origin.ahead += 2000;
    origin.bus.tick();
    await late.untilDelivered(3);
    expect(late.payloads).toEqual(["1", "2", "3"]);
  });
});

describe("while the secret is being changed", () => {
  const OLD = { current: "01d01d01", previous: undefined };
  const BOTH = { current: "4e44e44e", previous: OLD.current };
  const NEW = { current: BOTH.current, previous: undefined };

  /** Has each publish, and expects each to have got everything. */
  async function expectOneCluster(nodes: readonly Node[], step: string): Promise<void> {
    for (const [at, node] of nodes.entries()) {
      publishAll(node, [`"${step} ${at}"`]);
    }
    await settle(...nodes);
    const expected = nodes.map((_, at) => `"${step} ${at}"`).sort();
    for (const node of nodes) {
      expect(node.payloads.sort()).toEqual(expected);
      expect(node.events).toEqual([]);
      node.deliveries.length = 0;
    }
  }

  test("on one worker after the other, each event comes to all at every step", async () => {
    const nodes = await Promise.all([1, 2, 3].map(() => Node.joined({ keys: OLD })));
    for (const [what, keys] of [
      ["both", BOTH],
      ["new", NEW],
    ] as const) {
      for (const [at, node] of nodes.entries()) {
        node.bus.reconfigure(keys, ROOMY);
        await expectOneCluster(nodes, `${what} ${at}`);
      }
    }
  });

  test("by restarts alike, once a worker that is new has been heard", async () => {
    const [first, second] = [await Node.joined({ keys: BOTH }), await Node.joined({ keys: BOTH })];
    const messages = await tapped(shared);
    publishAll(first, ["0"]);
    await settle(first, second);
    expect(messages.at(-2)).toContain(`"key":"${OLD.current}"`);
    first.deliveries.length = 0;
    second.deliveries.length = 0;
    // It has never heard of the former secret.
    const restarted = await Node.joined({ keys: NEW });
    restarted.bus.tick();
    await settle(first, second, restarted);
    await expectOneCluster([first, second, restarted], "restarted");
    expect(messages.some((message) => message.includes(`"restarted 0"`))).toBe(true);
    for (const message of messages.filter((text) => text.includes('"restarted '))) {
      expect(message).toContain(`"key":"${NEW.current}"`);
    }
  });

  test("nothing is read from the log that tells a worker to send with the new key", async () => {
    const node = new Node({ keys: BOTH });
    const hand = new Hand(shared, "feedfeedfeedfeed", NEW.current);
    await hand.log(1);
    await node.join();
    const messages = await tapped(shared);
    publishAll(node, ["1"]);
    await eventually(() => messages.length === 1, "the envelope");
    expect(messages[0]).toContain(`"key":"${OLD.current}"`);
  });

  test("what waited for Redis meanwhile is taken all the same", async () => {
    const [away, other] = [new Node({ keys: OLD }), await Node.joined({ keys: OLD })];
    publishAll(away, ["1"]);
    for (const keys of [BOTH, NEW]) {
      away.bus.reconfigure(keys, ROOMY);
      other.bus.reconfigure(keys, ROOMY);
      publishAll(away, [`"${keys.previous ?? "none"}"`]);
    }
    await away.join();
    await settle(away, other);
    expect(other.payloads).toEqual(["1", `"${OLD.current}"`, '"none"']);
  });
});

test("an outbox with other bounds keeps to them from the next event on", async () => {
  const node = new Node();
  publishAll(node, numbers(1, 10));
  node.bus.reconfigure({ current: KEY, previous: undefined }, { ...ROOMY, events: 3 });
  publishAll(node, ["11"]);
  expect(node.bus.backlog).toBe(3);
  node.bus.tick();
  expect(node.events).toEqual(["dropped 8"]);
});
