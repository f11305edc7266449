import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { publishBody } from "./support/api.ts";
import { eventually } from "./support/changes.ts";
import { Nodes, nodeStatus } from "./support/cluster-nodes.ts";
import { RedisServer } from "./support/cluster-redis.ts";
import { newTopic, onEachTarget } from "./support/each-target.ts";
import { exchange } from "./support/http.ts";
import { LightSocket } from "./support/light-socket.ts";
import { run } from "./support/program.ts";
import { TARGETS } from "./support/targets.ts";
import { LOOPBACK } from "./support/tcp-client.ts";
import { TempDir } from "./support/temp-dir.ts";
import { makeToken } from "./support/token.ts";
import { configText, startWorker, type WorkerProcess } from "./support/worker.ts";
import { OPCODE } from "./support/ws-client.ts";

/** Allowance for machines that do much else, in milliseconds. */
const SOON_MS = 5000;

interface Recent {
  readonly closes: readonly Readonly<Record<string, unknown>>[];
  readonly refusals: readonly Readonly<Record<string, unknown>>[];
  readonly publishes: readonly Readonly<Record<string, unknown>>[];
}

async function recent(worker: WorkerProcess, query = ""): Promise<Recent> {
  const answer = await worker.api.get(`/internal/recent${query}`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json");
  return JSON.parse(answer.body) as Recent;
}

const of = (topic: string): string => `?topic=${encodeURIComponent(topic)}`;

/** That a text is a time between then and now, ISO 8601. */
function expectTime(text: unknown, since: number): void {
  expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  // Its clock is read to the millisecond.
  expect(Date.parse(String(text))).toBeWithin(since - 2, Date.now() + 2);
}

onEachTarget("what went on lately", (worker, target) => {
  test("a publish: when, where, how large, to how many sockets, how fast", async () => {
    const { api } = worker();
    const topic = newTopic();
    await api.register(topic, false);
    using _one = await worker().subscribe(topic);
    using _other = await worker().subscribe(topic);
    await eventually(
      () =>
        worker().log.filter((line) => line["topic"] === topic && line["user"] === 0).length === 2,
      "the sockets to be counted",
    );
    const since = Date.now();
    await api.publish(topic, '{"call":"DL1ABC","name":"Jörg"}');
    await api.publish(topic, "2");
    let found: Recent | undefined;
    await eventually(async () => {
      found = await recent(worker(), of(topic));
      return found.publishes.every(({ handed_ms }) => handed_ms !== null);
    }, "both to be handed over");
    const { node } = await nodeStatus(worker());
    expect(found?.publishes).toEqual([
      {
        time: expect.any(String),
        id: expect.stringMatching(new RegExp(`^${node}-[0-9]+$`)),
        node,
        topic,
        bytes: 1,
        sockets: 2,
        handed_ms: expect.any(Number),
      },
      expect.objectContaining({ topic, bytes: 32, sockets: 2 }),
    ]);
    for (const { time, handed_ms } of found?.publishes ?? []) {
      expectTime(time, since);
      expect(handed_ms).toBeWithin(0, SOON_MS);
    }
  });

  test("a close: who, on what, why, after how long", async () => {
    const { api, secret } = worker();
    const topic = newTopic();
    await api.register(topic, true);
    const since = Date.now();
    const token = makeToken(secret, topic, { user_id: 7 });
    using socket = await worker().subscribe(topic, token);
    const code = Buffer.from([0x03, 0xe8]);
    const payload = Buffer.concat([code, Buffer.from("seen enough\u001b[2J")]);
    socket.send({ opcode: OPCODE.close, payload });
    await eventually(
      async () => (await recent(worker(), of(topic))).closes.length === 1,
      "the close to be there",
    );
    const { closes, refusals, publishes } = await recent(worker(), of(topic));
    expect(closes).toEqual([
      {
        time: expect.any(String),
        address: LOOPBACK,
        topic,
        user: 7,
        code: 1000,
        reason: "seen enough\ufffd[2J",
        age_ms: expect.any(Number),
        buffered: null,
      },
    ]);
    expectTime(closes[0]?.["time"], since);
    expect(closes[0]?.["age_ms"]).toBeWithin(0, Date.now() - since + 1);
    expect([refusals, publishes]).toEqual([[], []]);
    expect(JSON.stringify(await recent(worker()))).not.toContain(token);
  });

  test("refusals: of a handshake, and of a call without the secret", async () => {
    const { api, ports } = worker();
    const topic = newTopic();
    await api.register(topic, true);
    const since = Date.now();
    using socket = await worker().open(topic);
    socket.sendAuth("nonsense");
    await socket.closed();
    await exchange(ports.internal, { path: "/internal/status", secret: "wrong" });
    await eventually(
      async () => (await recent(worker(), of(topic))).refusals.length === 1,
      "the refusal to be there",
    );
    expect((await recent(worker(), of(topic))).refusals).toEqual([
      {
        time: expect.any(String),
        address: LOOPBACK,
        topic,
        user: null,
        cause: "auth",
        reason: "token malformed",
        unreported: expect.any(Number),
      },
    ]);
    const { refusals } = await recent(worker());
    const call = refusals.find(({ cause }) => cause === "forbidden");
    expect(call).toEqual(
      expect.objectContaining({
        address: LOOPBACK,
        topic: null,
        reason: "wrong or missing X-Worker-Secret",
      }),
    );
    expectTime(call?.["time"], since);
  });

  test("no more of each than asked for, the newest first", async () => {
    const { api } = worker();
    const topic = newTopic();
    await api.register(topic, false);
    for (let event = 1; event <= 30; event += 1) {
      await api.publish(topic, `"${"x".repeat(event)}"`);
    }
    const sizes = async (query: string): Promise<unknown[]> =>
      (await recent(worker(), query)).publishes.map(({ bytes }) => bytes);
    expect(await sizes("?limit=2")).toEqual([32, 31]);
    expect(await sizes(`${of(topic)}&limit=3`)).toEqual([32, 31, 30]);
    // A busy topic leaves room for others.
    expect((await sizes(of(topic))).length).toBe(20);
  });

  test("no payload is shown, and nobody without the secret sees anything", async () => {
    const { api, ports } = worker();
    const topic = newTopic();
    await api.register(topic, false);
    await api.publish(topic, '"a-private-matter"');
    expect(JSON.stringify(await recent(worker(), "?limit=1000"))).not.toContain("private");
    const answer = await exchange(ports.internal, { path: "/internal/recent" });
    expect([answer.status, answer.body]).toEqual([403, "forbidden"]);
    for (const query of ["?limit=0", "?limit=many", "?topic="]) {
      expect((await api.get(`/internal/recent${query}`)).status).toBe(400);
    }
  });

  test("a slow reader that was dropped, with how much waited for it", async () => {
    await using worker = await startWorker({ target, config: { max_buffered: 65_536 } });
    const topic = newTopic();
    await worker.api.register(topic, false);
    await LightSocket.subscribe({ port: worker.ports.ws, topic, stalls: true });
    const filling = publishBody(topic, `"${"x".repeat(500_000)}"`);
    await eventually(async () => {
      expect((await worker.api.post("/internal/publish", filling)).status).toBe(200);
      return (await recent(worker)).closes.length === 1;
    }, "the reader to be dropped");
    const { closes } = await recent(worker);
    expect(closes).toEqual([expect.objectContaining({ topic, code: 1006, reason: "slow reader" })]);
    expect(closes[0]?.["buffered"]).toBeGreaterThan(65_536);
  });
});

for (const target of TARGETS) {
  test(`the command shows it, as a table and as JSON (${target.name})`, async () => {
    using dir = new TempDir();
    await using worker = await startWorker({ target });
    const topic = newTopic();
    await worker.api.register(topic, true);
    await worker.api.publish(topic, "[1,2,3]");
    using socket = await worker.open(topic);
    socket.sendAuth("nonsense");
    await socket.closed();
    await eventually(async () => (await recent(worker)).refusals.length === 1, "the refusal");
    const path = dir.file("config.yaml");
    const { ports, secret } = worker;
    const settings = { internal_port: ports.internal, worker_secret: secret };
    writeFileSync(path, configText(settings), { mode: 0o600 });
    const ask = (...args: string[]) =>
      run([...target.command(), "recent", "--config", path, ...args]);

    const { status, stdout, stderr } = await ask("--topic", topic);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [head, publish, refusal, ...more] = stdout.split("\n");
    expect(head).toMatch(/^time \(UTC\) +what +address +topic +reason$/);
    expect(publish).toMatch(/published .* 7 bytes to 0 sockets in [0-9.]+ ms$/);
    expect(refusal).toMatch(/refused .* auth: token malformed$/);
    expect(more).toEqual([]);

    const json = await ask(
      "--json",
      "--limit",
      "1",
      "--url",
      `http://${LOOPBACK}:${ports.internal}`,
    );
    expect({ status: json.status, stderr: json.stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(json.stdout)).toEqual(await recent(worker, "?limit=1"));
  });
}

describe("in a cluster", () => {
  test("each node has the events of all, with where they came from and its own sockets", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
    const [here, there] = [nodes.at(0), nodes.at(1)];
    const topic = await nodes.newTopic();
    using socket = await there.subscribe(topic);
    await there.socketsReach(1);
    await here.api.publish(topic, "[1,2]");
    await socket.nextFrame();
    const { node } = await nodeStatus(here);
    const [own] = (await recent(here, of(topic))).publishes;
    const [told] = (await recent(there, of(topic))).publishes;
    expect(own).toEqual(expect.objectContaining({ node, topic, bytes: 5, sockets: 0 }));
    expect(told).toEqual(expect.objectContaining({ node, topic, bytes: 5, sockets: 1 }));
    expect(told?.["id"]).toBe(own?.["id"] ?? "");
  });
});
