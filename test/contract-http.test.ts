import { describe, expect, setDefaultTimeout, test } from "bun:test";
import packageJson from "../package.json" with { type: "json" };
import { Api, publishBody } from "./support/api.ts";
import { eventually, rejection } from "./support/changes.ts";
import { newTopic, onEachTarget } from "./support/each-target.ts";
import { exchange, type HttpAnswer } from "./support/http.ts";
import { TARGETS } from "./support/targets.ts";
import { makeToken } from "./support/token.ts";
import { startWorker, type WorkerProcess } from "./support/worker.ts";
import type { WsClient } from "./support/ws-client.ts";

setDefaultTimeout(30_000);

const MIB = 1024 * 1024;

/** Every path of the API with its method. */
const ROUTES = [
  ["POST", "/internal/register"],
  ["POST", "/internal/unregister"],
  ["POST", "/internal/publish"],
  ["POST", "/internal/push"],
  ["GET", "/internal/status"],
] as const;

const POST_PATHS = ROUTES.filter(([method]) => method === "POST").map(([, path]) => path);

/** Status and body of an answer, for comparison as a whole. */
function gist({ status, body }: HttpAnswer): string {
  return body === "" ? `${status}` : `${status} ${body}`;
}

/** A registered topic and a socket that listens to it. */
async function listen(worker: WorkerProcess): Promise<{ topic: string; socket: WsClient }> {
  const topic = newTopic();
  await worker.api.register(topic);
  return { topic, socket: await worker.subscribe(topic) };
}

