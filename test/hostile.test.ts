import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { publishBody } from "./support/api.ts";
import { eventually } from "./support/changes.ts";
import { newTopic } from "./support/each-target.ts";
import { encodeRequest, HttpClient, requestBytes } from "./support/http.ts";
import { openFiles, residentBytes } from "./support/proc.ts";
import { TARGETS } from "./support/targets.ts";
import { TcpClient } from "./support/tcp-client.ts";
import { makeToken, signClaims } from "./support/token.ts";
import { Witness } from "./support/witness.ts";
import { startWorker, type WorkerProcess } from "./support/worker.ts";
import {
  encodeFrame,
  OPCODE,
  topicTarget,
  upgradeRequest,
  type WsClient,
} from "./support/ws-client.ts";

setDefaultTimeout(60_000);

const MIB = 1024 * 1024;

/** What a garbage-collected program may hold more than at its start, once it is at rest. */
const MEMORY_MARGIN = 160 * MIB;
const MARGIN_PER_5000 = 48 * MIB;

/** Files that a runtime opens for itself when it first needs them. */
const FILES_MARGIN = 4;

/** Connections that one attack has open at once. */
const AT_ONCE = 50;

/** A request must be complete within 10 s; the worker looks once a second, and may be busy. */
const SLOW_DEADLINE_MS = 15_000;

const UNAUTHORIZED =
  '{"type":"error","code":"unauthorized","message":"the token is not valid for this topic"}';

/** Does something with each item, some at a time. */
async function forEachAtOnce<Item>(
  items: Iterable<Item>,
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      await act(next.value);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Sends bytes and leaves, politely or not. */
async function throwAt(port: number, bytes: string | Uint8Array, leave: "close" | "reset") {
  using client = await TcpClient.connect(port);
  client.write(bytes);
  await client.until(() => client.isSent || client.isEnded || undefined, "the bytes to be taken");
  if (leave === "reset") {
    client.reset();
  }
}

function closePayload(code: number, reason: string | Uint8Array = ""): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(code);
  return Buffer.concat([payload, Buffer.from(reason)]);
}

