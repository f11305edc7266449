import { afterEach, expect, test } from "bun:test";
import type { ServerWebSocket } from "bun";
import { AUTH_OK_FRAME, errorFrame, pushFrame } from "../protocol/frames.ts";
import { TokenVerifier } from "../protocol/token.ts";
import type { CliDeps } from "./deps.ts";
import { listen } from "./listen.ts";
import { configFor, fakeDeps, NOW_MS, SECRET } from "./testing.ts";

const verifier = new TokenVerifier({ current: SECRET, previous: undefined });

const open: { stop(): void }[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.stop();
  }
});

/** What a test's worker does; each handler is told how many connections there were before. */
interface Script {
  /** The status of a refused handshake, or `undefined` to let it through. */
  readonly refuse?: (nth: number) => number | undefined;
  readonly onAuth?: (socket: ServerWebSocket<number>, nth: number) => void;
  /** The internal API's answer. */
  readonly api?: () => Response;
}

function worker(script: Script) {
  const seen: string[] = [];
  const closes: number[] = [];
  let connections = 0;
  const server = Bun.serve<number>({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request, self) {
      const { pathname, search } = new URL(request.url);
      if (pathname !== "/ws") {
        seen.push(`${pathname} ${await request.text()}`);
        return script.api?.() ?? new Response("");
      }
      seen.push(pathname + search);
      const nth = connections++;
      const status = script.refuse?.(nth);
      if (status === undefined && self.upgrade(request, { data: nth })) {
        return undefined;
      }
      return new Response("no", { status: status ?? 500 });
    },
    websocket: {
      message(socket, data) {
        const frame = JSON.parse(String(data)) as { type: string; token: string };
        const check = verifier.verify(frame.token, "demo topic", Math.floor(NOW_MS / 1000));
        seen.push(`${frame.type} ${check.ok}`);
        script.onAuth?.(socket, socket.data);
      },
      close(_, code) {
        closes.push(code);
      },
    },
  });
  open.push({ stop: () => void server.stop(true) });
  return { seen, closes, port: server.port ?? 0 };
}

