import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "./support/changes.ts";
import { Nodes } from "./support/cluster-nodes.ts";
import { RedisServer } from "./support/cluster-redis.ts";
import { exchange } from "./support/http.ts";
import { subscribeMany } from "./support/light-socket.ts";
import { scrape } from "./support/metrics.ts";
import { run } from "./support/program.ts";
import { TARGETS } from "./support/targets.ts";
import { makeToken, unixNow } from "./support/token.ts";
import { randomSecret, startWorker, type WorkerProcess } from "./support/worker.ts";
import { OPCODE, type WsClient } from "./support/ws-client.ts";

setDefaultTimeout(60_000);

const MIB = 1024 * 1024;

const PATH = "/internal/metrics";

type Expected = Readonly<Record<string, number>>;

/** Waits until some series have these figures: gateway threads tell theirs once a second. */
async function tells(worker: WorkerProcess, expected: Expected): Promise<void> {
  let seen: Expected = {};
  try {
    await eventually(async () => {
      const series = await scrape(worker);
      const names = Object.keys(expected);
      seen = Object.fromEntries(
        names.map((name) => [name, series.get(`wavelog_worker_${name}`) ?? Number.NaN]),
      );
      return Bun.deepEquals(seen, expected);
    }, "the figures");
  } catch (cause) {
    // Shows what is different.
    expect(seen).toEqual(expected);
    throw cause;
  }
}

/** The names and labels of all series. */
async function names(worker: WorkerProcess): Promise<readonly string[]> {
  return [...(await scrape(worker)).keys()];
}

/** Asks with an `Authorization` header; status of the answer. */
async function askWith(authorization: string, worker: WorkerProcess, path = PATH) {
  const headers = [["Authorization", authorization]] as const;
  return (await exchange(worker.ports.internal, { path, headers })).status;
}

/** Ends a socket with a close frame of the client's. */
function closeWith(socket: WsClient, code: number, reason: string): void {
  const payload = Buffer.alloc(2 + reason.length);
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  socket.send({ opcode: OPCODE.close, payload });
}

