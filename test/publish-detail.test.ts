import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { publishBody } from "./support/api.ts";
import { eventually } from "./support/changes.ts";
import { Nodes, nodeStatus, statusBecomes } from "./support/cluster-nodes.ts";
import { RedisServer } from "./support/cluster-redis.ts";
import { newTopic, onEachTarget } from "./support/each-target.ts";
import { exchange, type HttpAnswer } from "./support/http.ts";
import { TARGETS } from "./support/targets.ts";
import type { WorkerProcess } from "./support/worker.ts";

setDefaultTimeout(60_000);

/** How long Redis is waited for, in milliseconds, and what a busy machine adds. */
const PATIENCE_MS = 200;
const MARGIN_MS = 300;

type Headers = readonly (readonly [name: string, value: string])[];

async function publish(
  worker: WorkerProcess,
  topic: string,
  query = "",
  headers: Headers = [],
): Promise<HttpAnswer> {
  const path = `/internal/publish${query}`;
  const body = publishBody(topic, '{"a":1}');
  return await exchange(worker.ports.internal, { path, secret: worker.secret, body, headers });
}

interface Detail {
  readonly id: string;
  readonly sockets: number;
  readonly nodes: number | null;
  readonly redis: string;
}

/** The detailed answer, and how long it took, in milliseconds. */
async function detail(
  worker: WorkerProcess,
  topic: string,
): Promise<Detail & { readonly tookMs: number }> {
  const start = performance.now();
  const answer = await publish(worker, topic, "?detail=1");
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
  return { ...(JSON.parse(answer.body) as Detail), tookMs: performance.now() - start };
}

/** A topic that so many sockets watch, as the worker counts them. */
async function watchedTopic(worker: WorkerProcess, sockets: number): Promise<string> {
  const topic = newTopic();
  await worker.api.register(topic, false);
  for (let socket = 0; socket < sockets; socket += 1) {
    await worker.subscribe(topic);
  }
  await eventually(() => logOf(worker, topic).length === sockets + 1, "the sockets to be counted");
  return topic;
}

function logOf(worker: WorkerProcess, topic: string) {
  return worker.log.filter((line) => line["topic"] === topic);
}

onEachTarget(
  "a publish whose caller wants to know",
  (worker) => {
    test("is told of the sockets here, and that there is no Redis", async () => {
      const topic = await watchedTopic(worker(), 2);
      const { node } = await nodeStatus(worker());
      const answer = await publish(worker(), topic, "?detail=1");
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("application/json");
      expect(answer.headers.has("preference-applied")).toBe(false);
      const number = JSON.parse(answer.body).id.split("-")[1];
      expect(answer.body).toBe(`{"id":"${node}-${number}","sockets":2,"nodes":0,"redis":"off"}`);
      expect(Number(number)).toBeGreaterThan(0);
      const next = await detail(worker(), topic);
      expect(next.id).toBe(`${node}-${Number(number) + 1}`);
    });

    test("may say so in a header", async () => {
      const topic = await watchedTopic(worker(), 0);
      const answer = await publish(worker(), topic, "", [["Prefer", "return=representation"]]);
      expect(answer.headers.get("preference-applied")).toBe("return=representation");
      expect(JSON.parse(answer.body)).toEqual(expect.objectContaining({ sockets: 0 }));
    });

    test("else the answer is the contract's, whatever else is sent along", async () => {
      const topic = await watchedTopic(worker(), 1);
      const plain = await publish(worker(), topic);
      expect([plain.status, plain.body]).toEqual([200, ""]);
      const names = ["connection", "content-length", "date", "keep-alive"];
      expect([...plain.headers.keys()].sort()).toEqual(names);
      const named = await publish(worker(), topic, "?detail=0", [
        ["X-Request-Id", "abc-1"],
        ["Prefer", "return=minimal"],
      ]);
      const undated = ({ headers, ...answer }: HttpAnswer) => ({
        ...answer,
        headers: [...headers].filter(([name]) => name !== "date"),
      });
      expect(undated(named)).toEqual(undated(plain));
    });

    test("is refused as any other", async () => {
      const answer = await publish(worker(), newTopic(), "?detail=1");
      expect([answer.status, answer.body]).toEqual([404, "topic not registered"]);
    });
  },
  { config: { log_level: "debug" } },
);

onEachTarget(
  "a call that PHP has named",
  (worker) => {
    test("is named in the log's lines about it, cleaned and cut", async () => {
      const topic = newTopic();
      const { secret, ports } = worker();
      const call = async (path: string, id: string, more = {}): Promise<HttpAnswer> => {
        const body = JSON.stringify({ topic, ...more });
        const headers: Headers = [["X-Request-Id", id]];
        return await exchange(ports.internal, { path: `/internal/${path}`, secret, body, headers });
      };
      await call("register", "abc-1");
      const { headers } = await call("publish", "abc-2", { payload: "é" });
      expect(headers.has("x-request-id")).toBe(false);
      await call("unregister", `${"y".repeat(64)}z`);
      await eventually(() => logOf(worker(), topic).length >= 3, "three lines");
      expect(logOf(worker(), topic)).toEqual([
        expect.objectContaining({ msg: "topic registered", request_id: "abc-1" }),
        expect.objectContaining({
          level: "debug",
          msg: "published",
          bytes: 4,
          sockets: 0,
          seq: expect.any(Number),
          request_id: "abc-2",
        }),
        expect.objectContaining({ msg: "topic unregistered", request_id: "y".repeat(64) }),
      ]);
    });
  },
  { config: { log_level: "debug" } },
);

for (const target of TARGETS) {
  describe(`in a cluster (${target.name})`, () => {
    test("the answer tells how many others have it, or that it waits for Redis", async () => {
      await using redis = await RedisServer.start();
      await using nodes = await Nodes.start({ redis: redis.url, count: 3, target });
      const [here, there] = [nodes.at(0), nodes.at(1)];
      const topic = await nodes.newTopic();
      const { node } = await nodeStatus(here);
      using watcher = await there.subscribe(topic);

      const first = await detail(here, topic);
      expect(first).toEqual(expect.objectContaining({ sockets: 0, nodes: 2, redis: "sent" }));
      expect(first.id).toMatch(new RegExp(`^${node}-[0-9]+$`));
      await watcher.framesReach(2);

      // Redis hangs: it is waited for, but not for long.
      redis.freeze();
      const hung = await detail(here, topic);
      expect(hung).toEqual(expect.objectContaining({ nodes: null, redis: "queued" }));
      // Lookup and confirmation may both have to be given up.
      expect(hung.tookMs).toBeLessThan(2 * PATIENCE_MS + MARGIN_MS);
      redis.thaw();
      await watcher.framesReach(3);

      // It is stopped, and known to be: nobody waits.
      await redis.stop();
      await statusBecomes(here, (status) => status.redis === "down", "Redis to be missed");
      const queued = await detail(here, topic);
      expect(queued).toEqual(expect.objectContaining({ nodes: null, redis: "queued" }));
      expect(queued.tookMs).toBeLessThan(PATIENCE_MS + MARGIN_MS);

      await redis.start();
      await nodes.areUp();
      await watcher.framesReach(4);
      const last = await detail(here, topic);
      expect(last).toEqual(expect.objectContaining({ nodes: 2, redis: "sent" }));
      const ids = [first, hung, queued, last].map(({ id }) => Number(id.split("-")[1]));
      expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
    });
  });
}
