import fc from "fast-check";
import { eventually } from "../../../test/support/changes.ts";
import { clusterView, Nodes, nodeStatus } from "../../../test/support/cluster-nodes.ts";
import { RedisServer } from "../../../test/support/cluster-redis.ts";
import type { RedisClient } from "../../../test/support/cluster-redis-client.ts";
import { sign } from "../../../test/support/token.ts";
import { Witness } from "../../../test/support/witness.ts";
import type { WorkerProcess } from "../../../test/support/worker.ts";
import type { WsClient } from "../../../test/support/ws-client.ts";
import { must, mustEqual } from "../check.ts";
import { members, object, stringText, tokenSoup, valueText } from "../generate/json.ts";
import { mutated, mutatedBytes } from "../generate/mutation.ts";
import { hexText, repeatedText, seldom, wildText } from "../generate/text.ts";
import { Arena } from "./arena.ts";
import { wireTarget } from "./target.ts";

/** Something that another program does to the Redis of a cluster. */
type Case =
  /** An event as the original worker writes it, or one of our kind; it must be delivered. */
  | { readonly kind: "event"; readonly payload: string; readonly origin: string | number }
  /** An event that an origin has sent before; it must not. */
  | { readonly kind: "repeated"; readonly origin: number }
  | { readonly kind: "garbage"; readonly message: string | Uint8Array; readonly isLogged: boolean }
  | { readonly kind: "key"; readonly topic: string; readonly value: string | Uint8Array }
  | { readonly kind: "report"; readonly node: string; readonly value: string | Uint8Array };

const CHANNEL = "wavelog:events";
const TOPIC = "fuzz.events";

/** Origins of our kind that are invented here; their counts go up by one as a worker's do. */
const ORIGINS = 3;

/** How long an invented topic stays in Redis, in milliseconds: they must not fill it. */
const TOPIC_STAY_MS = 2000;

/** How long an invented report does: beyond 256 of them, real ones are not listed. */
const REPORT_STAY_MS = 200;

/** Entries of the log that are kept. */
const LOG_ENTRIES = 500;

/** How long events may take to arrive, in milliseconds. */
const ARRIVAL_MS = 20_000;

/** The installation's fingerprint is not known beforehand: this stands for it. */
const KEY = "%KEY%";

/** What envelopes are made of, but for origins of real workers and topics that somebody watches. */
const envelope = fc
  .array(
    fc.oneof(
      members(
        fc.constantFrom(
          ...["topic", "payload", "seq", "probe", "notice", "x"].map((name) => `"${name}"`),
        ),
        fc.oneof(
          valueText,
          fc.constantFrom("1", "0", "-1", "2", "1e999", '"invented"', '"worker.status"', "null"),
          fc.constantFrom(
            '{"register":"invented","require_token":false,"ttl_ms":1000}',
            '{"register":"invented","require_token":false,"ttl_ms":9007199254740991}',
            '{"unregister":"invented"}',
            '{"unregister":"worker.status"}',
          ),
        ),
      ),
      members(
        fc.constant('"origin_id"'),
        fc.oneof(
          hexText(16).map((text) => `"${text}"`),
          stringText,
          valueText,
        ),
      ),
      members(fc.constant('"key"'), fc.constantFrom(`"${KEY}"`, '"00000000"', "null")),
    ),
    { maxLength: 8 },
  )
  .map((all) => object(all));

const garbage = seldom<string | Uint8Array>(
  fc.oneof(
    envelope,
    mutated(envelope),
    mutatedBytes(envelope.map((text) => Buffer.from(text))),
    valueText,
    tokenSoup,
    wildText(),
    fc.uint8Array({ maxLength: 60 }),
  ),
  2000,
  repeatedText(fc.constantFrom("[", "z", '{"a":'), 3 * 1024 * 1024),
);

const meta = fc.oneof(
  fc.constantFrom('{"require_token":true}', '{"require_token":false}', "{}", "null", "", "[]"),
  garbage,
);

const report = fc.oneof(
  garbage,
  fc
    .record({
      node: hexText(16),
      host: wildText(),
      version: wildText(),
      started: wildText(),
      topics: fc.oneof(fc.nat(), fc.double()),
      sockets: fc.nat(),
      clients: fc.nat(),
      probe_ms: fc.oneof(fc.double(), fc.constant(null)),
    })
    .map((fields) => JSON.stringify(fields)),
);

const cases: fc.Arbitrary<Case> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("event" as const),
      payload: valueText,
      origin: fc.oneof(hexText(1, 64), fc.nat({ max: ORIGINS - 1 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("repeated" as const),
      origin: fc.nat({ max: ORIGINS - 1 }),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant("garbage" as const),
      message: garbage,
      isLogged: seldom(fc.constant(false), 4, fc.constant(true)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("key" as const),
      topic: wildText().map((text) => `invented.${text.toWellFormed()}`),
      value: meta,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("report" as const),
      node: wildText().map((text) => text.toWellFormed()),
      value: report,
    }),
  },
);

