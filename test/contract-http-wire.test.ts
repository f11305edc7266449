import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { publishBody } from "./support/api.ts";
import { newTopic, onEachTarget } from "./support/each-target.ts";
import { encodeRequest, HttpClient, type HttpRequest, requestBytes } from "./support/http.ts";
import { LOOPBACK } from "./support/tcp-client.ts";

setDefaultTimeout(30_000);

const MIB = 1024 * 1024;

/** PHP's curl sends its body after this long without a `100 Continue`, in milliseconds. */
const CURL_PATIENCE_MS = 1000;

const STATUS_PATH = "/internal/status";

onEachTarget("internal API on the wire", (worker) => {
  const connect = (): Promise<HttpClient> => HttpClient.connect(worker().ports.internal);
  const statusRequest = (): HttpRequest => ({ path: STATUS_PATH, secret: worker().secret });
  const publishRequest = (topic: string, payload: string): HttpRequest => ({
    path: "/internal/publish",
    secret: worker().secret,
    body: publishBody(topic, payload),
  });
  const registerRequest = (topic: string): HttpRequest => ({
    path: "/internal/register",
    secret: worker().secret,
    body: JSON.stringify({ topic }),
  });

  describe("versions and hosts", () => {
    for (const version of ["1.0", "1.1"] as const) {
      for (const host of [LOOPBACK, "wavelog.example.org:80", "", null]) {
        const what = host === null ? "without Host" : `with Host ${JSON.stringify(host)}`;
        test(`HTTP/${version} ${what}`, async () => {
          const topic = newTopic();
          for (const request of [
            registerRequest(topic),
            publishRequest(topic, "1"),
            statusRequest(),
          ]) {
            using client = await connect();
            client.send({ ...request, version, host });
            expect((await client.answer()).status).toBe(200);
          }
        });
      }
    }

    test("HTTP/1.0 ends with its answer, and says so, even when asked to stay", async () => {
      for (const headers of [
        [],
        [["Connection", "keep-alive"]],
        [["Connection", "close"]],
      ] as const) {
        using client = await connect();
        client.send({ ...statusRequest(), version: "1.0", host: null, headers });
        const answer = await client.answer();
        expect(answer.status).toBe(200);
        expect(answer.headers.get("connection")?.toLowerCase()).toBe("close");
        await client.tcp.ended();
      }
    });

    test("a target may be a whole URL, as proxies send it", async () => {
      using client = await connect();
      client.send({ ...statusRequest(), path: `http://${LOOPBACK}${STATUS_PATH}?topics=1` });
      expect((await client.answer()).body).toContain('"topic_list"');
    });

    test("HEAD has no body to its answer", async () => {
      using client = await connect();
      const headers = [["Connection", "close"]] as const;
      client.send({ ...statusRequest(), method: "HEAD", headers });
      await client.tcp.ended();
      expect(client.tcp.received.toString("latin1")).toMatch(/^HTTP\/1\.1 405 [\s\S]*\r\n\r\n$/);
    });
  });

  describe("connections", () => {
    test("stay open for further requests, whatever the answer was", async () => {
      const topic = newTopic();
      using client = await connect();
      const steps: readonly [request: HttpRequest, status: number][] = [
        [registerRequest(topic), 200],
        [publishRequest(topic, "1"), 200],
        [publishRequest(newTopic(), "1"), 404],
        [{ ...publishRequest(topic, "1"), secret: "wrong" }, 403],
        [{ ...publishRequest(topic, "1"), method: "PUT" }, 405],
        [{ ...publishRequest(topic, "1"), path: "/none" }, 404],
        [{ ...publishRequest(topic, "1"), body: "{" }, 400],
        [statusRequest(), 200],
        [publishRequest(topic, "2"), 200],
      ];
      for (const [request, status] of steps) {
        client.send(request);
        expect((await client.answer()).status).toBe(status);
      }
    });

    test("end when the client asks for it", async () => {
      using client = await connect();
      client.send({ ...statusRequest(), headers: [["Connection", "close"]] });
      const answer = await client.answer();
      expect(answer.status).toBe(200);
      expect(answer.headers.get("connection")?.toLowerCase()).toBe("close");
      await client.tcp.ended();
    });

    test("a client that has closed its own side still gets its answer", async () => {
      using client = await connect();
      client.send(statusRequest());
      client.tcp.end();
      expect((await client.answer()).status).toBe(200);
      await client.tcp.ended();
    });

    test("pipelined requests of all kinds in one packet are answered in order", async () => {
      const { secret } = worker();
      const topic = newTopic();
      const steps: readonly [request: HttpRequest, answer: string | RegExp][] = [
        [publishRequest(topic, "0"), "topic not registered"],
        [registerRequest(topic), ""],
        [statusRequest(), /^\{"status":"ok"/],
        [publishRequest(topic, "1"), ""],
        [{ ...publishRequest(topic, "2"), secret: "wrong" }, "forbidden"],
        [{ path: "/nothing" }, "not found"],
        [{ path: STATUS_PATH, secret, body: "{}" }, "method not allowed"],
        [{ ...publishRequest(topic, "3"), chunkBytes: 5 }, ""],
        [{ path: "/internal/publish", secret, body: "{}" }, "missing topic"],
        [{ path: "/internal/unregister", secret, body: JSON.stringify({ topic }) }, ""],
        [publishRequest(topic, "4"), "topic not registered"],
        [statusRequest(), /^\{"status":"ok"/],
      ];
      using client = await connect();
      client.tcp.write(Buffer.concat(steps.map(([request]) => requestBytes(request))));
      for (const [, answer] of steps) {
        const { body } = await client.answer();
        if (typeof answer === "string") {
          expect(body).toBe(answer);
        } else {
          expect(body).toMatch(answer);
        }
      }
    });

    test("events that are pipelined arrive in order", async () => {
      const topic = newTopic();
      await worker().api.register(topic);
      using socket = await worker().subscribe(topic);
      using client = await connect();
      const payloads = Array.from({ length: 1000 }, (_, index) => `${index}`);
      client.tcp.write(
        Buffer.concat(payloads.map((payload) => requestBytes(publishRequest(topic, payload)))),
      );
      for (const _ of payloads) {
        expect((await client.answer()).status).toBe(200);
      }
      expect((await socket.framesReach(1 + payloads.length)).slice(1)).toEqual(
        payloads.map((payload) => `{"type":"push","payload":${payload}}`),
      );
    });

    for (const chunkBytes of [undefined, 1, 16]) {
      const kind = chunkBytes === undefined ? "of a known length" : `in chunks of ${chunkBytes}`;
      test(`a request with a body ${kind} may be split at every byte`, async () => {
        const topic = newTopic();
        await worker().api.register(topic);
        using socket = await worker().subscribe(topic);
        using client = await connect();
        const request = publishRequest(topic, '"\u00e9\u{1f4e1}"');
        const bytes = requestBytes({ ...request, ...(chunkBytes ? { chunkBytes } : {}) });
        // The first part of each request travels with the end of the one before, whose answer
        // proves that the worker has read it before the second part is sent.
        client.tcp.write(requestBytes(statusRequest()));
        for (let split = 1; split < bytes.length; split += 1) {
          client.tcp.write(bytes.subarray(0, split));
          expect((await client.answer()).status).toBe(200);
          client.tcp.write(bytes.subarray(split));
        }
        expect((await client.answer()).status).toBe(200);
        const frames = await socket.framesReach(bytes.length);
        expect(new Set(frames.slice(1))).toEqual(
          new Set(['{"type":"push","payload":"\u00e9\u{1f4e1}"}']),
        );
      });
    }
  });

  describe("chunked bodies", () => {
    for (const chunkBytes of [1, 1000, 100_000]) {
      test(`in chunks of ${chunkBytes}`, async () => {
        const topic = newTopic();
        await worker().api.register(topic);
        using socket = await worker().subscribe(topic);
        using client = await connect();
        const text = "\u00e9\u{1f4e1}".repeat(chunkBytes === 1 ? 100 : 10_000);
        client.send({ ...publishRequest(topic, `"${text}"`), chunkBytes });
        expect((await client.answer()).status).toBe(200);
        expect((await socket.nextFrame()) === `{"type":"push","payload":"${text}"}`).toBe(true);
      });
    }

    test("exactly 1 MiB is taken, one byte more is 413", async () => {
      const topic = newTopic();
      await worker().api.register(topic);
      const body = publishBody(topic, "1");
      for (const [size, status] of [
        [MIB, 200],
        [MIB + 1, 413],
        [2 * MIB, 413],
      ] as const) {
        using client = await connect();
        client.send({ ...publishRequest(topic, "1"), body: body.padEnd(size), chunkBytes: 50_000 });
        expect((await client.answer()).status).toBe(status);
      }
    });

    test("chunk extensions and trailers are passed over", async () => {
      const topic = newTopic();
      using client = await connect();
      const { head } = encodeRequest({ ...registerRequest(topic), chunkBytes: 1 });
      const body = JSON.stringify({ topic });
      client.tcp.write(head);
      client.tcp.write(
        `${body.length.toString(16)};name="value"\r\n${body}\r\n0\r\nX-More: 1\r\n\r\n`,
      );
      expect((await client.answer()).status).toBe(200);
      client.send(publishRequest(topic, "1"));
      expect((await client.answer()).status).toBe(200);
    });
  });

  describe("Expect: 100-continue", () => {
    const expecting = (request: HttpRequest, value: string = "100-continue"): HttpRequest => ({
      ...request,
      headers: [["Expect", value]],
    });

    for (const value of ["100-continue", "100-Continue"]) {
      test(`${value} is answered at once, before the body`, async () => {
        const topic = newTopic();
        await worker().api.register(topic);
        using socket = await worker().subscribe(topic);
        using client = await connect();
        const payload = JSON.stringify("x".repeat(2000));
        const { head, body } = encodeRequest(expecting(publishRequest(topic, payload), value));
        client.tcp.write(head);
        await client.continued(CURL_PATIENCE_MS / 2);
        client.tcp.write(body);
        expect((await client.answer()).status).toBe(200);
        expect(await socket.nextFrame()).toBe(`{"type":"push","payload":${payload}}`);
      });
    }

    test("a client that does not wait is served too", async () => {
      const topic = newTopic();
      using client = await connect();
      client.send(expecting(registerRequest(topic)));
      expect((await client.answer()).status).toBe(200);
      client.send(publishRequest(topic, "1"));
      expect((await client.answer()).status).toBe(200);
    });

    test("a request that is refused gets its answer, before the body or after", async () => {
      const topic = newTopic();
      const tooBig = { ...publishRequest(topic, "1"), body: "x".repeat(2 * MIB) };
      const cases: readonly [request: HttpRequest, status: number][] = [
        [{ ...publishRequest(topic, "1"), path: "/nothing" }, 404],
        [{ ...publishRequest(topic, "1"), method: "PUT" }, 405],
        [{ ...publishRequest(topic, "1"), secret: "wrong" }, 403],
        [publishRequest(topic, "1"), 404],
        [tooBig, 413],
      ];
      for (const [request, status] of cases) {
        using client = await connect();
        const { head, body } = encodeRequest(expecting(request));
        client.tcp.write(head);
        const first = await client.interimOrAnswer();
        if (first.status === 100) {
          client.tcp.write(body);
          expect((await client.answer()).status).toBe(status);
        } else {
          expect(first.status).toBe(status);
        }
      }
    });
  });

  describe("no part of one request is taken for another", () => {
    test("bodies of refused requests are no requests", async () => {
      const inner = requestBytes(statusRequest()).toString();
      const refused: readonly HttpRequest[] = [
        { path: "/nothing", body: inner },
        { path: "/internal/publish", body: inner },
        { path: "/internal/publish", method: "PUT", body: inner },
        { path: "/internal/publish", secret: worker().secret, body: inner },
        { path: "/nothing", body: inner, chunkBytes: 10 },
        { path: "/internal/publish", body: inner, chunkBytes: 10 },
      ];
      for (const request of refused) {
        using client = await connect();
        client.send(request);
        const { status } = await client.answer();
        expect([400, 403, 404, 405]).toContain(status);
        client.send({ path: "/the-next-request" });
        expect((await client.answer()).body).toBe("not found");
      }
    });

    test("the body of a GET is no request", async () => {
      using client = await connect();
      const inner = requestBytes({ path: "/nothing" }).toString();
      client.send({ ...statusRequest(), method: "GET", body: inner });
      client.send(statusRequest());
      for (let count = 0; count < 2; count += 1) {
        expect((await client.answer()).status).toBe(200);
      }
    });

    test("a request whose length is in doubt is refused, and its connection ends", async () => {
      const { secret } = worker();
      const inner = `GET ${STATUS_PATH} HTTP/1.1\r\nHost: a\r\nX-Worker-Secret: ${secret}\r\n\r\n`;
      const lengths = [
        `Content-Length: 0\r\nContent-Length: ${inner.length}`,
        `Content-Length: ${inner.length}\r\nTransfer-Encoding: chunked`,
        "Transfer-Encoding: chunked, identity",
        "Content-Length: -1",
        "Content-Length: 0x10",
        "Content-Length: 1e1",
        "Content-Length: +1",
      ];
      for (const length of lengths) {
        using client = await connect();
        client.tcp.write(
          `POST /internal/register HTTP/1.1\r\nHost: a\r\nX-Worker-Secret: ${secret}\r\n${length}\r\n\r\n${inner}`,
        );
        await client.tcp.ended();
        expect(client.tcp.received.toString("latin1")).toMatch(/^HTTP\/1\.1 400 /);
        expect(client.tcp.received.toString("latin1")).not.toContain("200 OK");
      }
    });
  });
});