for (const target of TARGETS) {
  describe(`metrics (${target.name})`, () => {
    test.concurrent("are text that Prometheus' own parser and lint find nothing wrong with", async () => {
      await using redis = await RedisServer.start();
      await using worker = await startWorker({ target, config: { redis_url: redis.url } });
      const { headers, body } = await worker.api.get(PATH);
      expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      const checked = await run(["promtool", "check", "metrics"], { stdin: body });
      expect(checked).toEqual({ status: 0, stdout: "", stderr: "" });
    });

    test.concurrent("are for those who know the secret, who may send it as a bearer token", async () => {
      const previous = randomSecret();
      await using worker = await startWorker({
        target,
        config: { worker_secret_previous: previous },
      });
      const { secret } = worker;
      expect((await exchange(worker.ports.internal, { path: PATH })).status).toBe(403);
      for (const authorization of [
        `Bearer ${secret}x`,
        `Bearer ${secret.slice(1)}`,
        "Bearer ",
        "Bearer",
        secret,
        `Basic ${secret}`,
        `Basic ${btoa(`worker:${secret}`)}`,
      ]) {
        expect(await askWith(authorization, worker)).toBe(403);
      }
      expect(await askWith(`Bearer ${secret}`, worker)).toBe(200);
      expect(await askWith(`bearer  ${secret}`, worker)).toBe(200);
      expect(await askWith(`Bearer ${previous}`, worker)).toBe(200);
      // Nothing else is opened by it, and a wrong secret is wrong whatever else is said.
      expect(await askWith(`Bearer ${secret}`, worker, "/internal/status")).toBe(403);
      const both = await exchange(worker.ports.internal, {
        path: PATH,
        secret: `${secret}x`,
        headers: [["Authorization", `Bearer ${secret}`]],
      });
      expect(both.status).toBe(403);
      await tells(worker, {
        'api_errors_total{error="forbidden"}': 10,
        'previous_secret_uses_total{by="api_call"}': 1,
      });
    });

    test.concurrent("count what is published and delivered, to the byte", async () => {
      await using worker = await startWorker({ target, config: { gateway_threads: 2 } });
      const { api } = worker;
      await api.register("a");
      await api.register("b");
      const sockets = await Promise.all(Array.from({ length: 6 }, () => worker.subscribe("a")));
      const payload = '"é €"';
      const frame = `{"type":"push","payload":${payload}}`;
      let bodyBytes = 0;
      for (const topic of ["a", "a", "b"]) {
        await api.publish(topic, payload);
        bodyBytes += Buffer.byteLength(`{"topic":"${topic}","payload":${payload}}`);
      }
      await api.post("/internal/push", `{"topic":"nobody","payload":1}`);
      await api.post("/internal/publish", "{");
      await api.post("/internal/publish", `{"topic":"a"}`);
      await exchange(worker.ports.internal, { path: "/internal/publish", body: "{}" });
      await tells(worker, {
        sockets: 6,
        connections: 6,
        clients: 6,
        topics_registered: 3,
        topics_active: 1,
        'publishes_total{result="accepted"}': 3,
        'publishes_total{result="topic_not_registered"}': 1,
        'publishes_total{result="bad_request"}': 1,
        'publishes_total{result="missing_payload"}': 1,
        'publishes_total{result="forbidden"}': 1,
        'api_errors_total{error="topic_not_registered"}': 1,
        publish_bytes_total: bodyBytes,
        publish_duration_seconds_count: 3,
        deliveries_total: 2 * sockets.length,
        // A short frame has a head of two bytes.
        delivered_bytes_total: 2 * sockets.length * (2 + Buffer.byteLength(frame)),
        'registrations_total{result="new"}': 2,
        handshake_duration_seconds_count: 6,
      });
      const series = await scrape(worker);
      const threads = [1, 2].map((thread) =>
        series.get(`wavelog_worker_thread_sockets{thread="${thread}"}`),
      );
      expect((threads[0] ?? 0) + (threads[1] ?? 0)).toBe(6);
      expect(series.get("wavelog_worker_delivery_lag_seconds_count")).toBeGreaterThan(0);
    });

    test.concurrent("count who comes, who is not let in and why, and who goes and how", async () => {
      await using worker = await startWorker({ target, config: { max_topics: 1 } });
      const { api, secret } = worker;
      await api.register("a", true);
      expect((await api.post("/internal/register", '{"topic":"b"}')).status).toBe(507);
      const tokens = [
        makeToken(`${secret}x`, "a"),
        makeToken(secret, "other"),
        makeToken(secret, "a", { expires: unixNow() - 1 }),
        "no token",
      ];
      for (const token of tokens) {
        using socket = await worker.open("a");
        socket.sendAuth(token);
        expect(await socket.closed()).toMatchObject({ code: 1008 });
      }
      expect((await exchange(worker.ports.ws, { path: "/ws?topic=nobody" })).status).toBe(404);
      const subscribe = () => worker.subscribe("a", makeToken(secret, "a"));
      for (const [code, reason] of [
        [1000, "bye"],
        [4999, "made up"],
        [1001, ""],
      ] as const) {
        using socket = await subscribe();
        closeWith(socket, code, reason);
        await socket.closed();
      }
      using big = await subscribe();
      big.sendText("x".repeat(5000));
      expect(await big.closed()).toMatchObject({ code: 1009 });
      using _ = await subscribe();
      await tells(worker, {
        sockets: 1,
        'handshakes_total{result="accepted",reason="none"}': 5,
        'handshakes_total{result="refused",reason="auth"}': 4,
        'handshakes_total{result="refused",reason="topic_not_registered"}': 1,
        'tokens_total{result="valid"}': 5,
        'tokens_total{result="forged"}': 1,
        'tokens_total{result="other_topic"}': 1,
        'tokens_total{result="expired"}': 1,
        'tokens_total{result="malformed"}': 1,
        'closes_total{code="1000",reason="client"}': 1,
        'closes_total{code="1001",reason="client"}': 1,
        'closes_total{code="1009",reason="too_big"}': 1,
        'closes_total{code="other",reason="client"}': 1,
        'registrations_total{result="full"}': 1,
        'limit_refusals_total{limit="max_topics"}': 1,
      });
    });

    test.concurrent("tell what waits for readers that have stalled", async () => {
      // More than is published, so that nobody is dropped.
      await using worker = await startWorker({ target, config: { max_buffered: 16 * MIB } });
      const { api, ports } = worker;
      await api.register("a");
      const stalled = await subscribeMany(2, () => ({ port: ports.ws, topic: "a", stalls: true }));
      for (let event = 0; event < 12; event += 1) {
        // The kernel keeps some 4 MiB of an unread connection.
        await api.publish("a", `"${"x".repeat(MIB - 1024)}"`);
      }
      const series = await eventually(async () => {
        const now = await scrape(worker);
        return (now.get("wavelog_worker_buffered_bytes") ?? 0) > 0 && now;
      }, "something to wait");
      const most = series.get("wavelog_worker_buffered_max_bytes") ?? 0;
      expect(most).toBeWithin(1, 12 * MIB);
      expect(series.get("wavelog_worker_buffered_bytes")).toBeWithin(most, 2 * most + 1);
      for (const socket of stalled) {
        socket[Symbol.dispose]();
      }
      await tells(worker, { sockets: 0, buffered_bytes: 0, slow_readers_total: 0 });
    });

    test.concurrent("have the same series whatever strangers do", async () => {
      await using worker = await startWorker({ target });
      const { api, ports } = worker;
      const before = await names(worker);
      for (const topic of ["a", "a\n", 'a"}', "x".repeat(1000)]) {
        await api.register(topic);
        await api.publish(topic, '{"a":1}');
        using socket = await worker.subscribe(topic);
        closeWith(socket, 3000 + topic.length, topic.slice(0, 50));
        await socket.closed();
      }
      for (const path of ["/", "/internal/x", "/ws", "/ws?topic=%ff", "/%2e", "/readyz/x"]) {
        await exchange(ports.internal, { path, method: "BREW" });
        await exchange(ports.ws, { path, headers: [["Origin", "https://evil.example"]] });
      }
      await eventually(
        async () => (await scrape(worker)).get("wavelog_worker_sockets") === 0,
        "all to have gone",
      );
      expect(await names(worker)).toEqual(before);
    });

    test.concurrent("tell of the cluster: what is sent, what comes, and what waits", async () => {
      await using redis = await RedisServer.start();
      await using nodes = await Nodes.start({ redis: redis.url, count: 2, target });
      const [one, other] = [nodes.at(0), nodes.at(1)];
      const topic = await nodes.newTopic();
      using _ = await other.subscribe(topic);
      await one.api.publish(topic, "1");
      await one.api.publish(topic, "2");
      await tells(one, { redis_up: 1, cluster_nodes: 2, envelopes_sent_total: 3 });
      await tells(other, {
        'envelopes_total{result="event"}': 2,
        'envelopes_total{result="notice"}': 1,
        deliveries_total: 2,
      });
      const proved = await scrape(one);
      expect(proved.get("wavelog_worker_probe_duration_seconds_count")).toBeGreaterThan(0);
      expect(proved.get('wavelog_worker_envelopes_total{result="probe"}')).toBeGreaterThan(0);
      await redis.once("PUBLISH", "wavelog:events", "garbage");
      await tells(other, { 'envelopes_total{result="unreadable"}': 1 });

      await redis.kill();
      await tells(one, { redis_up: 0, redis_disconnects_total: 1, cluster_nodes: 1 });
      await one.api.publish(topic, "3");
      await tells(one, { outbox_events: 1, 'readiness{state="degraded"}': 1 });
      await redis.start();
      await tells(one, { redis_up: 1, outbox_events: 0, envelopes_sent_total: 4 });
      await tells(other, { deliveries_total: 3 });
    });

    test.concurrent("say what runs, and how the process and its threads do", async () => {
      await using worker = await startWorker({ target, config: { gateway_threads: 2 } });
      const series = await eventually(async () => {
        const now = await scrape(worker);
        const delays = now.get('wavelog_worker_event_loop_delay_seconds_count{thread="2"}');
        return (delays ?? 0) > 0 && now;
      }, "a report of each thread");
      const keys = [...series.keys()];
      expect(keys.find((key) => key.startsWith("wavelog_worker_build_info"))).toMatch(
        /\{version="\d+\.\d+\.\d+",commit="[0-9a-f]{4,40}",bun="\d+\.\d+\.\d+"\}$/,
      );
      for (const thread of ["main", "1", "2"]) {
        const cpu = series.get(`wavelog_worker_thread_cpu_seconds_total{thread="${thread}"}`);
        expect(cpu).toBeWithin(0.0001, 60);
      }
      const limits = await Bun.file(`/proc/${worker.pid}/limits`).text();
      const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
      expect(series.get("process_max_fds")).toBe(Number(soft));
      expect(series.get("process_open_fds")).toBeWithin(10, 200);
      expect(series.get("process_resident_memory_bytes")).toBeWithin(20e6, 500e6);
      const started = series.get("process_start_time_seconds") ?? 0;
      expect(Date.now() / 1000 - started).toBeWithin(0, 120);
    });
  });
}