for (const target of TARGETS) {
  describe(`hostile input (${target.name})`, () => {
    let worker: WorkerProcess;
    let witness: Witness;
    let openTopic: string;
    let closedTopic: string;

    let filesAtStart: number;
    let bytesAtStart: number;

    beforeAll(async () => {
      worker = await startWorker({ target, config: { gateway_threads: 2 } });
      filesAtStart = openFiles(worker.pid);
      bytesAtStart = residentBytes(worker.pid);
      witness = await Witness.start(worker);
      openTopic = newTopic();
      closedTopic = newTopic();
      await worker.api.register(openTopic, false);
      await worker.api.register(closedTopic, true);
    });

    afterAll(async () => {
      await witness?.stop().catch(() => undefined);
      await worker?.[Symbol.asyncDispose]();
    });

    /** Shows that the worker still serves someone new. */
    const stillServes = async (): Promise<void> => {
      using socket = await worker.subscribe(closedTopic, makeToken(worker.secret, closedTopic));
      await worker.api.publish(closedTopic, '"still here"');
      expect(await socket.nextFrame()).toBe('{"type":"push","payload":"still here"}');
    };

    test("random bytes, on both ports", async () => {
      const starts = [
        "",
        "GET ",
        "GET /ws?topic=",
        "GET /ws HTTP/1.1\r\nHost: ",
        `${upgradeRequest(topicTarget(openTopic)).slice(0, -2)}X: `,
        "POST /internal/publish HTTP/1.1\r\nHost: a\r\n",
        `POST /internal/publish HTTP/1.1\r\nHost: a\r\nX-Worker-Secret: ${worker.secret}\r\n\r\n`,
        `POST /internal/publish HTTP/1.1\r\nHost: a\r\nX-Worker-Secret: ${worker.secret}\r\nTransfer-Encoding: chunked\r\n\r\n`,
      ];
      const shot = fc.record({
        start: fc.constantFrom(...starts),
        bytes: fc.uint8Array({ maxLength: 3000 }),
        leave: fc.constantFrom("close" as const, "reset" as const),
        port: fc.constantFrom("ws" as const, "internal" as const),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(shot, { minLength: 100, maxLength: 100 }), async (shots) => {
          await forEachAtOnce(shots, ({ start, bytes, leave, port }) =>
            throwAt(worker.ports[port], Buffer.concat([Buffer.from(start), bytes]), leave),
          );
          await stillServes();
        }),
        { numRuns: 15 },
      );
    });

    test("random bytes where frames should be", async () => {
      const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });
      await fc.assert(
        fc.asyncProperty(fc.array(bytes, { minLength: 50, maxLength: 50 }), async (all) => {
          await forEachAtOnce(all, async (junk) => {
            using socket = await worker.subscribe(openTopic);
            socket.tcp.write(junk);
            await socket.until(() => socket.tcp.isSent || socket.close, "the bytes to be taken");
          });
          await stillServes();
        }),
        { numRuns: 10 },
      );
    });

    test("handshakes cut off at every byte", async () => {
      const request = upgradeRequest(topicTarget(openTopic));
      for (const leave of ["close", "reset"] as const) {
        const cuts = Array.from({ length: request.length + 1 }, (_, cut) => request.slice(0, cut));
        await forEachAtOnce(cuts, (start) => throwAt(worker.ports.ws, start, leave));
      }
      const auth = encodeFrame({
        opcode: OPCODE.text,
        payload: JSON.stringify({ type: "auth", token: makeToken(worker.secret, closedTopic) }),
      });
      await forEachAtOnce(auth.keys(), async (cut) => {
        using socket = await worker.open(closedTopic);
        socket.tcp.write(auth.subarray(0, cut));
        await socket.until(() => socket.tcp.isSent || socket.close, "the bytes to be taken");
        socket.reset();
      });
      await stillServes();
    });

    test("a handshake and frames in one packet: served or ended, never stuck", async () => {
      const packet = Buffer.concat([
        Buffer.from(upgradeRequest(topicTarget(openTopic))),
        encodeFrame({ opcode: OPCODE.text, payload: '{"type":"auth"}' }),
        encodeFrame({ opcode: OPCODE.close, payload: closePayload(1000) }),
      ]);
      using client = await TcpClient.connect(worker.ports.ws);
      client.write(packet);
      await client.ended();
      await stillServes();
    });

    test("a flood of frames that mean nothing is read to its end", async () => {
      using socket = await worker.subscribe(openTopic);
      const flood: Buffer[] = [];
      for (let index = 0; index < 5000; index += 1) {
        flood.push(encodeFrame({ opcode: OPCODE.text, payload: `{"n":${index}}` }));
        flood.push(encodeFrame({ opcode: OPCODE.ping, payload: `${index}` }));
      }
      socket.tcp.write(Buffer.concat(flood));
      await socket.until(() => socket.pongs[4999], "pongs");
      expect(socket.pongs.at(-1)).toBe("4999");
      expect(socket.close).toBeUndefined();
    });

    test("bodies cut short: nothing of them is done", async () => {
      const topics: string[] = [];
      const shots: { bytes: Buffer; leave: "close" | "reset" }[] = [];
      for (const leave of ["close", "reset"] as const) {
        for (const chunkBytes of [undefined, 8]) {
          const topic = newTopic();
          topics.push(topic);
          const { head, body } = encodeRequest({
            path: "/internal/register",
            secret: worker.secret,
            // The JSON is whole long before the body is.
            body: JSON.stringify({ topic }).padEnd(200),
            ...(chunkBytes === undefined ? {} : { chunkBytes }),
          });
          for (let cut = 0; cut < body.length; cut += 1) {
            shots.push({ bytes: Buffer.concat([head, body.subarray(0, cut)]), leave });
          }
        }
      }
      await forEachAtOnce(shots, ({ bytes, leave }) =>
        throwAt(worker.ports.internal, bytes, leave),
      );
      await stillServes();
      const known = (await worker.api.status("?topics=1")).topic_list ?? [];
      expect(topics.filter((topic) => known.includes(topic))).toEqual([]);
    });

    test("slow requests and slow bodies are ended by the worker", async () => {
      const { secret, ports } = worker;
      const head = `POST /internal/publish HTTP/1.1\r\nHost: a\r\nX-Worker-Secret: ${secret}\r\n`;
      const SLOW: readonly [port: number, start: string, drip: string][] = [
        [ports.internal, "", ""],
        [ports.internal, "POST /internal/pub", ""],
        [ports.internal, "\r\n".repeat(1000), "\r\n"],
        [ports.internal, "POST /internal/publish HTTP/1.1\r\nX-Slow: ", "x"],
        [ports.internal, `${head}Content-Length: 1000\r\n\r\n`, ""],
        [ports.internal, `${head}Content-Length: 1000\r\n\r\n`, " "],
        [ports.internal, `${head}Transfer-Encoding: chunked\r\n\r\n`, "1\r\n \r\n"],
        [ports.internal, "POST /internal/publish HTTP/1.1\r\nContent-Length: 1000\r\n\r\n", " "],
        [ports.ws, "", ""],
        [ports.ws, "GET /ws?to", ""],
        [ports.ws, "\r\n".repeat(1000), "\r\n"],
        [ports.ws, "GET /ws?topic=a HTTP/1.1\r\nX-Slow: ", "x"],
        [ports.ws, `GET ${topicTarget("none")} HTTP/1.1\r\nHost: a\r\n\r\n`, ""],
      ];
      await Promise.all(
        SLOW.flatMap((slow) => Array.from({ length: 5 }, () => slow)).map(
          async ([port, start, drip]) => {
            using client = await TcpClient.connect(port);
            client.write(start);
            const dripping = setInterval(() => client.write(drip), 250);
            try {
              await client.ended(SLOW_DEADLINE_MS);
            } finally {
              clearInterval(dripping);
            }
            expect(client.received.toString("latin1")).not.toContain("200 OK");
          },
        ),
      );
      await stillServes();
    });

    test("10,000 random tokens: each is refused", async () => {
      const { secret } = worker;
      const valid = makeToken(secret, closedTopic);
      const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), maxLength: 200 });
      /** A valid token with one part replaced: always another one, and never a valid one. */
      const mutated = fc
        .tuple(
          fc.nat({ max: valid.length - 1 }),
          fc.nat({ max: 3 }),
          fc.string({ unit: "grapheme-ascii", maxLength: 3 }),
        )
        .map(([at, cut, filling]) => valid.slice(0, at) + filling + valid.slice(at + cut));
      const token = fc
        .oneof(
          fc.string({ unit: "binary", minLength: 1, maxLength: 300 }),
          fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 300 }),
          hex.map((digits) => `${digits}.${"0".repeat(64)}`),
          fc.tuple(hex, hex).map(([message, signature]) => `${message}.${signature}`),
          mutated,
          fc.json({ maxDepth: 2 }).map((json) => signClaims(secret, json.slice(0, 800))),
          fc.uint8Array({ maxLength: 300 }).map((bytes) => signClaims(secret, bytes)),
          fc.integer().map((expires) => makeToken(`${secret}${expires}`, closedTopic)),
          fc.string({ maxLength: 50 }).map((topic) => makeToken(secret, topic)),
        )
        .filter((candidate) => candidate !== valid);
      const tryTokens = (): Promise<void> =>
        fc.assert(
          fc.asyncProperty(fc.array(token, { minLength: 500, maxLength: 500 }), async (tokens) => {
            await forEachAtOnce(tokens, async (candidate) => {
              using socket = await worker.open(closedTopic);
              socket.sendAuth(candidate);
              expect((await socket.closed()).code).toBe(1008);
              expect(socket.frames).toEqual([UNAUTHORIZED]);
            });
          }),
          { numRuns: 10 },
        );
      await tryTokens();
      const before = residentBytes(worker.pid);
      await tryTokens();
      // Some 5 KiB for each of 5,000 would be a leak; the rest is the garbage of the moment.
      expect(residentBytes(worker.pid) - before).toBeLessThan(MARGIN_PER_5000);
      await stillServes();
    });

    test("random JSON as bodies: an answer to each, never a failure", async () => {
      const path = fc.constantFrom(
        "/internal/register",
        "/internal/unregister",
        "/internal/publish",
        "/internal/push",
      );
      const topical = fc
        .record({ topic: fc.json(), payload: fc.json(), meta: fc.json(), more: fc.json() })
        .map(({ topic, payload, meta, more }) => {
          return `{"topic":${topic},"payload":${payload},"meta":${meta},"more":${more}}`;
        });
      const named = fc
        .tuple(fc.string({ unit: "binary" }), fc.json())
        .map(([topic, payload]) => publishBody(topic, payload));
      const broken = fc
        .tuple(topical, fc.nat(), fc.string({ unit: "binary", maxLength: 2 }))
        .map(([json, at, junk]) => {
          const cut = at % json.length;
          return json.slice(0, cut) + junk + json.slice(cut + 1);
        });
      const body = fc.oneof(fc.json(), topical, named, broken, fc.string({ unit: "binary" }));
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(path, body), { minLength: 100, maxLength: 100 }),
          async (requests) => {
            using client = await HttpClient.connect(worker.ports.internal);
            for (const [to, content] of requests) {
              client.send({ path: to, secret: worker.secret, body: content });
            }
            for (const _ of requests) {
              expect([200, 400, 404]).toContain((await client.answer()).status);
            }
          },
        ),
        { numRuns: 20 },
      );
      await stillServes();
    });

    test("header bombs: refused, at a bounded cost", async () => {
      const bombs: readonly string[] = [
        `X-Bomb: ${"x".repeat(MIB)}`,
        Array.from({ length: 20_000 }, (_, index) => `X-${index}: x`).join("\r\n"),
        `${"x".repeat(MIB)}: x`,
        `Cookie: ${"a=b; ".repeat(50_000)}`,
      ];
      const shots = [worker.ports.ws, worker.ports.internal].flatMap((port) => [
        ...bombs.map((bomb) => ({ port, bytes: `GET /ws HTTP/1.1\r\nHost: a\r\n${bomb}\r\n\r\n` })),
        { port, bytes: `GET /${"x".repeat(MIB)} HTTP/1.1\r\nHost: a\r\n\r\n` },
        { port, bytes: `GET /ws?topic=${"%C3%BC".repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n` },
        { port, bytes: "x".repeat(2 * MIB) },
      ]);
      await forEachAtOnce(shots, async ({ port, bytes }) => {
        using client = await TcpClient.connect(port);
        client.write(bytes);
        await client.ended(SLOW_DEADLINE_MS);
        // Without an answer when the connection was reset while it was still being sent.
        expect(client.received.toString("latin1")).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
      });
      await stillServes();
    });

    test("hundreds of connections that do nothing are in nobody's way", async () => {
      const idle: (TcpClient | WsClient)[] = [];
      try {
        await forEachAtOnce(Array.from({ length: 300 }).keys(), async () => {
          idle.push(await TcpClient.connect(worker.ports.ws));
          idle.push(await TcpClient.connect(worker.ports.internal));
          idle.push(await worker.open(closedTopic));
        });
        await stillServes();
      } finally {
        for (const client of idle) {
          client.reset();
        }
      }
    });

    test("a reader that stalls is dropped alone; good ones get every large event", async () => {
      const topic = newTopic();
      await worker.api.register(topic);
      using good = await worker.subscribe(topic);
      using stalled = await worker.subscribe(topic, undefined, {
        headers: [["X-Forwarded-For", "203.0.113.66"]],
      });
      stalled.tcp.pause();
      const filling = "x".repeat(0.9 * MIB);
      for (let count = 0; count < 30; count += 1) {
        await worker.api.publish(topic, `"${count}${filling}"`);
        const frame = await good.nextFrame();
        expect(frame === `{"type":"push","payload":"${count}${filling}"}`).toBe(true);
      }
      const [dropped] = await worker.stdout.until((lines) => {
        const ends = lines.filter((line) => line.includes("203.0.113.66") && line.includes("1006"));
        return ends.length > 0 ? ends : undefined;
      }, "the stalled reader to be dropped");
      expect(JSON.parse(dropped ?? "")).toMatchObject({
        level: "warn",
        msg: "client disconnected",
        reason: "slow reader",
        topic,
        buffered: expect.any(Number),
      });
      expect((await worker.api.status()).slow_readers).toBe(1);
      await stillServes();
    });

    test("requests that were well begun go on badly: those before are answered", async () => {
      using client = await HttpClient.connect(worker.ports.internal);
      const good = requestBytes({ path: "/internal/status", secret: worker.secret });
      client.tcp.write(Buffer.concat([good, good, Buffer.from("\0\0\0 / HTTP/9\r\n\r\n")]));
      expect((await client.answer()).status).toBe(200);
      expect((await client.answer()).status).toBe(200);
      await client.tcp.ended();
    });

    test("afterwards: nobody was disturbed, nothing has grown, nothing was logged as an error", async () => {
      expect(worker.program.hasEnded).toBe(false);
      await witness.stop();
      await worker.socketsReach(0);
      await eventually(
        () => openFiles(worker.pid) <= filesAtStart + FILES_MARGIN,
        `all but ${filesAtStart} files to be closed`,
      );
      await eventually(
        () => residentBytes(worker.pid) - bytesAtStart < MEMORY_MARGIN,
        `memory to be near ${Math.round(bytesAtStart / MIB)} MiB again`,
      );
      expect(await worker.stop()).toBe(0);
      expect(worker.stderr.text).toBe("");
      expect(worker.log.filter(({ level }) => !["info", "warn"].includes(level))).toEqual([]);
    });
  });
}
