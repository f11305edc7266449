import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { Secret } from "../config/secret.ts";
import { publishPayload, registerTopic } from "./internal-client.ts";
import { publish } from "./publish.ts";
import { configFor, fakeDeps, SECRET, type Written } from "./testing.ts";

type Answer = readonly [status: number, text: string];

const open: { stop(): void }[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.stop();
  }
});

/** A worker's internal API that gives these answers in turn and keeps what it was sent. */
function apiOf(...answers: Answer[]) {
  const seen: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const secret = request.headers.get("x-worker-secret");
      const type = request.headers.get("content-type");
      expect([secret, type]).toEqual([SECRET, "application/json"]);
      const { pathname } = new URL(request.url);
      seen.push(`${request.method} ${pathname} ${await request.text()}`);
      const [status, text] = answers.shift() ?? [500, "one call too many"];
      return new Response(text, { status });
    },
  });
  open.push({ stop: () => void server.stop(true) });
  return { seen, port: server.port ?? 0 };
}

const UNKNOWN: Answer = [404, "topic not registered\n"];
const FINE: Answer = [200, ""];

async function publishing(
  port: number,
  payload: string,
  input: Uint8Array = new Uint8Array(),
): Promise<Written & { status: number }> {
  const { deps, written } = fakeDeps();
  const io = { ...deps.io, readInput: () => Promise.resolve(input) };
  const status = await publish({ topic: 'de"mo\n', payload }, configFor(port), { io });
  return { ...written, status };
}

describe("publish", () => {
  const exact = '{ "n": 12345678901234567890,\t"f":1.0, "s":"\\/\\u00e9é", "n":2 }\n';
  const sent = `POST /internal/publish {"topic":"de\\"mo\\n","payload":${exact}}`;
  const registered = 'POST /internal/register {"topic":"de\\"mo\\n","meta":{"require_token":true}}';

  test("sends the payload byte for byte", async () => {
    const { seen, port } = apiOf(FINE);
    expect(await publishing(port, exact)).toEqual({
      status: 0,
      out: ['published to "de"mo?"'],
      err: [],
    });
    expect(seen).toEqual([sent]);
  });

  test("reads it from standard input when it is -", async () => {
    const { seen, port } = apiOf(FINE);
    expect(await publishing(port, "-", Buffer.from(exact))).toMatchObject({ status: 0 });
    expect(seen).toEqual([sent]);
  });

  test("registers an unknown topic and publishes once more", async () => {
    const { seen, port } = apiOf(UNKNOWN, FINE, FINE);
    expect(await publishing(port, exact)).toEqual({
      status: 0,
      out: ['"de"mo?" was not registered: registered it (token required), then published'],
      err: [],
    });
    expect(seen).toEqual([sent, registered, sent]);
  });

  test("gives up when the topic stays unknown", async () => {
    const { port } = apiOf(UNKNOWN, FINE, UNKNOWN);
    const { status, err } = await publishing(port, "1");
    expect(status).toBe(1);
    expect(err).toEqual([expect.stringContaining("was registered but is not known any more")]);
  });

  test.each<[Answer[], string]>([
    [[[403, "forbidden"]], 'the worker answered 403 "forbidden"; is worker_secret the one'],
    [[[404, "not found"]], 'the worker answered 404 "not found"'],
    [[[302, "\u001b[1melsewhere"]], 'the worker answered 302 "?[1melsewhere"'],
    [[UNKNOWN, [507, "too many topics"]], 'the worker answered 507 "too many topics"'],
  ])("says what the worker answered, case %#", async (answers, message) => {
    const { status, out, err } = await publishing(apiOf(...answers).port, "1");
    expect(status).toBe(1);
    expect(out).toEqual([]);
    expect(err).toEqual([expect.stringContaining(message)]);
  });

  test.each([
    ["hello", new Uint8Array(), "the payload is not JSON ("],
    ["", new Uint8Array(), "the payload is not JSON ("],
    ["-", new Uint8Array(), "the payload is not JSON ("],
    ["-", new Uint8Array([0x22, 0xff, 0x22]), "the payload is not UTF-8 text"],
    ["-", new Uint8Array(1024 * 1024 + 1).fill(0x31), "the payload is larger than 1 MiB"],
  ])("refuses what is no payload before any call, case %#", async (payload, input, message) => {
    const { seen, port } = apiOf();
    const { status, err } = await publishing(port, payload, input);
    expect(status).toBe(1);
    expect(err).toEqual([expect.stringContaining(message)]);
    expect(seen).toEqual([]);
  });

  test("says when nobody is there", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const port = server.port ?? 0;
    await server.stop(true);
    const { status, err } = await publishing(port, "1");
    expect(status).toBe(1);
    expect(err).toEqual([
      `cannot reach the worker at http://127.0.0.1:${port}: connection refused; is it running?`,
    ]);
  });
});

describe("a call", () => {
  /** A server that does with each connection what it is told. */
  async function rawServer(answer: string): Promise<number> {
    const server: Server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.write(answer);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    open.push({ stop: () => void server.close() });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  test.each([
    ["that is not answered", ""],
    ["whose answer does not end", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"],
  ])("%s ends at the deadline", async (_, answer) => {
    const port = await rawServer(answer);
    const secret = new Secret(SECRET);
    const api = { host: "127.0.0.1", port, secret, deadlineMs: 100 };
    expect(await registerTopic(api, "demo")).toEqual({
      kind: "unreachable",
      message: `cannot reach the worker at http://127.0.0.1:${port}: no answer within 0.1 s`,
    });
  });

  test("to what speaks no HTTP fails in one line", async () => {
    const port = await rawServer("SSH-2.0-server\r\n\r\n");
    const api = { host: "127.0.0.1", port, secret: new Secret(SECRET), deadlineMs: 2_000 };
    const result = await publishPayload(api, "demo", "1");
    expect(result.kind).toBe("unreachable");
    expect("message" in result ? result.message : "").toMatch(/^\P{Cc}+$/u);
  });

  test("carries a secret beyond ASCII as its UTF-8 bytes", async () => {
    const seen: string[] = [];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(request) {
        const header = request.headers.get("x-worker-secret") ?? "";
        seen.push(Buffer.from(header, "latin1").toString("utf8"));
        return new Response("");
      },
    });
    open.push({ stop: () => void server.stop(true) });
    const text = "Schlüssel für den Worker, 32 Zeichen €";
    const api = { host: "127.0.0.1", port: server.port ?? 0, secret: new Secret(text) };
    expect(await registerTopic(api, "demo")).toEqual({ kind: "accepted" });
    expect(seen).toEqual([text]);
  });
});