onEachTarget("internal API", (worker) => {
  const post = async (path: string, body: string | Uint8Array): Promise<string> =>
    gist(await worker().api.post(path, body));

  describe("register", () => {
    test("answers 200 with an empty body, with and without meta, and again", async () => {
      const topic = JSON.stringify(newTopic());
      for (const body of [
        `{"topic":${topic},"meta":{"require_token":true}}`,
        `{"topic":${topic},"meta":{"require_token":true}}`,
        `{"meta":{"require_token":false},"topic":${topic}}`,
        `{"topic":${topic}}`,
        `{"topic":${topic},"meta":{}}`,
        `{"topic":${topic},"meta":null}`,
        `{"topic":${topic},"meta":{"require_token":null,"more":[]},"more":{}}`,
      ]) {
        expect(await post("/internal/register", body)).toBe("200");
      }
    });

    test("without meta, a topic needs no token", async () => {
      const { socket } = await listen(worker());
      using _ = socket;
      expect(socket.frames).toEqual(['{"type":"auth_ok"}']);
    });

    test("the latest meta wins, in both directions", async () => {
      const topic = newTopic();
      const { api } = worker();
      await api.register(topic, true);
      await api.register(topic, false);
      using open = await worker().subscribe(topic);
      await api.register(topic, true);
      using closed = await worker().open(topic);
      closed.sendAuth();
      expect(await closed.nextFrame()).toContain('"auth_required"');
      // Who was let in before stays.
      await api.publish(topic, "1");
      expect(await open.nextFrame()).toBe('{"type":"push","payload":1}');
      // Without meta the latest meta is none.
      await api.register(topic);
      using again = await worker().subscribe(topic);
      expect(again.close).toBeUndefined();
    });

    test("a doubled topic counts as its last", async () => {
      const [first, last] = [newTopic(), newTopic()];
      await post("/internal/register", `{"topic":"${first}","topic":"${last}"}`);
      expect(await post("/internal/publish", publishBody(first, "1"))).toBe(
        "404 topic not registered",
      );
      expect(await post("/internal/publish", publishBody(last, "1"))).toBe("200");
    });

    test("takes topics up to 1024 bytes of UTF-8, not one more", async () => {
      const tooLong = "400 topic too long: at most 1024 bytes of UTF-8";
      const cases: readonly [topic: string, answer: string][] = [
        ["a".repeat(1024), "200"],
        ["a".repeat(1025), tooLong],
        ["\u00fc".repeat(512), "200"],
        [`${"\u00fc".repeat(512)}a`, tooLong],
        ["\u{1f4e1}".repeat(256), "200"],
        [`${"\u{1f4e1}".repeat(256)}a`, tooLong],
      ];
      for (const [topic, answer] of cases) {
        expect(await post("/internal/register", JSON.stringify({ topic }))).toBe(answer);
      }
    });

    test("keeps topics opaque", async () => {
      const topics = ["a b", "a/b?c&d=e%20#f", "\u{1f4e1} \u00fc", "__proto__", "*", "\n", "0"];
      for (const topic of topics) {
        await worker().api.register(topic);
        using socket = await worker().subscribe(topic);
        await worker().api.publish(topic, JSON.stringify(topic));
        expect(await socket.nextFrame()).toBe(`{"type":"push","payload":${JSON.stringify(topic)}}`);
      }
    });
  });

  describe("unregister", () => {
    test("answers 200 whether or not the topic was known", async () => {
      const topic = newTopic();
      const body = JSON.stringify({ topic });
      expect(await post("/internal/unregister", body)).toBe("200");
      await worker().api.register(topic);
      expect(await post("/internal/unregister", body)).toBe("200");
      expect(await post("/internal/unregister", body)).toBe("200");
    });

    test("closes no socket, and lets none in any more", async () => {
      const { topic, socket } = await listen(worker());
      using _ = socket;
      await worker().api.unregister(topic);
      expect(await post("/internal/publish", publishBody(topic, '"unknown"'))).toBe(
        "404 topic not registered",
      );
      expect(await rejection(worker().open(topic))).toContain("404 topic not registered");
      await worker().api.register(topic);
      await worker().api.publish(topic, '"known again"');
      expect(await socket.nextFrame()).toBe('{"type":"push","payload":"known again"}');
    });
  });

  describe("publish", () => {
    for (const path of ["/internal/publish", "/internal/push"]) {
      test(`${path} answers 200 with an empty body and reaches the topic's sockets alone`, async () => {
        const [one, other] = [await listen(worker()), await listen(worker())];
        using _ = one.socket;
        using __ = other.socket;
        using second = await worker().subscribe(one.topic);
        expect(await post(path, publishBody(one.topic, '{"to":"one"}'))).toBe("200");
        expect(await post(path, publishBody(other.topic, '{"to":"other"}'))).toBe("200");
        const frame = '{"type":"push","payload":{"to":"one"}}';
        expect(await one.socket.nextFrame()).toBe(frame);
        expect(await second.nextFrame()).toBe(frame);
        expect(await other.socket.nextFrame()).toBe('{"type":"push","payload":{"to":"other"}}');
        expect(other.socket.frames.length).toBe(2);
      });

      test(`${path} answers 404 for an unknown topic and for nothing else`, async () => {
        const topic = newTopic();
        expect(await post(path, publishBody(topic, "1"))).toBe("404 topic not registered");
        expect(await post(path, `{"topic":"${topic}"}`)).toBe("400 missing payload");
        expect(await post(path, `{"topic":"${topic}","payload":}`)).toBe("400 bad request");
        expect(await post(path, `{"topic":"${topic}","payload":1}x`)).toBe("400 bad request");
        await worker().api.register(topic);
        expect(await post(path, publishBody(topic, "1"))).toBe("200");
      });
    }

    test("is accepted when nobody listens", async () => {
      const topic = newTopic();
      await worker().api.register(topic);
      expect(await post("/internal/publish", publishBody(topic, "{}"))).toBe("200");
    });

    test("events arrive in the order of their answers, each once", async () => {
      const { topic, socket } = await listen(worker());
      using _ = socket;
      const sent = Array.from({ length: 100 }, (_, index) => `${index}`);
      for (const payload of sent) {
        await worker().api.publish(topic, payload);
      }
      const expected = sent.map((payload) => `{"type":"push","payload":${payload}}`);
      expect((await socket.framesReach(101)).slice(1)).toEqual(expected);
    });
  });

  describe("payload bytes arrive unchanged", () => {
    const astral = "\u{1f4e1}\u{10ffff}";
    const PAYLOADS: readonly string[] = [
      "12345678901234567890",
      "1.0",
      "-0",
      "-0.0",
      "1E+400",
      "1e-7",
      "0.1000000000000000055511151231257827021181583404541015625",
      '"\\/"',
      '"\\u00e9"',
      '"\u00e9"',
      '"\\u0000\\u001f\\u007f\u007f"',
      '"\\ud83d\\ude00"',
      '"\\ud800"',
      `"${astral}"`,
      '"\u2028\u2029\ufeff\ufffd"',
      '"\\"\\\\\\b\\f\\n\\r\\t"',
      '""',
      "null",
      "true",
      "false",
      "{}",
      "[]",
      '{"a":1,"a":2}',
      '{"a" : [ 1 , 2 ] ,\n\t"b"\r\n: { } }',
      '{"__proto__":{"x":1},"constructor":null,"":0}',
      '{"payload":{"payload":"}"},"topic":"other"}',
      '"}{][,:\\""',
      "[".repeat(500) + "]".repeat(500),
    ];

    for (const payload of PAYLOADS) {
      test(
        payload.length > 80 ? `${payload.slice(0, 40)}\u2026` : JSON.stringify(payload),
        async () => {
          const { topic, socket } = await listen(worker());
          using _ = socket;
          const key = JSON.stringify(topic);
          const bodies = [
            `{"topic":${key},"payload":${payload}}`,
            `{"payload":${payload},"topic":${key}}`,
            ` { "x" : {"payload":0,"topic":"no"} , "payload" :\t${payload}\r\n, "y":[{"payload":1}],"topic":${key} } `,
            `{"topic":"no","payload":"no","topic":${key},"payload":${payload}}`,
            `{"payload":"no","pay\\u006coad":${payload},"t\\u006fpic":${key},"Payload":1}`,
          ];
          for (const body of bodies) {
            expect(await post("/internal/publish", body)).toBe("200");
          }
          const frame = `{"type":"push","payload":${payload}}`;
          expect((await socket.framesReach(1 + bodies.length)).slice(1)).toEqual(
            bodies.map(() => frame),
          );
        },
      );
    }

    for (const [what, unit] of [
      ["ASCII", "x"],
      ["two-byte", "\u00e9"],
      ["three-byte", "\u20ac"],
      ["four-byte", astral],
    ] as const) {
      test(`a string of nearly 1 MiB of ${what} characters`, async () => {
        const { topic, socket } = await listen(worker());
        using _ = socket;
        const room = MIB - Buffer.byteLength(publishBody(topic, '""'));
        const text = unit.repeat(Math.floor(room / Buffer.byteLength(unit)));
        expect(await post("/internal/publish", publishBody(topic, `"${text}"`))).toBe("200");
        await worker().api.publish(topic, "1");
        // Compared as a boolean: a difference of a megabyte is nothing to print.
        expect((await socket.nextFrame()) === `{"type":"push","payload":"${text}"}`).toBe(true);
        expect(await socket.nextFrame()).toBe('{"type":"push","payload":1}');
      });
    }
  });

  describe("faults", () => {
    test("wrong method: 405, before the secret is looked at", async () => {
      for (const [right, path] of ROUTES) {
        for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
          if (method !== right) {
            const answer = await exchange(worker().ports.internal, { method, path });
            expect(gist(answer)).toBe("405 method not allowed");
            expect(answer.headers.get("allow")).toBe(right);
          }
        }
      }
    });

    test("unknown path: 404, before method and secret are looked at", async () => {
      const paths = [
        "/index.html",
        "/internal",
        "/internal/",
        "/internal/registers",
        "/internal/register/",
      ];
      const others = [
        "//internal/register",
        "/Internal/register",
        "/ws?topic=a",
        "/internal/%72egister",
      ];
      for (const path of [...paths, ...others]) {
        for (const method of ["GET", "POST", "DELETE"]) {
          const answer = await exchange(worker().ports.internal, { method, path });
          expect(gist(answer)).toBe("404 not found");
        }
      }
    });

    test("secret missing, empty or wrong: 403, before the body is looked at", async () => {
      const { secret, ports } = worker();
      const wrong = [
        undefined,
        "",
        "x",
        secret.slice(0, -1),
        `${secret}x`,
        `x${secret}`,
        secret.toUpperCase() === secret ? secret.toLowerCase() : secret.toUpperCase(),
        `${secret}, ${secret}`,
        `"${secret}"`,
        "\u00e9".repeat(32),
      ];
      for (const [method, path] of ROUTES) {
        for (const guess of wrong) {
          const body = method === "POST" ? "{" : undefined;
          const answer = await exchange(ports.internal, { method, path, secret: guess, body });
          expect(gist(answer)).toBe("403 forbidden");
        }
      }
    });

    test("two secrets: 403, even when one is right", async () => {
      const { secret, ports } = worker();
      for (const headers of [
        [["X-Worker-Secret", "wrong"]],
        [["X-Worker-Secret", secret]],
      ] as const) {
        const answer = await exchange(ports.internal, {
          path: "/internal/status",
          secret,
          headers,
        });
        expect(gist(answer)).toBe("403 forbidden");
      }
    });

    test("the secret's header may be written in any case", async () => {
      const { secret, ports } = worker();
      for (const name of ["x-worker-secret", "X-WORKER-SECRET"]) {
        const headers = [[name, secret]] as const;
        const answer = await exchange(ports.internal, { path: "/internal/status", headers });
        expect(answer.status).toBe(200);
      }
    });

    test("the body is no JSON object: 400 bad request", async () => {
      const bodies: readonly (string | Uint8Array)[] = [
        "",
        " ",
        "{",
        "topic=a&payload=1",
        "[]",
        '["topic"]',
        "null",
        "42",
        '"topic"',
        "{'topic':'a'}",
        '{"topic":"a",}',
        '{"topic":"a"}{"topic":"a"}',
        '{"topic":"a\n"}',
        '\ufeff{"topic":"a"}',
        Buffer.from([...Buffer.from('{"topic":"'), 0xff, 0xfe, ...Buffer.from('","payload":1}')]),
        // Cut in the middle of a character, and a surrogate as UTF-8 must not have it.
        Buffer.from([...Buffer.from('{"topic":"a'), 0xe2, 0x82]),
        Buffer.from([...Buffer.from('{"topic":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')]),
      ];
      for (const path of POST_PATHS) {
        for (const body of bodies) {
          expect(await post(path, body)).toBe("400 bad request");
        }
      }
    });

    test("the topic is missing or empty: 400 missing topic", async () => {
      for (const path of POST_PATHS) {
        for (const body of ["{}", '{"payload":1}', '{"topic":"","payload":1}', '{"Topic":"a"}']) {
          expect(await post(path, body)).toBe("400 missing topic");
        }
      }
    });

    test("the topic is no string: 400", async () => {
      for (const path of POST_PATHS) {
        for (const topic of ["1", "true", "[]", '["a"]', '{"a":1}', "null"]) {
          const answer = await post(path, `{"topic":${topic},"payload":1}`);
          expect(answer).toMatch(/^400 (bad request|missing topic)$/);
        }
      }
    });

    test("meta is not what it should be: 400, and nothing is registered", async () => {
      const topic = newTopic();
      for (const meta of ["1", '"x"', "[]", '{"require_token":"yes"}', '{"require_token":1}']) {
        expect(await post("/internal/register", `{"topic":"${topic}","meta":${meta}}`)).toBe(
          "400 bad request",
        );
      }
      expect(await post("/internal/publish", publishBody(topic, "1"))).toBe(
        "404 topic not registered",
      );
    });

    test("the payload is absent: 400 missing payload, known topic or not", async () => {
      const topic = newTopic();
      await worker().api.register(topic);
      for (const name of [topic, newTopic()]) {
        expect(await post("/internal/publish", `{"topic":"${name}"}`)).toBe("400 missing payload");
        expect(await post("/internal/push", `{"topic":"${name}","Payload":1}`)).toBe(
          "400 missing payload",
        );
      }
    });

    test("a body of exactly 1 MiB is taken, of one byte more it is 413", async () => {
      const { topic, socket } = await listen(worker());
      using _ = socket;
      const body = publishBody(topic, "1");
      for (const path of POST_PATHS) {
        // JSON may be followed by spaces.
        expect(await post(path, body.padEnd(MIB))).toBe("200");
        await worker().api.register(topic);
        expect(await post(path, body.padEnd(MIB + 1))).toBe("413 body too large: at most 1 MiB");
      }
      expect((await socket.framesReach(3)).length).toBe(3);
    });

    test("of a body of 2 MiB the path counts first, then method, then secret", async () => {
      const { secret, ports } = worker();
      const body = "x".repeat(2 * MIB);
      const path = "/internal/publish";
      const answers = await Promise.all([
        exchange(ports.internal, { path: "/internal/nothing", body }),
        exchange(ports.internal, { path, method: "PUT", body }),
        exchange(ports.internal, { path, body }),
        exchange(ports.internal, { path, secret: "wrong", body }),
        exchange(ports.internal, { path, secret, body }),
      ]);
      expect(answers.map(gist)).toEqual([
        "404 not found",
        "405 method not allowed",
        "403 forbidden",
        "403 forbidden",
        "413 body too large: at most 1 MiB",
      ]);
    });

    test("faults are plain text of a known length", async () => {
      const { ports, api } = worker();
      const answers = [
        await exchange(ports.internal, { path: "/none" }),
        await exchange(ports.internal, { path: "/internal/register" }),
        await exchange(ports.internal, { path: "/internal/status" }),
        await api.post("/internal/register", "{"),
        await api.post("/internal/publish", publishBody(newTopic(), "1")),
        await api.post("/internal/publish", "x".repeat(MIB + 1)),
      ];
      for (const { headers, body } of answers) {
        expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
        expect(headers.get("content-length")).toBe(`${body.length}`);
      }
    });
  });

  test("no API call removes worker.status or opens it", async () => {
    const { api, secret } = worker();
    const topic = "worker.status";
    await api.register(topic, false);
    await api.unregister(topic);
    using stranger = await worker().open(topic);
    stranger.sendAuth();
    expect(await stranger.nextFrame()).toContain('"auth_required"');
    using operator = await worker().subscribe(topic, makeToken(secret, topic));
    expect(operator.close).toBeUndefined();
  });
});

