import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { newTopic, onEachTarget } from "./support/each-target.ts";
import { exchange, HttpClient } from "./support/http.ts";
import { TARGETS } from "./support/targets.ts";
import { LOOPBACK } from "./support/tcp-client.ts";
import { makeToken, sign, signClaims, unixNow } from "./support/token.ts";
import { startWorker } from "./support/worker.ts";
import { OPCODE, topicTarget, upgradeRequest, type WsClient } from "./support/ws-client.ts";

setDefaultTimeout(30_000);

const AUTH_OK = '{"type":"auth_ok"}';
const AUTH_REQUIRED =
  '{"type":"error","code":"auth_required","message":"send a valid auth frame with a token first"}';
const UNAUTHORIZED =
  '{"type":"error","code":"unauthorized","message":"the token is not valid for this topic"}';
const AUTH_EXPIRED = '{"type":"error","code":"auth_expired","message":"the token has expired"}';
const HANDSHAKE_FAILED = { code: 1008, reason: "handshake failed" };

const MAX_FRAME_BYTES = 4096;
const STATUS_TOPIC = "worker.status";
const STATUS_INTERVAL_MS = 700;
const STATUS_REQUEST = '{"type":"status"}';

/** Longest that a client waits for connect, upgrade and auth together, in milliseconds. */
const BROWSER_PATIENCE_MS = 1500;

/** A frame of exactly this many bytes that means nothing. */
function frameOf(bytes: number): string {
  return `{"type":"nothing"}`.padEnd(bytes);
}