/** The other program, and a browser that hears what comes through. */
class Intruder {
  readonly #client: RedisClient;
  readonly #worker: WorkerProcess;
  readonly #socket: WsClient;
  readonly #key: string;
  /** The workers of the cluster. */
  readonly #ids: readonly string[];
  /** The last count of each invented origin. */
  readonly #counts = Array.from({ length: ORIGINS }, () => 0);
  readonly #expected: string[] = ['{"type":"auth_ok"}'];

  constructor(
    client: RedisClient,
    worker: WorkerProcess,
    socket: WsClient,
    ids: readonly string[],
  ) {
    this.#ids = ids;
    this.#client = client;
    this.#worker = worker;
    this.#socket = socket;
    this.#key = sign(worker.secret, CHANNEL).slice(0, 8);
  }

  async attempt(input: Case): Promise<void> {
    switch (input.kind) {
      case "event":
        this.#expected.push(`{"type":"push","payload":${input.payload}}`);
        await this.#publish(
          typeof input.origin === "string"
            ? { origin_id: `o${input.origin}`.slice(0, 64) }
            : this.#known(input.origin, this.#next(input.origin)),
          input.payload,
        );
        return;
      case "repeated": {
        const count = this.#counts[input.origin] ?? 0;
        if (count > 0) {
          await this.#publish(this.#known(input.origin, count), '"repeated"');
        }
        return;
      }
      case "garbage": {
        const message = this.#filled(input.message);
        await (input.isLogged
          ? this.#client.do("XADD", "wavelog:log", "MAXLEN", LOG_ENTRIES, "*", "e", message)
          : this.#client.do("PUBLISH", CHANNEL, message));
        return;
      }
      case "key": {
        const { topic, value } = input;
        const meta = this.#filled(value);
        const body = `{"topic":${JSON.stringify(topic)},"payload":1}`;
        // While Redis is slow to answer, the worker goes by what it knows itself: then once more.
        await eventually(async () => {
          await this.#client.do("SET", `wavelog:topic:${topic}`, meta, "PX", TOPIC_STAY_MS);
          return (await this.#worker.api.post("/internal/publish", body)).status === 200;
        }, "a topic that is there to be published to");
        return;
      }
      case "report": {
        const { node, value } = input;
        await this.#client.do(
          ...["SET", `wavelog:node:${node}`, this.#filled(value), "PX", REPORT_STAY_MS],
        );
        const { nodes } = await clusterView(this.#worker);
        const listed = nodes.map((one) => one.node);
        must(
          this.#ids.every((id) => listed.includes(id)),
          () => `only ${listed} are listed`,
        );
      }
    }
  }

  /** Waits until all has come that must, and nothing else has. */
  async settle(): Promise<void> {
    this.#expected.push('{"type":"push","payload":"fence"}');
    await this.#publish({ origin_id: "fence" }, '"fence"');
    const { frames } = this.#socket;
    await eventually(
      () => frames.length >= this.#expected.length || this.#socket.close !== undefined,
      `${this.#expected.length} events (there are ${frames.length})`,
      ARRIVAL_MS,
    );
    const first = this.#expected.findIndex((frame, index) => frames[index] !== frame);
    must(first < 0, () => `heard ${frames[first]}, expected ${this.#expected[first]}`);
    mustEqual(frames.length, this.#expected.length, "the number of events");
  }

  async #publish(fields: object, payload: string): Promise<void> {
    const start = JSON.stringify({ ...fields, topic: TOPIC }).slice(0, -1);
    await this.#client.do("PUBLISH", CHANNEL, `${start},"payload":${payload}}`);
  }

  #next(origin: number): number {
    const count = (this.#counts[origin] ?? 0) + 1;
    this.#counts[origin] = count;
    return count;
  }

  #known(origin: number, seq: number): object {
    return { origin_id: `invented${origin}`, seq, key: this.#key };
  }

  #filled(message: string | Uint8Array): string | Uint8Array {
    return typeof message === "string" ? message.replaceAll(KEY, this.#key) : message;
  }
}

/** What others write into the Redis of a cluster: it does what it says, or nothing at all. */
export const redis = wireTarget<Case>({
  name: "redis",
  weight: 3,
  cases,
  open: async (program) => {
    await using scope = new AsyncDisposableStack();
    // By default Redis itself cuts off a subscriber that is 32 MiB behind, which a busy machine reaches.
    const args = ["--client-output-buffer-limit", "pubsub 256mb 128mb 60"];
    const server = scope.use(await RedisServer.start({ args }));
    const options = {
      redis: server.url,
      count: 2,
      target: program,
      config: { gateway_threads: 1 },
    };
    const nodes = scope.use(await Nodes.start(options));
    const [first, second] = [nodes.at(0), nodes.at(1)];
    await first.api.register(TOPIC, false);
    const socket = scope.use(await second.subscribe(TOPIC));
    // At the worker that is told of an event, and at the other one.
    const witnesses = [await Witness.start(first, 2), await Witness.start(second, 2, first)];
    const ids = (await Promise.all(nodes.all.map(nodeStatus))).map(({ node }) => node);
    const client = scope.use(await server.client());
    const intruder = new Intruder(client, first, socket, ids);
    return {
      arena: new Arena(nodes.all, witnesses, scope.move()),
      attempt: (value) => intruder.attempt(value),
      settle: () => intruder.settle(),
    };
  },
});
