import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { BrowserClient } from "./browser/browser-rules.ts";
import { publishBody } from "./support/api.ts";
import { eventually, rejection } from "./support/changes.ts";
import { encodeRequest, HttpClient } from "./support/http.ts";
import { freePorts } from "./support/ports.ts";
import { Program, type ProgramOptions, run } from "./support/program.ts";
import { TARGETS } from "./support/targets.ts";
import { LOOPBACK, TcpClient } from "./support/tcp-client.ts";
import { TempDir } from "./support/temp-dir.ts";
import { makeToken } from "./support/token.ts";
import { configText, randomSecret, startWorker, type WorkerProcess } from "./support/worker.ts";
import { topicTarget, type WsClient } from "./support/ws-client.ts";

setDefaultTimeout(40_000);

/** Time for a process to end that has nothing to wait for, on a machine that does much else. */
const PROMPT_MS = 2500;

/** Anything of a stack trace or of JavaScript's own error messages. */
const STACK = /\n\s+at |node:|file:|\.ts\b|\bError\b/;

/** A publish request whose head has arrived, and whose body is held back. */
async function holdRequest(
  worker: WorkerProcess,
  topic: string,
): Promise<{ client: HttpClient; finish: () => void } & Disposable> {
  const client = await HttpClient.connect(worker.ports.internal);
  const { head, body } = encodeRequest({
    path: "/internal/publish",
    secret: worker.secret,
    body: publishBody(topic, '"in flight"'),
    headers: [["Expect", "100-continue"]],
  });
  client.tcp.write(head);
  // From here on the worker knows of it.
  await client.continued();
  return {
    client,
    finish: () => client.tcp.write(body),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

/** Waits until nobody listens on a port. */
async function refuses(port: number): Promise<void> {
  await eventually(async () => {
    try {
      using _ = await TcpClient.connect(port);
      return false;
    } catch {
      return true;
    }
  }, `port ${port} to refuse`);
}

for (const target of TARGETS) {
  const start = (config: Readonly<Record<string, unknown>> = {}): Promise<WorkerProcess> =>
    startWorker({ target, config });

  /** Runs the program to its end, in a directory of its own that holds these files. */
  const runIn = async (
    files: Readonly<Record<string, string>>,
    args: readonly string[],
    options: ProgramOptions = {},
  ) => {
    using dir = new TempDir();
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(dir.file(name), text, { mode: 0o600 });
    }
    return await run([...target.command(), ...args], { cwd: dir.path, ...options });
  };

  describe(`signals (${target.name})`, () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      test(`${signal}: sockets get 1012, the exit status is 0`, async () => {
        await using worker = await start();
        await worker.api.register("a");
        using subscribed = await worker.subscribe("a");
        using silent = await worker.open("a");
        worker.program.signal(signal);
        for (const socket of [subscribed, silent]) {
          expect(await socket.closed()).toEqual({ code: 1012, reason: "service restart" });
        }
        expect(await worker.program.exit(PROMPT_MS)).toBe(0);
        expect(worker.stderr.text).toBe("");
        expect(worker.log.at(-1)?.msg).toBe("stopped");
      });
    }

    test("a request in flight is answered, and its event arrives before the close", async () => {
      // Of two sockets one is closed at once, the other after half a second.
      await using worker = await start({ drain_time: 1 });
      await worker.api.register("a");
      using one = await worker.subscribe("a");
      using other = await worker.subscribe("a");
      using held = await holdRequest(worker, "a");
      worker.program.signal("SIGTERM");
      await worker.logged("stopping");
      held.finish();
      expect((await held.client.answer()).status).toBe(200);
      // Once answered, the connection has no request in flight and holds nothing up: every second
      // here is one of the four that browsers keep trying for.
      const ends = await Promise.all([one, other].map((socket) => socket.restAndClose(PROMPT_MS)));
      const close = { code: 1012, reason: "service restart" };
      expect(ends.sort((a, b) => a.length - b.length)).toEqual([
        [close],
        ['{"type":"push","payload":"in flight"}', close],
      ]);
      expect(await worker.program.exit()).toBe(0);
    });

    test("while it stops, nobody is let in any more", async () => {
      await using worker = await start({ drain_time: 0 });
      await worker.api.register("a");
      using held = await holdRequest(worker, "a");
      worker.program.signal("SIGTERM");
      await worker.logged("stopping");
      await refuses(worker.ports.internal);
      await refuses(worker.ports.ws);
      expect(worker.program.hasEnded).toBe(false);
      held.finish();
      expect((await held.client.answer()).status).toBe(200);
      expect(await worker.program.exit()).toBe(0);
    });

    test("idle connections hold nothing up", async () => {
      await using worker = await start();
      using kept = await HttpClient.connect(worker.ports.internal);
      kept.send({ path: "/internal/status", secret: worker.secret });
      expect((await kept.answer()).status).toBe(200);
      using fresh = await TcpClient.connect(worker.ports.internal);
      using browser = await TcpClient.connect(worker.ports.ws);
      expect([fresh.isEnded, browser.isEnded]).toEqual([false, false]);
      worker.program.signal("SIGTERM");
      expect(await worker.program.exit(PROMPT_MS)).toBe(0);
    });

    test.each(["auto", 0] as const)(
      "peers that never finish are given up (%p)",
      async (drain_time) => {
        await using worker = await start({ drain_time });
        await worker.api.register("a");
        using held = await holdRequest(worker, "a");
        using half = await TcpClient.connect(worker.ports.internal);
        half.write("POST /internal/publish HTTP/1.1\r\nHost: a\r\n");
        using silent = await worker.subscribe("a", undefined, { answersClose: false });
        worker.program.signal("SIGTERM");
        expect(await worker.program.exit(10_000)).toBe(0);
        expect(silent.close?.code).toBe(1012);
        expect(held.client.tcp.isEnded).toBe(true);
      },
    );

    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      test(`a second signal (${signal}) ends it at once with status 1`, async () => {
        await using worker = await start({ drain_time: 0 });
        await worker.api.register("a");
        using _ = await holdRequest(worker, "a");
        worker.program.signal("SIGTERM");
        await worker.logged("stopping");
        // Right after the first it is taken for an echo; people are slower.
        await eventually(() => {
          worker.program.signal(signal);
          return worker.program.hasEnded;
        }, "the end");
        expect(await worker.program.exit()).toBe(1);
        expect(worker.log.map(({ msg }) => msg)).toContain("second signal: exiting at once");
      });
    }

    test("the same signal twice at once, as wrappers hand it on, is one", async () => {
      await using worker = await start();
      await worker.api.register("a");
      using socket = await worker.subscribe("a");
      worker.program.signal("SIGTERM");
      worker.program.signal("SIGTERM");
      expect(await socket.closed()).toEqual({ code: 1012, reason: "service restart" });
      expect(await worker.program.exit()).toBe(0);
    });

    test("after SIGKILL and a restart, a page under the browser rules is back by itself", async () => {
      const secret = randomSecret();
      const heard: unknown[] = [];
      const first = await startWorker({ target, secret });
      await using _ = first;
      await first.api.register("a", true);
      const page = new BrowserClient({
        url: `ws://${LOOPBACK}:${first.ports.ws}${topicTarget("a")}`,
        token: makeToken(secret, "a"),
        onPush: (payload) => heard.push(payload),
        onState: () => undefined,
      });
      page.connect();
      try {
        await eventually(() => page.state === "live", "the page to be live");
        await first.api.publish("a", "1");
        await eventually(() => heard.length === 1, "the first event");
        await first.kill();
        await eventually(() => page.state !== "live", "the page to notice");

        await using second = await startWorker({ target, secret, ports: first.ports });
        // As Wavelog does, when it is told that the topic is not registered.
        const body = publishBody("a", '"lost"');
        expect((await second.api.post("/internal/publish", body)).status).toBe(404);
        await second.api.register("a", true);
        await eventually(() => page.state === "live", "the page to be back");
        await second.api.publish("a", "2");
        await eventually(() => heard.length === 2, "the second event");
        expect(heard).toEqual([1, 2]);
        expect(await second.stop()).toBe(0);
      } finally {
        page.close();
      }
    });
  });

  describe(`ports that are taken (${target.name})`, () => {
    /** Runs a worker on these ports, which must fail, and returns what it says. */
    const fails = async (ports: { ws: number; internal: number }, more: object = {}) => {
      const config = {
        ws_port: ports.ws,
        ws_bind: LOOPBACK,
        internal_port: ports.internal,
        worker_secret: randomSecret(),
        ...more,
      };
      const ended = await runIn({ "config.yaml": configText(config) }, ["serve"]);
      expect(ended.status).toBe(1);
      expect(ended.stdout).toBe("");
      expect(ended.stderr).not.toMatch(STACK);
      return ended.stderr;
    };
    const taken = (key: string, port: number, host = LOOPBACK): string =>
      `wavelog_worker: ${key}: ${host}:${port} is taken by another program: stop it or set another ${key}`;
    const occupy = (port: number) =>
      Bun.listen({ hostname: LOOPBACK, port, socket: { data: () => undefined } });

    test("by another program: one line, status 1", async () => {
      const ports = freePorts();
      {
        using _ = occupy(ports.ws);
        expect(await fails(ports)).toBe(taken("ws_port", ports.ws));
        expect(await fails(ports, { ws_bind: undefined })).toBe(taken("ws_port", ports.ws, "[::]"));
      }
      {
        using _ = occupy(ports.internal);
        expect(await fails(ports)).toBe(taken("internal_port", ports.internal));
      }
    });

    test("by another worker: one line, status 1, and that worker goes on undisturbed", async () => {
      await using worker = await start();
      await worker.api.register("a");
      using socket = await worker.subscribe("a");
      const { ws, internal } = worker.ports;
      const free = freePorts();
      expect(await fails({ ws, internal })).toBe(taken("ws_port", ws));
      expect(await fails({ ws, internal: free.internal })).toBe(taken("ws_port", ws));
      expect(await fails({ ws: free.ws, internal })).toBe(taken("internal_port", internal));
      // Were a port shared, some of these would reach nobody.
      for (let count = 0; count < 20; count += 1) {
        using second = await worker.subscribe("a");
        await worker.api.publish("a", `${count}`);
        const frame = `{"type":"push","payload":${count}}`;
        expect(await second.nextFrame()).toBe(frame);
        expect(await socket.nextFrame()).toBe(frame);
      }
    });

    test("an address that is none of this machine's: one line, status 1", async () => {
      const ports = freePorts();
      // Set aside for documentation (RFC 5737): nobody has it.
      const bind = "192.0.2.1";
      const wrong = (key: string, port: number): string =>
        `wavelog_worker: ${key}_port: ${bind}:${port} is no address of this machine: correct ${key}_bind`;
      expect(await fails(ports, { ws_bind: bind })).toBe(wrong("ws", ports.ws));
      expect(await fails(ports, { internal_bind: bind })).toBe(wrong("internal", ports.internal));
    });
  });

  describe(`configuration faults (${target.name})`, () => {
    const secret = randomSecret();
    const good = { worker_secret: secret };
    const FAULTS: readonly [what: string, file: string, line: RegExp][] = [
      ["no secret", "ws_port: 9000\n", /config\.yaml: worker_secret: is not set; /],
      ["an empty file", "", /config\.yaml: worker_secret: is not set; /],
      [
        "a short secret",
        "worker_secret: short-and-silly\n",
        /config\.yaml: worker_secret: is too short; /,
      ],
      [
        "an unknown key",
        configText({ ...good, ws_prot: 9000 }),
        /config\.yaml: "ws_prot" .*"ws_port"/,
      ],
      ["a bad port", configText({ ...good, ws_port: 70000 }), /config\.yaml: ws_port: "70000" /],
      [
        "a port that is no number",
        configText({ ...good, internal_port: "x" }),
        /internal_port: "x" /,
      ],
      ["one port for both", configText({ ...good, ws_port: 9000, internal_port: 9000 }), /"9000"/],
      ["no duration", configText({ ...good, topic_ttl: "24" }), /topic_ttl: "24" has no unit/],
      ["no threads", configText({ ...good, gateway_threads: 0 }), /gateway_threads: "0" /],
      ["no origin", configText({ ...good, allowed_origins: ["x y"] }), /allowed_origins.*: "x y" /],
      [
        "an address that is no Redis",
        configText({ ...good, redis_url: "http://worker:hunter2@a/0" }),
        /redis_url: does not begin with "redis:\/\/"/,
      ],
      ["no YAML", `${configText(good)}ws_port: [\n`, /config\.yaml: is not valid YAML/],
      ["a list", "- worker_secret\n", /config\.yaml: is not a mapping/],
      ["a secret in the wrong place", `${configText(good)}ws_port: ${secret}\n`, /ws_port: /],
      ["no space after the colon", `worker_secret:${secret}\n`, /config\.yaml: /],
    ];
    for (const [what, file, line] of FAULTS) {
      test(`${what}: one line that names the key and the file, status 1`, async () => {
        const { status, stdout, stderr } = await runIn({ "config.yaml": file }, [
          "serve",
          "--config",
          "config.yaml",
        ]);
        expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
        expect(stderr).toMatch(line);
        expect(stderr).not.toContain("\n");
        expect(stderr).not.toMatch(STACK);
        expect(stderr).not.toContain(secret);
        expect(stderr).not.toContain("short-and-silly");
      });
    }

    test("no file: one line, status 1", async () => {
      for (const args of [["serve", "--config", "none.yaml"], ["serve"]]) {
        const { status, stdout, stderr } = await runIn({}, args);
        expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
        expect(stderr).toMatch(/^(none|config)\.yaml: not found\b[^\n]*$/);
      }
    });
  });

  describe(`environment (${target.name})`, () => {
    const environment = (settings: Readonly<Record<string, string | number>>) =>
      Object.fromEntries(
        Object.entries(settings).map(([key, value]) => [
          `WAVELOG_WORKER_${key.toUpperCase()}`,
          `${value}`,
        ]),
      );

    test("is enough without a file", async () => {
      using dir = new TempDir();
      const secret = randomSecret();
      const ports = freePorts();
      const env = environment({
        worker_secret: secret,
        ws_port: ports.ws,
        ws_bind: LOOPBACK,
        internal_port: ports.internal,
        allowed_origins: "https://log.example.org, *.example.net",
        gateway_threads: 2,
      });
      await using program = new Program([...target.command(), "serve"], { cwd: dir.path, env });
      const line = await program.stdout.until((lines) => lines[0], "the first log line");
      expect(JSON.parse(line)).toMatchObject({ ws: `${LOOPBACK}:${ports.ws}`, threads: 2 });
      program.signal("SIGTERM");
      expect(await program.exit()).toBe(0);
    });

    test("wins over the file", async () => {
      const secret = randomSecret();
      await using worker = await startWorker({
        target,
        secret,
        config: { worker_secret: randomSecret(), log_level: "debug", max_topics: 1 },
        env: environment({ worker_secret: secret, max_topics: 2 }),
      });
      await worker.api.register("a");
      await worker.api.register("b");
      const third = await worker.api.post("/internal/register", '{"topic":"c"}');
      expect(third.status).toBe(507);
    });

    test("has its faults told like the file's", async () => {
      const env = environment({ worker_secret: randomSecret(), ws_port: "seventy" });
      const { status, stdout, stderr } = await runIn({}, ["serve"], { env });
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toMatch(/^[^\n]*WAVELOG_WORKER_WS_PORT[^\n]*"seventy"[^\n]*$/);
    });
  });

  describe(`log (${target.name})`, () => {
    test("one JSON line each for start, register, unregister, connect, disconnect, refusal, stop", async () => {
      await using worker = await start({ gateway_threads: 2 });
      const { api, secret, ports } = worker;
      await api.register("a", true);
      await api.register("a", false);
      const socket = await worker.subscribe("a", undefined, {
        headers: [["X-Forwarded-For", "203.0.113.9"]],
      });
      await worker.logged("client connected");
      socket.sendClose(1000);
      await worker.logged("client disconnected");
      expect(await rejection(worker.open("nothing"))).toContain("404");
      await worker.logged("handshake refused");
      await api.unregister("a");
      await api.unregister("a");
      await HttpClient.connect(ports.internal).then(async (client) => {
        using stranger = client;
        stranger.send({ path: "/internal/status", secret: "wrong" });
        expect((await stranger.answer()).status).toBe(403);
      });
      expect(await worker.stop()).toBe(0);

      const gist = worker.log.map(({ level, time, msg, ...fields }) => {
        expect(new Date(time).toISOString()).toBe(time);
        return [level, msg, fields];
      });
      const client = { topic: "a", address: "203.0.113.9" };
      expect(gist).toEqual([
        [
          "info",
          "wavelog worker started",
          {
            version: expect.stringMatching(/^\d+\.\d+\.\d+/),
            ws: `${LOOPBACK}:${ports.ws}`,
            internal: `${LOOPBACK}:${ports.internal}`,
            threads: 2,
            mode: "single instance",
          },
        ],
        ["info", "topic registered", { topic: "a", require_token: true }],
        ["info", "topic registered again", { topic: "a", require_token: false }],
        ["info", "client connected", { ...client, user: 0 }],
        [
          "info",
          "client disconnected",
          { ...client, user: 0, code: 1000, reason: "", duration_ms: expect.any(Number) },
        ],
        [
          "warn",
          "handshake refused",
          { topic: "nothing", address: LOOPBACK, reason: "topic not registered" },
        ],
        ["info", "topic unregistered", { topic: "a", known: true }],
        ["info", "topic unregistered", { topic: "a", known: false }],
        [
          "warn",
          "internal API: wrong or missing X-Worker-Secret; PHP needs the same worker_secret",
          { address: LOOPBACK },
        ],
        ["info", "stopping", { signal: "SIGTERM" }],
        ["info", "stopped", {}],
      ]);
      expect(worker.program.stdout.text).not.toContain(secret);
    });

    test("says why a socket ended", async () => {
      await using worker = await start();
      const { api, secret } = worker;
      await api.register("a", true);
      const token = makeToken(secret, "a", { user_id: 42 });
      const ends: readonly [end: (socket: WsClient) => void, code: number, reason: string][] = [
        [(socket) => socket.sendClose(1001), 1001, ""],
        [(socket) => socket.reset(), 1006, ""],
        [(socket) => socket.sendText(" ".repeat(5000)), 1009, "frame over 4 KiB"],
      ];
      for (const [index, [end, code, reason]] of ends.entries()) {
        using socket = await worker.subscribe("a", token);
        end(socket);
        const lines = await worker.logged("client disconnected", index + 1);
        expect(lines[index]).toMatchObject({ topic: "a", user: 42, code, reason });
        expect(lines[index]?.["duration_ms"]).toBeWithin(0, 5000);
      }
      // What the client is not told, the operator is.
      const refusals: readonly [token: string | undefined, reason: string][] = [
        [undefined, "no token"],
        ["x", "token malformed"],
        [makeToken("another secret", "a"), "token signature does not match the secret"],
        [makeToken(secret, "a", { expires: 1 }), "token expired"],
        [makeToken(secret, "b"), "token is for another topic"],
      ];
      for (const [index, [wrong, reason]] of refusals.entries()) {
        using socket = await worker.open("a");
        socket.sendAuth(wrong);
        await socket.closed();
        const lines = await worker.logged("handshake refused", index + 1);
        expect(lines[index]).toMatchObject({ topic: "a", reason });
      }
    });

    test("is not filled by strangers", async () => {
      await using worker = await start();
      for (let count = 0; count < 50; count += 1) {
        expect(await rejection(worker.open("nothing"))).toContain("404");
        using client = await HttpClient.connect(worker.ports.internal);
        client.send({ path: "/internal/status" });
        expect((await client.answer()).status).toBe(403);
      }
      await worker.stop();
      expect(worker.log.filter(({ msg }) => msg === "handshake refused").length).toBe(10);
      expect(worker.log.filter(({ msg }) => msg.startsWith("internal API: wrong")).length).toBe(10);
    });

    test("what comes from outside forges no lines", async () => {
      await using worker = await start({ log_format: "text" });
      const topic = 'a\n{"level":"fatal","msg":"forged"}\r\u001b[31m\u2028\u202e';
      await worker.api.register(topic);
      using socket = await worker.subscribe(topic);
      expect(socket.close).toBeUndefined();
      expect(await worker.stop()).toBe(0);
      for (const line of worker.stdout.all) {
        expect(line).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] (INFO|WARN): /);
        expect(line).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
      }
      expect(worker.stdout.all.length).toBe(6);
    });

    test("never holds the secret or a token", async () => {
      for (const log_format of ["json", "text"]) {
        await using worker = await start({ log_format, log_level: "trace" });
        const { api, secret, ports } = worker;
        await api.register("a", true);
        const token = makeToken(secret, "a");
        using _ = await worker.subscribe("a", token);
        using wrong = await worker.open("a");
        wrong.sendAuth(`${token}00`);
        await wrong.closed();
        using stranger = await HttpClient.connect(ports.internal);
        for (const guess of [`${secret}x`, secret.slice(1)]) {
          stranger.send({ path: "/internal/status", secret: guess });
          expect((await stranger.answer()).status).toBe(403);
        }
        stranger.send({ path: `/${secret}`, secret });
        expect((await stranger.answer()).status).toBe(404);
        expect(await worker.stop()).toBe(0);
        const all = `${worker.stdout.text}\n${worker.stderr.text}`;
        expect(all).toContain("a");
        expect(all).not.toContain(secret);
        expect(all).not.toContain(secret.slice(1));
        expect(all).not.toContain(token.slice(-64));
      }
    });

    /** A pipe in which everything stays; its reading end is closed by `close`. */
    const openPipe = (dir: TempDir): { write: number; close: () => void } => {
      const path = dir.file("pipe");
      Bun.spawnSync(["mkfifo", path]);
      let read: number | undefined = openSync(path, "r+");
      const close = (): void => {
        if (read !== undefined) {
          closeSync(read);
          read = undefined;
        }
      };
      return { write: openSync(path, "w"), close };
    };

    for (const hasGone of [false, true]) {
      const what = hasGone ? "nobody reads any more" : "nobody reads";
      test(`a log that is full because ${what} holds nobody up`, async () => {
        using dir = new TempDir();
        const pipe = openPipe(dir);
        try {
          await using worker = await startWorker({ target, stdout: pipe.write });
          // Several times what a pipe holds.
          using client = await HttpClient.connect(worker.ports.internal);
          for (let count = 0; count < 3000; count += 1) {
            client.send({
              path: "/internal/register",
              secret: worker.secret,
              body: JSON.stringify({ topic: `topic ${count}` }),
            });
          }
          for (let count = 0; count < 3000; count += 1) {
            expect((await client.answer()).status).toBe(200);
          }
          using socket = await worker.subscribe("topic 0");
          await worker.api.publish("topic 0", "1");
          expect(await socket.nextFrame()).toBe('{"type":"push","payload":1}');
          if (hasGone) {
            pipe.close();
          }
          expect(await worker.stop()).toBe(0);
        } finally {
          pipe.close();
          closeSync(pipe.write);
        }
      });
    }

    test("a log whose reader has gone holds nobody up", async () => {
      using dir = new TempDir();
      const pipe = openPipe(dir);
      try {
        await using worker = await startWorker({ target, stdout: pipe.write });
        await worker.api.register("a");
        using socket = await worker.subscribe("a");
        pipe.close();
        for (let count = 0; count < 10; count += 1) {
          await worker.api.register("a");
          await worker.api.publish("a", `${count}`);
          expect(await socket.nextFrame()).toBe(`{"type":"push","payload":${count}}`);
        }
        expect(await worker.stop()).toBe(0);
      } finally {
        pipe.close();
        closeSync(pipe.write);
      }
    });

    test("log_level leaves out what is less important", async () => {
      await using worker = await start({ log_level: "warn" });
      await worker.api.register("a");
      expect(await rejection(worker.open("nothing"))).toContain("404");
      await worker.logged("handshake refused");
      expect(await worker.stop()).toBe(0);
      expect(worker.log.map(({ level }) => level)).toEqual(["warn"]);
    });
  });
}