describe("status", () => {
  for (const target of TARGETS) {
    test(`tells what the worker holds, in the contract's keys and order (${target.name})`, async () => {
      await using worker = await startWorker({ target });
      const { api, secret } = worker;
      const fresh = await api.get("/internal/status");
      expect(fresh.status).toBe(200);
      expect(fresh.headers.get("content-type")).toBe("application/json");
      const version = packageJson.version.replaceAll(".", "\\.");
      const counts =
        '"registered_topics":1,"active_topics":0,"connected_clients":0,"connected_sockets":0';
      expect(fresh.body).toMatch(
        new RegExp(
          `^\\{"status":"ok","version":"${version}[^"]*","uptime":"\\d+s",${counts},"cluster_nodes":-1,"redis":"off","node":"[0-9a-f]{16}",.*\\}$`,
        ),
      );

      const [a, b] = [newTopic(), newTopic()];
      await api.register(a, true);
      await api.register(b);
      const lists = await api.get("/internal/status?topics=1");
      expect(Object.keys(JSON.parse(lists.body)).slice(0, 10)).toEqual([
        "status",
        "version",
        "uptime",
        "registered_topics",
        "active_topics",
        "connected_clients",
        "connected_sockets",
        "topic_list",
        "active_topic_list",
        "cluster_nodes",
      ]);
      for (const query of ["?topics=0", "?topics=", "?topics", "?other=1"]) {
        expect(Object.keys(await api.status(query))).not.toContain("topic_list");
      }

      const token = (user_id: number): string => makeToken(secret, a, { user_id });
      const sockets = [
        // One person on two pages, another on one; whoever needs no token is nobody in particular.
        await worker.subscribe(a, token(7)),
        await worker.subscribe(a, token(7)),
        await worker.subscribe(a, token(8)),
        await worker.subscribe(b),
        await worker.subscribe(b),
        await worker.subscribe(b, makeToken(secret, b, { user_id: 7 })),
      ];
      await worker.socketsReach(6);
      const all = await api.status("?topics=1&more=2");
      expect(all).toMatchObject({ registered_topics: 3, active_topics: 2, connected_clients: 5 });
      expect([...(all.topic_list ?? [])].sort()).toEqual([a, b, "worker.status"]);
      expect([...(all.active_topic_list ?? [])].sort()).toEqual([a, b]);

      // A socket that has not authenticated is nobody yet.
      using _ = await worker.open(b);
      for (const socket of sockets.slice(0, 5)) {
        socket.sendClose();
      }
      await worker.socketsReach(1);
      await api.unregister(b);
      const rest = await api.status("?topics=1");
      expect(rest).toMatchObject({ registered_topics: 2, active_topics: 1, connected_clients: 1 });
      // It has a socket, though it is no longer registered.
      expect(rest.active_topic_list).toEqual([b]);
      sockets[5]?.reset();
      await worker.socketsReach(0);
      expect(await api.status("?topics=1")).toMatchObject({
        active_topics: 0,
        connected_clients: 0,
        active_topic_list: [],
      });
      await eventually(async () => /^[1-9]\d*s$/.test((await api.status()).uptime), "a second");
    });
  }
});