onEachTarget("WebSocket", (worker) => {
  const registered = async (requireToken: boolean): Promise<string> => {
    const topic = newTopic();
    await worker().api.register(topic, requireToken);
    return topic;
  };

  /** Publishes, and expects that this is the very next thing a socket hears. */
  const expectNextPush = async (socket: WsClient, topic: string): Promise<void> => {
    const payload = JSON.stringify(crypto.randomUUID());
    await worker().api.publish(topic, payload);
    expect(await socket.nextFrame()).toBe(`{"type":"push","payload":${payload}}`);
  };

  describe("before the upgrade", () => {
    const upgrade = async (
      target: string,
      headers: readonly (readonly [string, string])[] = [],
    ) => {
      using client = await HttpClient.connect(worker().ports.ws);
      client.tcp.write(upgradeRequest(target, headers));
      const { status, body } = await client.interimOrAnswer();
      return body === "" ? `${status}` : `${status} ${body}`;
    };

    test("no topic: 400 missing topic", async () => {
      for (const target of [
        "/ws",
        "/ws?",
        "/ws?topic=",
        "/ws?topic",
        "/ws?Topic=a",
        "/ws?a=topic",
      ]) {
        expect(await upgrade(target)).toBe("400 missing topic");
      }
    });

    test("topic not registered: 404 topic not registered", async () => {
      const topic = await registered(false);
      for (const other of [
        newTopic(),
        `${topic}x`,
        topic.toUpperCase(),
        ` ${topic}`,
        `${topic}\0`,
      ]) {
        expect(await upgrade(topicTarget(other))).toBe("404 topic not registered");
      }
      expect(await upgrade(topicTarget(topic))).toBe("101");
    });

    test("another path: 404 not found", async () => {
      const topic = await registered(false);
      for (const path of ["/", "/ws/", "/WS", "/worker/ws", "/internal/status", "/wss"]) {
        expect(await upgrade(`${path}?topic=${topic}`)).toBe("404 not found");
      }
    });

    test("no upgrade request: 426, and no socket", async () => {
      const topic = await registered(false);
      for (const method of ["GET", "POST", "DELETE"]) {
        const answer = await exchange(worker().ports.ws, { method, path: topicTarget(topic) });
        expect(answer.status).toBe(426);
        expect(answer.body).toBe("this is a WebSocket endpoint: send an upgrade request");
      }
    });

    test("faults are plain text and show nothing of the program", async () => {
      for (const path of ["/", "/ws", topicTarget(newTopic()), "/%", "/ws?topic=%"]) {
        const answer = await exchange(worker().ports.ws, { path });
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
        expect(answer.body.length).toBeLessThan(100);
      }
    });

    test("HTTP/1.0 without Host, as simple proxies speak it, is served like any other", async () => {
      const topic = await registered(false);
      const answers: readonly [path: string, status: number][] = [
        ["/ws", 400],
        [topicTarget(newTopic()), 404],
        ["//x", 404],
        [topicTarget(topic), 101],
      ];
      for (const [path, status] of answers) {
        using client = await HttpClient.connect(worker().ports.ws);
        const request = upgradeRequest(path).replace("HTTP/1.1", "HTTP/1.0");
        client.tcp.write(request.replace(/Host: .*\r\n/, ""));
        expect((await client.interimOrAnswer()).status).toBe(status);
      }
    });

    test("the topic is URL-encoded UTF-8", async () => {
      for (const topic of ["a b", "a+b", "a/b?c&d=e#f%", "\u00fc\u{1f4e1}", "[1]", '"quoted"']) {
        await worker().api.register(topic);
        using socket = await worker().subscribe(topic);
        await expectNextPush(socket, topic);
      }
    });

    test("further parameters and another order are no matter", async () => {
      const topic = await registered(false);
      expect(await upgrade(`/ws?x=1&topic=${topic}&y=2`)).toBe("101");
    });

    test("any Origin is let in by default", async () => {
      const topic = await registered(false);
      for (const origin of ["https://log.example.org", "http://localhost:8080", "null", "x"]) {
        expect(await upgrade(topicTarget(topic), [["Origin", origin]])).toBe("101");
      }
    });
  });

  describe("handshake", () => {
    test("a good token: auth_ok, and from then on the socket is subscribed", async () => {
      const topic = await registered(true);
      using socket = await worker().open(topic);
      socket.sendAuth(makeToken(worker().secret, topic));
      expect(await socket.nextFrame()).toBe(AUTH_OK);
      await expectNextPush(socket, topic);
    });

    test("before auth, a socket hears nothing", async () => {
      const topic = await registered(true);
      using subscribed = await worker().subscribe(topic, makeToken(worker().secret, topic));
      using stranger = await worker().open(topic);
      await expectNextPush(subscribed, topic);
      stranger.send({ opcode: OPCODE.ping });
      await stranger.until(() => stranger.pongs[0], "a pong");
      expect(stranger.frames).toEqual([]);
    });

    test("order of keys, more keys, spaces: no matter", async () => {
      const topic = await registered(true);
      const token = makeToken(worker().secret, topic);
      for (const frame of [
        `{"token":"${token}","type":"auth"}`,
        ` { "type" : "auth" , "token" : "${token}" , "more" : [] } `,
        `{"type":"x","type":"auth","token":"","token":"${token}"}`,
      ]) {
        using socket = await worker().open(topic);
        socket.sendText(frame);
        expect(await socket.nextFrame()).toBe(AUTH_OK);
      }
    });

    test("the first frame may come in fragments", async () => {
      const topic = await registered(true);
      const frame = JSON.stringify({ type: "auth", token: makeToken(worker().secret, topic) });
      using socket = await worker().open(topic);
      socket.send({ opcode: OPCODE.text, payload: frame.slice(0, 10), fin: false });
      socket.send({ opcode: OPCODE.continuation, payload: frame.slice(10, 11), fin: false });
      socket.send({ opcode: OPCODE.continuation, payload: frame.slice(11) });
      expect(await socket.nextFrame()).toBe(AUTH_OK);
    });

    test("anything else as first frame: auth_required, then close", async () => {
      const frames = [
        "",
        "hello",
        "{}",
        "[]",
        "null",
        '"auth"',
        '{"type":"status"}',
        '{"type":"Auth"}',
        '{"type":["auth"]}',
        '{"type":"push","payload":1}',
        '{"type":"auth"',
      ];
      for (const requireToken of [true, false]) {
        const topic = await registered(requireToken);
        for (const frame of frames) {
          using socket = await worker().open(topic);
          socket.sendText(frame);
          expect(await socket.restAndClose()).toEqual([AUTH_REQUIRED, HANDSHAKE_FAILED]);
        }
        using socket = await worker().open(topic);
        socket.send({ opcode: OPCODE.binary, payload: '{"type":"auth"}' });
        expect(await socket.restAndClose()).toEqual([AUTH_REQUIRED, HANDSHAKE_FAILED]);
      }
    });

    test("no token where one is required: auth_required, then close", async () => {
      const topic = await registered(true);
      for (const frame of [
        '{"type":"auth"}',
        '{"type":"auth","token":""}',
        '{"type":"auth","token":null}',
      ]) {
        using socket = await worker().open(topic);
        socket.sendText(frame);
        expect(await socket.restAndClose()).toEqual([AUTH_REQUIRED, HANDSHAKE_FAILED]);
      }
    });

    test("where none is required, any token or none will do, and its holder is nobody", async () => {
      const topic = await registered(false);
      const before = (await worker().api.status()).connected_clients;
      const frames = [
        '{"type":"auth"}',
        '{"type":"auth","token":null}',
        '{"type":"auth","token":""}',
        '{"type":"auth","token":"x"}',
        '{"type":"auth","token":5}',
        JSON.stringify({ type: "auth", token: makeToken("another secret", topic) }),
        JSON.stringify({ type: "auth", token: makeToken(worker().secret, "other") }),
        JSON.stringify({ type: "auth", token: makeToken(worker().secret, topic, { expires: 1 }) }),
        JSON.stringify({ type: "auth", token: makeToken(worker().secret, topic) }),
      ];
      const sockets: WsClient[] = [];
      for (const frame of frames) {
        const socket = await worker().open(topic);
        sockets.push(socket);
        socket.sendText(frame);
        expect(await socket.nextFrame()).toBe(AUTH_OK);
      }
      await worker().socketsReach(frames.length);
      expect((await worker().api.status()).connected_clients - before).toBe(frames.length);
      for (const socket of sockets) {
        socket.sendClose();
      }
      await worker().socketsReach(0);
    });
  });

  describe("tokens that are let in", () => {
    const json = (claims: object): string => JSON.stringify(claims);
    const expires = 1_900_000_000;
    const GOOD: readonly [what: string, claims: (topic: string) => string][] = [
      ["as PHP makes them", (topic) => json({ user_id: 7, topic, expires })],
      ["another order of keys", (topic) => json({ expires, topic, user_id: 7 })],
      ["more keys", (topic) => json({ v: 1, user_id: 7, topic, expires, name: { a: [] } })],
      ["spaces", (topic) => ` {\n"user_id" : 7, "topic":"${topic}" ,"expires": ${expires} } `],
      ["user 0", (topic) => json({ user_id: 0, topic, expires })],
      ["a far user id", (topic) => json({ user_id: Number.MAX_SAFE_INTEGER, topic, expires })],
      [
        "an escaped topic",
        (topic) => json({ user_id: 7, topic, expires }).replace("test", "\\u0074est"),
      ],
      ["a last second", (topic) => json({ user_id: 7, topic, expires: unixNow() + 5 })],
    ];
    for (const [what, claims] of GOOD) {
      test(what, async () => {
        const topic = await registered(true);
        using socket = await worker().open(topic);
        socket.sendAuth(signClaims(worker().secret, claims(topic)));
        expect(await socket.nextFrame()).toBe(AUTH_OK);
        await expectNextPush(socket, topic);
      });
    }
  });

  describe("tokens that are refused: unauthorized, then close", () => {
    type Make = (topic: string, secret: string) => unknown;
    const claims = (topic: string, more: object = {}): string =>
      JSON.stringify({ user_id: 7, topic, expires: unixNow() + 3600, ...more });
    const split = (token: string): [message: string, signature: string] => {
      const [message = "", signature = ""] = token.split(".");
      return [message, signature];
    };
    /** Another hex digit. */
    const other = (digit: string): string => (digit === "0" ? "1" : "0");

    const BAD: readonly [what: string, make: Make][] = [
      ["no token at all", () => "token"],
      ["a space", () => " "],
      ["only a dot", () => "."],
      ["no signature", (topic, secret) => split(makeToken(secret, topic))[0]],
      ["an empty signature", (topic, secret) => `${split(makeToken(secret, topic))[0]}.`],
      ["an empty message", (_, secret) => `.${sign(secret, "")}`],
      ["three parts", (topic, secret) => `${makeToken(secret, topic)}.00`],
      ["a number", () => 5],
      ["true", () => true],
      ["a list", (topic, secret) => [makeToken(secret, topic)]],
      ["an object", () => ({})],
      ["space before", (topic, secret) => ` ${makeToken(secret, topic)}`],
      ["line feed behind", (topic, secret) => `${makeToken(secret, topic)}\n`],
      ["NUL behind", (topic, secret) => `${makeToken(secret, topic)}\0`],
      ["upper-case hex", (topic, secret) => makeToken(secret, topic).toUpperCase()],
      [
        "upper-case signature",
        (topic, secret) => {
          const [message, signature] = split(makeToken(secret, topic));
          // A digit that has no upper case would leave it as it was: there are 64.
          return `${message}.${signature.toUpperCase()}`;
        },
      ],
      [
        "upper-case message, signed as such",
        (topic, secret) => {
          const message = Buffer.from(claims(topic)).toString("hex").toUpperCase();
          return `${message}.${sign(secret, message)}`;
        },
      ],
      [
        "an odd number of digits, signed as such",
        (topic, secret) => {
          const message = Buffer.from(`${claims(topic)} `)
            .toString("hex")
            .slice(0, -1);
          return `${message}.${sign(secret, message)}`;
        },
      ],
      ["claims not in hex", (topic, secret) => `${claims(topic)}.${sign(secret, claims(topic))}`],
      [
        "claims in base64",
        (topic, secret) => {
          const message = Buffer.from(claims(topic)).toString("base64url");
          return `${message}.${sign(secret, message)}`;
        },
      ],
      [
        "signed over the claims, not their hex",
        (topic, secret) =>
          `${Buffer.from(claims(topic)).toString("hex")}.${sign(secret, claims(topic))}`,
      ],
      ["another secret", (topic, secret) => makeToken(`${secret}x`, topic)],
      ["an empty secret", (topic) => makeToken("", topic)],
      ["a signature cut short", (topic, secret) => makeToken(secret, topic).slice(0, -2)],
      ["a signature too long", (topic, secret) => `${makeToken(secret, topic)}00`],
      [
        "another signature's last digit",
        (topic, secret) => {
          const token = makeToken(secret, topic);
          return token.slice(0, -1) + other(token.slice(-1));
        },
      ],
      [
        "another signature's first digit",
        (topic, secret) => {
          const [message, signature] = split(makeToken(secret, topic));
          return `${message}.${other(signature.slice(0, 1))}${signature.slice(1)}`;
        },
      ],
      [
        "claims changed after signing",
        (topic, secret) => {
          const [, signature] = split(makeToken(secret, topic));
          return `${Buffer.from(claims(topic, { user_id: 1 })).toString("hex")}.${signature}`;
        },
      ],
      [
        "expired a second ago",
        (topic, secret) => makeToken(secret, topic, { expires: unixNow() - 1 }),
      ],
      ["expired long ago", (topic, secret) => makeToken(secret, topic, { expires: 1 })],
      ["expired before 1970", (topic, secret) => makeToken(secret, topic, { expires: -1 })],
      ["another topic", (topic, secret) => makeToken(secret, `${topic}x`)],
      ["an empty topic", (_, secret) => makeToken(secret, "")],
      ["the topic in other letters", (topic, secret) => makeToken(secret, topic.toUpperCase())],
      ["the status topic", (_, secret) => makeToken(secret, STATUS_TOPIC)],
      ["no user_id", (topic, secret) => signClaims(secret, claims(topic, { user_id: undefined }))],
      ["no topic", (topic, secret) => signClaims(secret, claims(topic, { topic: undefined }))],
      ["no expires", (topic, secret) => signClaims(secret, claims(topic, { expires: undefined }))],
      ["user_id a string", (topic, secret) => signClaims(secret, claims(topic, { user_id: "7" }))],
      [
        "user_id a fraction",
        (topic, secret) => signClaims(secret, claims(topic, { user_id: 7.5 })),
      ],
      ["user_id null", (topic, secret) => signClaims(secret, claims(topic, { user_id: null }))],
      ["user_id a list", (topic, secret) => signClaims(secret, claims(topic, { user_id: [7] }))],
      ["topic a number", (topic, secret) => signClaims(secret, claims(topic, { topic: 1 }))],
      ["topic a list", (topic, secret) => signClaims(secret, claims(topic, { topic: [topic] }))],
      ["topic null", (topic, secret) => signClaims(secret, claims(topic, { topic: null }))],
      [
        "expires a string",
        (topic, secret) => signClaims(secret, claims(topic, { expires: "1900000000" })),
      ],
      ["expires null", (topic, secret) => signClaims(secret, claims(topic, { expires: null }))],
      ["expires true", (topic, secret) => signClaims(secret, claims(topic, { expires: true }))],
      [
        "expires a fraction",
        (topic, secret) => signClaims(secret, claims(topic, { expires: 1.9e9 + 0.5 })),
      ],
      [
        "expires infinite",
        (topic, secret) => signClaims(secret, `{"user_id":7,"topic":"${topic}","expires":1e999}`),
      ],
      [
        "doubled expires, the last expired",
        (topic, secret) =>
          signClaims(secret, `{"user_id":7,"topic":"${topic}","expires":1900000000,"expires":1}`),
      ],
      ["claims are null", (_, secret) => signClaims(secret, "null")],
      ["claims are a list", (topic, secret) => signClaims(secret, `[7,"${topic}",1900000000]`)],
      ["claims are a number", (_, secret) => signClaims(secret, "7")],
      ["claims are no JSON", (_, secret) => signClaims(secret, "{user_id:7}")],
      ["claims are cut short", (topic, secret) => signClaims(secret, claims(topic).slice(0, -1))],
      ["claims are empty", (_, secret) => signClaims(secret, "")],
      [
        "claims are no UTF-8",
        (topic, secret) =>
          signClaims(secret, Buffer.from(claims(topic, { name: "\u00ff" }), "latin1")),
      ],
      ["a token of nearly 4 KiB", () => "0".repeat(4000)],
    ];
    for (const [what, make] of BAD) {
      test(what, async () => {
        const topic = await registered(true);
        using socket = await worker().open(topic);
        socket.sendText(JSON.stringify({ type: "auth", token: make(topic, worker().secret) }));
        expect(await socket.restAndClose()).toEqual([UNAUTHORIZED, HANDSHAKE_FAILED]);
      });
    }
  });

  describe("subscribed", () => {
    test("frames that mean nothing are ignored", async () => {
      const topic = await registered(true);
      const token = makeToken(worker().secret, topic);
      using socket = await worker().subscribe(topic, token);
      for (const text of [
        "",
        "hello",
        "{}",
        "null",
        '{"type":"auth"}',
        '{"type":"auth","token":"wrong"}',
        JSON.stringify({ type: "auth", token }),
        STATUS_REQUEST,
        '{"type":"push","payload":1}',
        '{"type":"unsubscribe"}',
        "\0",
      ]) {
        socket.sendText(text);
      }
      socket.send({ opcode: OPCODE.binary, payload: Buffer.from([0, 1, 2, 255]) });
      socket.send({ opcode: OPCODE.pong, payload: "unasked" });
      // Frames are read in order: what answers the ping has read all that came before.
      socket.send({ opcode: OPCODE.ping, payload: "fence" });
      await socket.until(() => socket.pongs[0], "a pong");
      await expectNextPush(socket, topic);
      expect(socket.frames.length).toBe(2);
    });

    test("one person may have many sockets, each gets every event", async () => {
      const topic = await registered(true);
      const token = makeToken(worker().secret, topic);
      using one = await worker().subscribe(topic, token);
      using two = await worker().subscribe(topic, token);
      await worker().api.publish(topic, "1");
      for (const socket of [one, two]) {
        expect(await socket.nextFrame()).toBe('{"type":"push","payload":1}');
      }
    });

    test(`a frame of ${MAX_FRAME_BYTES} bytes is read, of one more it is 1009`, async () => {
      const topic = await registered(false);
      using socket = await worker().subscribe(topic);
      socket.sendText(frameOf(MAX_FRAME_BYTES));
      await expectNextPush(socket, topic);
      socket.sendText(frameOf(MAX_FRAME_BYTES + 1));
      expect((await socket.closed()).code).toBe(1009);
      expect(socket.frames.length).toBe(2);
    });

    test(`the first frame too may have ${MAX_FRAME_BYTES} bytes and no more`, async () => {
      const topic = await registered(false);
      const auth = '{"type":"auth"}';
      using socket = await worker().open(topic);
      socket.sendText(auth.padEnd(MAX_FRAME_BYTES));
      expect(await socket.nextFrame()).toBe(AUTH_OK);
      using big = await worker().open(topic);
      big.sendText(auth.padEnd(MAX_FRAME_BYTES + 1));
      expect(await big.restAndClose()).toMatchObject([{ code: 1009 }]);
    });

    test("fragments count together", async () => {
      const topic = await registered(false);
      using socket = await worker().subscribe(topic);
      const half = frameOf(MAX_FRAME_BYTES / 2);
      socket.send({ opcode: OPCODE.text, payload: half, fin: false });
      socket.send({ opcode: OPCODE.continuation, payload: half });
      await expectNextPush(socket, topic);
      socket.send({ opcode: OPCODE.text, payload: half, fin: false });
      socket.send({ opcode: OPCODE.continuation, payload: half, fin: false });
      socket.send({ opcode: OPCODE.continuation, payload: " " });
      expect((await socket.closed()).code).toBe(1009);
    });
  });

  describe("worker.status", () => {
    const operator = (): Promise<WsClient> =>
      worker().subscribe(STATUS_TOPIC, makeToken(worker().secret, STATUS_TOPIC));

    test("requires a token", async () => {
      using socket = await worker().open(STATUS_TOPIC);
      socket.sendAuth();
      expect(await socket.restAndClose()).toEqual([AUTH_REQUIRED, HANDSHAKE_FAILED]);
    });

    test("answers a status frame with the status object", async () => {
      using socket = await operator();
      socket.sendText(STATUS_REQUEST);
      expect(await socket.nextFrame()).toMatch(
        /^\{"type":"status","payload":\{"status":"ok","version":"[^"]+","uptime":"(\d+m)?\d+s","registered_topics":\d+,"active_topics":\d+,"connected_clients":\d+,"connected_sockets":\d+,"cluster_nodes":-1,"redis":"off","node":"[0-9a-f]{16}",.*"uptime_seconds":\d+\}\}$/,
      );
    });

    test("hears events like any other topic", async () => {
      using socket = await operator();
      await expectNextPush(socket, STATUS_TOPIC);
    });

    test(`answers at most once in ${STATUS_INTERVAL_MS} ms, each socket for itself`, async () => {
      using socket = await operator();
      const start = performance.now();
      for (let count = 0; count < 5; count += 1) {
        socket.sendText(STATUS_REQUEST);
      }
      expect(await socket.nextFrame()).toStartWith('{"type":"status"');
      // Another socket is not held back by this one.
      using second = await operator();
      second.sendText(STATUS_REQUEST);
      expect(await second.nextFrame()).toStartWith('{"type":"status"');
      while (socket.frames.length < 3) {
        socket.sendText(STATUS_REQUEST);
        socket.send({ opcode: OPCODE.ping });
        const pongs = socket.pongs.length;
        await socket.until(() => socket.pongs[pongs], "a pong");
      }
      expect(performance.now() - start).toBeGreaterThanOrEqual(STATUS_INTERVAL_MS);
      expect(await socket.nextFrame()).toStartWith('{"type":"status"');
      // The ignored ones are answered never, not later.
      await expectNextPush(socket, STATUS_TOPIC);
      expect(socket.frames.length).toBe(4);
    });

    test("other frames on it are ignored and use up nothing", async () => {
      using socket = await operator();
      for (const text of ["status", '{"type":"Status"}', '{"status":1}', "[]", '"status"']) {
        socket.sendText(text);
      }
      socket.send({ opcode: OPCODE.binary, payload: STATUS_REQUEST });
      socket.send({ opcode: OPCODE.ping });
      await socket.until(() => socket.pongs[0], "a pong");
      expect(socket.frames).toEqual([AUTH_OK]);
      socket.sendText(STATUS_REQUEST);
      expect(await socket.nextFrame()).toStartWith('{"type":"status"');
    });
  });

  test("a token that expires while connected: auth_expired, then 4401", async () => {
    const topic = await registered(true);
    const open = await registered(false);
    const { secret } = worker();
    const expires = unixNow() + 2;
    using short = await worker().subscribe(topic, makeToken(secret, topic, { expires }));
    using long = await worker().subscribe(topic, makeToken(secret, topic));
    // Nobody looked at this one's token.
    using anonymous = await worker().subscribe(open, makeToken(secret, open, { expires }));
    await expectNextPush(short, topic);
    await long.nextFrame();
    expect(await short.restAndClose()).toEqual([
      AUTH_EXPIRED,
      { code: 4401, reason: "token expired" },
    ]);
    // The token is good up to and including its last second.
    const late = Date.now() - (expires + 1) * 1000;
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(3000);
    await expectNextPush(long, topic);
    await expectNextPush(anonymous, open);
  });

  test("connect, upgrade and auth are done well within a browser's patience", async () => {
    const topic = await registered(true);
    const start = performance.now();
    using _ = await worker().subscribe(topic, makeToken(worker().secret, topic));
    expect(performance.now() - start).toBeLessThan(BROWSER_PATIENCE_MS);
  });
});

for (const target of TARGETS) {
  describe(`WebSocket, operator's side (${target.name})`, () => {
    test("a worker that stops closes every socket with 1012", async () => {
      await using worker = await startWorker({ target, config: { gateway_threads: 3 } });
      await worker.api.register("a");
      const sockets: WsClient[] = [];
      for (let count = 0; count < 12; count += 1) {
        sockets.push(await worker.subscribe("a"));
        sockets.push(await worker.open("a"));
      }
      worker.program.signal("SIGTERM");
      for (const socket of sockets) {
        expect(await socket.closed()).toEqual({ code: 1012, reason: "service restart" });
      }
      expect(await worker.program.exit()).toBe(0);
    });

    test("allowed_origins: only those are let in, and who has none", async () => {
      const allowed_origins = ["https://log.example.org", "http://localhost:8080", "*.example.net"];
      await using worker = await startWorker({ target, config: { allowed_origins } });
      await worker.api.register("a");
      const ask = async (origin: string | undefined): Promise<string> => {
        const headers = origin === undefined ? [] : ([["Origin", origin]] as const);
        using client = await HttpClient.connect(worker.ports.ws);
        client.tcp.write(upgradeRequest(topicTarget("a"), headers));
        const { status, body } = await client.interimOrAnswer();
        return `${status} ${body}`.trim();
      };
      for (const origin of [
        undefined,
        "https://log.example.org",
        "HTTPS://LOG.EXAMPLE.ORG",
        "http://localhost:8080",
        "https://a.example.net",
        "https://a.b.example.net",
        "http://a.example.net:8443",
      ]) {
        expect([origin, await ask(origin)]).toEqual([origin, "101"]);
      }
      for (const origin of [
        "",
        "null",
        "http://log.example.org",
        "https://log.example.org:8443",
        "https://log.example.org.example.com",
        "https://sub.log.example.org",
        "http://localhost",
        "https://example.net",
        "https://badexample.net",
        "https://a.example.net.example.com",
        "https://example.com/.example.net",
        "https://example.com?.example.net",
        "x",
      ]) {
        expect([origin, await ask(origin)]).toEqual([origin, "403 origin not allowed"]);
      }
    });

    test("the log has the client's own address, cleaned of anything that is none", async () => {
      await using worker = await startWorker({ target });
      await worker.api.register("a");
      const CASES: readonly [headers: readonly (readonly [string, string])[], address: string][] = [
        [[], LOOPBACK],
        [[["X-Forwarded-For", "203.0.113.9"]], "203.0.113.9"],
        // This machine alone is trusted: what stands before is the client's own writing.
        [[["X-Forwarded-For", "203.0.113.9, 10.0.0.1"]], "10.0.0.1"],
        [[["X-Forwarded-For", "10.0.0.1, 203.0.113.9, 127.0.0.5"]], "203.0.113.9"],
        [[["X-Forwarded-For", "203.0.113.9:5000"]], "203.0.113.9"],
        [[["X-Forwarded-For", " 2001:db8::1 "]], "2001:db8::1"],
        [[["X-Forwarded-For", "[2001:db8::1]:443"]], "2001:db8::1"],
        [[["X-Forwarded-For", "::ffff:192.0.2.1"]], "192.0.2.1"],
        [[["X-Forwarded-For", "fe80::1%eth0"]], "fe80::1"],
        [[["X-Real-IP", "203.0.113.8"]], "203.0.113.8"],
        [
          [
            ["X-Forwarded-For", "203.0.113.9"],
            ["X-Real-IP", "203.0.113.8"],
          ],
          "203.0.113.9",
        ],
        [
          [
            ["X-Forwarded-For", "unknown"],
            ["X-Real-IP", "203.0.113.8"],
          ],
          LOOPBACK,
        ],
        [[["X-Forwarded-For", "unknown, 203.0.113.9"]], "203.0.113.9"],
        [[["X-Forwarded-For", '"><script>alert(1)</script>']], LOOPBACK],
        [[["X-Forwarded-For", '{"level":"fatal"}']], LOOPBACK],
        [[["X-Forwarded-For", "999.1.1.1"]], LOOPBACK],
        [[["X-Forwarded-For", "203.0.113.9 and more"]], LOOPBACK],
        [[["X-Forwarded-For", `${"198.51.100.1,".repeat(100)}203.0.113.9`]], "203.0.113.9"],
        [[["X-Forwarded-For", ""]], LOOPBACK],
      ];
      for (const [index, [headers, address]] of CASES.entries()) {
        using _ = await worker.subscribe("a", undefined, { headers });
        const lines = await worker.logged("client connected", index + 1);
        expect([headers, lines[index]?.["address"]]).toEqual([headers, address]);
      }
    });
  });
}