/** Runs `listen` against a worker; the first line that `stopAt` is true for interrupts it. */
async function listening(
  port: number,
  stopAt: (line: string) => boolean,
  over: { readonly deps?: Partial<CliDeps>; readonly url?: string; readonly isTty?: boolean } = {},
) {
  const { deps, written } = fakeDeps();
  const controller = new AbortController();
  const keep = (lines: string[]) => (line: string) => {
    lines.push(line);
    if (stopAt(line)) {
      controller.abort();
    }
  };
  const waits: number[] = [];
  const status = await listen(
    { topic: "demo topic", userId: 7, ttlMs: 60_000 },
    over.url,
    configFor(port),
    {
      ...deps,
      io: {
        ...deps.io,
        out: keep(written.out),
        err: keep(written.err),
        isTty: over.isTty ?? false,
      },
      interrupted: () => controller.signal,
      // Pauses are over at once; the deadline of a handshake never comes by itself.
      wait: (ms, signal) => {
        if (ms === 1_000) {
          waits.push(ms);
          return Promise.resolve();
        }
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      ...over.deps,
    },
  );
  return { ...written, status, waits };
}

const subscribe = (socket: ServerWebSocket<number>): void => {
  socket.send(AUTH_OK_FRAME);
};

test("prints payloads as they are, one a line", async () => {
  const payload = '{ "n": 12345678901234567890,"f":1.0,"s":"\\/\\u00e9é\u009b" }';
  const { seen, port } = worker({
    onAuth: (socket) => {
      // Nothing counts before the worker has accepted the token.
      socket.send(pushFrame('"too early"'));
      subscribe(socket);
      socket.send(pushFrame(payload));
      socket.send('{"type":"status","payload":{}}');
      socket.send("no JSON");
      socket.send(pushFrame("[1,\r\n 2]"));
      socket.send(pushFrame('"end"'));
    },
  });
  const { status, out, err } = await listening(port, (line) => line === '"end"');
  expect(status).toBe(0);
  expect(out).toEqual([payload, "[1,   2]", '"end"']);
  expect(err).toEqual([`listening to "demo topic" at ws://127.0.0.1:${port}/ws (Ctrl-C ends it)`]);
  expect(seen).toEqual(["/ws?topic=demo%20topic", "auth true"]);
});

test("escapes control characters on a terminal", async () => {
  const { port } = worker({
    onAuth: (socket) => {
      subscribe(socket);
      socket.send(pushFrame('"\u009b1m\u007f"'));
      socket.send(pushFrame('"end"'));
    },
  });
  const { out } = await listening(port, (line) => line === '"end"', { isTty: true });
  expect(out[0]).toBe('"\\u009b1m\\u007f"');
});

test("registers an unknown topic and connects at once", async () => {
  const { seen, port } = worker({
    refuse: (nth) => (nth === 0 ? 404 : undefined),
    onAuth: subscribe,
  });
  const { status, err, waits } = await listening(port, (line) => line.startsWith("listening"));
  expect(status).toBe(0);
  expect(err[0]).toBe('"demo topic" was not registered: registered it (token required)');
  expect(waits).toEqual([]);
  expect(seen).toEqual([
    "/ws?topic=demo%20topic",
    '/internal/register {"topic":"demo topic","meta":{"require_token":true}}',
    "/ws?topic=demo%20topic",
    "auth true",
  ]);
});

test("does not register again and again without a pause", async () => {
  const { port } = worker({ refuse: (nth) => (nth < 4 ? 404 : undefined), onAuth: subscribe });
  const { err, waits } = await listening(port, (line) => line.startsWith("listening"));
  expect(waits).toHaveLength(3);
  expect(err).toHaveLength(2);
});

test("connects again after a second, saying each thing once", async () => {
  const { port } = worker({
    refuse: (nth) => (nth === 1 || nth === 2 ? 502 : undefined),
    onAuth: (socket, nth) => {
      subscribe(socket);
      if (nth === 0) {
        socket.close(1012, "service restart");
      } else {
        socket.send(pushFrame('"back"'));
      }
    },
  });
  const { status, out, err, waits } = await listening(port, (line) => line === '"back"');
  expect(status).toBe(0);
  expect(out).toEqual(['"back"']);
  expect(err).toEqual([
    expect.stringContaining("listening to"),
    "the connection was closed (1012, service restart); trying again every second",
    "the handshake was answered with HTTP 502; trying again every second",
    expect.stringContaining("listening to"),
  ]);
  expect(waits).toEqual([1_000, 1_000, 1_000]);
});

test("takes a new token when the old one has expired", async () => {
  const { seen, port } = worker({
    onAuth: (socket, nth) => {
      subscribe(socket);
      socket.send(nth === 0 ? errorFrame("auth_expired") : pushFrame('"again"'));
    },
  });
  const { err } = await listening(port, (line) => line === '"again"');
  expect(err[1]).toBe("the token has expired; trying again every second");
  expect(seen.filter((line) => line === "auth true")).toHaveLength(2);
});

test("ends when the worker refuses the token", async () => {
  const { port } = worker({ onAuth: (socket) => void socket.send(errorFrame("unauthorized")) });
  const { status, err } = await listening(port, () => false);
  expect(status).toBe(1);
  expect(err).toEqual([expect.stringContaining("refused the token (unauthorized)")]);
});

test("ends when the worker will not register the topic", async () => {
  const { port } = worker({
    refuse: () => 404,
    api: () => new Response("forbidden", { status: 403 }),
  });
  const { status, err } = await listening(port, () => false);
  expect(status).toBe(1);
  expect(err).toEqual([expect.stringContaining('answered 403 "forbidden"')]);
});

test("tries on when the worker is away, or silent beyond the deadline", async () => {
  const { port } = worker({});
  const silent = await listening(port, (line) => line.startsWith("no handshake"), {
    deps: { wait: () => Promise.resolve() },
  });
  expect(silent.err[0]).toBe("no handshake within 5 s; trying again every second");
  const away = await listening(1, (line) => line.startsWith("no connection"));
  expect(away).toMatchObject({ status: 0, waits: [1_000] });
});

test("says goodbye when interrupted", async () => {
  const { closes, port } = worker({ onAuth: subscribe });
  await listening(port, (line) => line.startsWith("listening"));
  for (let turn = 0; turn < 100 && closes.length === 0; turn++) {
    await Bun.sleep(10);
  }
  expect(closes).toEqual([1000]);
});

test("goes where it is told", async () => {
  const { seen, port } = worker({ onAuth: subscribe });
  const there = await listening(1, (line) => line.startsWith("listening"), {
    url: `ws://127.0.0.1:${port}/ws`,
  });
  expect(there.status).toBe(0);
  expect(seen).toEqual(["/ws?topic=demo%20topic", "auth true"]);
  const nowhere = await listening(1, () => false, { url: "http://127.0.0.1" });
  expect(nowhere).toMatchObject({ status: 2, out: [] });
  expect(nowhere.err[0]).toStartWith("--url is no WebSocket address");
});