describe("limits", () => {
  for (const target of TARGETS) {
    test(`max_topics: one more is 507, until there is room again (${target.name})`, async () => {
      await using worker = await startWorker({ target, config: { max_topics: 3 } });
      const register = async (topic: string): Promise<string> =>
        gist(await worker.api.post("/internal/register", JSON.stringify({ topic })));
      for (const topic of ["a", "b", "c", "a", "worker.status"]) {
        expect(await register(topic)).toBe("200");
      }
      const full = "507 too many topics: unregister some or raise max_topics";
      expect(await register("d")).toBe(full);
      expect(gist(await worker.api.post("/internal/publish", publishBody("d", "1")))).toBe(
        "404 topic not registered",
      );
      expect(await register("b")).toBe("200");
      await worker.api.unregister("a");
      expect(await register("d")).toBe("200");
      expect(await register("a")).toBe(full);
    });

    test(`topic_ttl: a topic is forgotten unless registered again (${target.name})`, async () => {
      await using worker = await startWorker({ target, config: { topic_ttl: "1s" } });
      const { api } = worker;
      const isKnown = async (topic: string): Promise<boolean> =>
        (await api.post("/internal/publish", publishBody(topic, '"event"'))).status === 200;
      const start = performance.now();
      await api.register("left alone");
      await api.register("refreshed");
      using socket = await worker.subscribe("left alone");
      await eventually(async () => {
        await api.register("refreshed");
        return !(await isKnown("left alone"));
      }, "the topic to be forgotten");
      expect(performance.now() - start).toBeGreaterThanOrEqual(1000);
      expect(await isKnown("refreshed")).toBe(true);
      expect(await rejection(worker.open("left alone"))).toContain("404 topic not registered");
      expect((await api.status("?topics=1")).topic_list).toEqual(["worker.status", "refreshed"]);

      // Who was there stays, and hears of what comes after.
      const before = socket.frames.length;
      await api.register("left alone");
      await api.publish("left alone", '"back"');
      expect((await socket.framesReach(before + 1)).at(-1)).toBe(
        '{"type":"push","payload":"back"}',
      );
      expect(await isKnown("worker.status")).toBe(true);
    });
  }
});

describe("addresses", () => {
  for (const target of TARGETS) {
    test(`by default the API is on IPv4's loopback, browsers' port everywhere (${target.name})`, async () => {
      await using worker = await startWorker({ target, config: { ws_bind: undefined } });
      await worker.api.register("a");
      for (const hostname of ["127.0.0.1", "::1"]) {
        using socket = await worker.subscribe("a", undefined, { hostname });
        await worker.api.publish("a", "1");
        expect(await socket.nextFrame()).toBe('{"type":"push","payload":1}');
      }
    });

    test(`a secret may hold any printable characters (${target.name})`, async () => {
      const secret = '\u00fcber-\u20ac-\u{1f4e1} "quoted" \\ #32 characters: all of them';
      await using worker = await startWorker({ target, secret });
      await worker.api.register("a", true);
      using socket = await worker.subscribe("a", makeToken(secret, "a"));
      await worker.api.publish("a", "1");
      expect(await socket.nextFrame()).toBe('{"type":"push","payload":1}');
      const other = new Api(worker.ports.internal, `${secret}\u00fc`);
      expect(gist(await other.get("/internal/status"))).toBe("403 forbidden");
    });
  }
});
