import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { CONFIG_KEYS, type ConfigKey, docOf } from "../src/config/schema.ts";
import { Api, publishBody, type StatusObject } from "./support/api.ts";
import { eventually } from "./support/changes.ts";
import { freePorts } from "./support/ports.ts";
import { Program } from "./support/program.ts";
import { TARGETS } from "./support/targets.ts";
import { LOOPBACK } from "./support/tcp-client.ts";
import { TempDir } from "./support/temp-dir.ts";
import { makeToken } from "./support/token.ts";
import { Witness } from "./support/witness.ts";
import { configText, randomSecret, startWorker, type WorkerProcess } from "./support/worker.ts";
import { WsClient } from "./support/ws-client.ts";

setDefaultTimeout(40_000);

const UNCHANGED = "configuration reloaded; nothing has changed";

interface RotatingStatus extends StatusObject {
  readonly previous_secret?: {
    readonly tokens: number;
    readonly api_calls: number;
    readonly last_used: string | null;
  };
}

/** Keys whose change by a reload is seen to take effect by one of the tests below. */
const SHOWN: readonly ConfigKey[] = [
  "worker_secret",
  "worker_secret_previous",
  "ready_requires_redis",
  "cluster_outbox_events",
  "cluster_outbox_bytes",
  "cluster_outbox_age",
  "topic_ttl",
  "drain_time",
  "max_topics",
  "allowed_origins",
  "trusted_proxies",
  "max_connections",
  "max_connections_per_ip",
  "max_pending",
  "max_pending_per_ip",
  "log_level",
];

/** What cannot be seen from outside without a flood: see `gateway/throttle.test.ts`. */
const SHOWN_BY_UNIT_TESTS: readonly ConfigKey[] = ["max_queued_events", "max_queued_bytes"];

test("every key that a reload is said to apply is seen to be applied here", () => {
  const live = CONFIG_KEYS.filter((key) => docOf(key).reload === "live");
  expect(live.toSorted()).toEqual([...SHOWN, ...SHOWN_BY_UNIT_TESTS].toSorted());
});

const applied = (keys: string): object => ({
  level: "info",
  msg: `configuration reloaded; applied: ${keys}`,
});

const push = (payload: string): string => `{"type":"push","payload":${payload}}`;

/** How a token is received: `in`, or the error's code. Threads learn of a reload at their own pace. */
async function verdict(worker: WorkerProcess, topic: string, token: string): Promise<string> {
  using socket = await worker.open(topic);
  socket.sendAuth(token);
  const answer = JSON.parse(await socket.nextFrame()) as { type: string; code?: string };
  return answer.type === "auth_ok" ? "in" : String(answer.code);
}

async function becomes(
  worker: WorkerProcess,
  topic: string,
  token: string,
  expected: string,
): Promise<void> {
  await eventually(
    async () => (await verdict(worker, topic, token)) === expected,
    `the token to be "${expected}"`,
  );
}

async function hears(worker: WorkerProcess, api: Api, topic: string, socket: WsClient) {
  const payload = `"${Math.random()}"`;
  await api.publish(topic, payload);
  expect(await socket.nextFrame()).toBe(push(payload));
  expect(worker.program.hasEnded).toBe(false);
}

async function apiStatus(api: Api): Promise<number> {
  return (await api.get("/internal/status")).status;
}

for (const target of TARGETS) {
  const start = (config: Readonly<Record<string, unknown>> = {}): Promise<WorkerProcess> =>
    startWorker({ target, config });

  describe(`SIGHUP (${target.name})`, () => {
    test("another secret counts at once, and open sockets stay", async () => {
      await using worker = await start({ gateway_threads: 2 });
      await worker.api.register("a", true);
      const old = makeToken(worker.secret, "a");
      using socket = await worker.subscribe("a", old);
      const secret = randomSecret();
      expect(await worker.reload({ worker_secret: secret })).toEqual([
        expect.objectContaining(applied("worker_secret")),
      ]);
      const api = new Api(worker.ports.internal, secret);
      expect(await apiStatus(worker.api)).toBe(403);
      expect(await apiStatus(api)).toBe(200);
      await becomes(worker, "a", old, "unauthorized");
      await becomes(worker, "a", makeToken(secret, "a"), "in");
      await hears(worker, api, "a", socket);
      socket.sendText(JSON.stringify({ type: "refresh", token: old }));
      expect(await socket.nextFrame()).toContain("unauthorized");
      await hears(worker, api, "a", socket);
      expect(worker.stdout.text).not.toContain(secret);
    });

    test("a secret is changed without refusing anybody, and the status tells who is late", async () => {
      await using worker = await start();
      const former = new Api(worker.ports.internal, worker.secret);
      const secret = randomSecret();
      const api = new Api(worker.ports.internal, secret);
      const previousSecret = async () => ((await api.status()) as RotatingStatus).previous_secret;
      await former.register("a", true);
      const late = makeToken(worker.secret, "a");

      await worker.reload({ worker_secret: secret, worker_secret_previous: worker.secret });
      expect(await previousSecret()).toEqual({ tokens: 0, api_calls: 0, last_used: null });
      await becomes(worker, "a", makeToken(secret, "a"), "in");
      expect(await previousSecret()).toEqual({ tokens: 0, api_calls: 0, last_used: null });

      const before = Date.now();
      using socket = await worker.subscribe("a", late);
      await former.publish("a", "1");
      expect(await socket.nextFrame()).toBe(push("1"));
      const isCounted = async () => {
        const used = await previousSecret();
        return used?.tokens === 1 && used.api_calls === 1 ? used : undefined;
      };
      const used = await eventually(isCounted, "both uses to be counted");
      expect(Date.parse(used.last_used ?? "")).toBeGreaterThanOrEqual(before);
      expect(new Date(used.last_used ?? "").toISOString()).toBe(used.last_used ?? "");
      socket.sendText(JSON.stringify({ type: "refresh", token: late }));
      expect(await socket.nextFrame()).toContain("refreshed");
      await eventually(async () => (await previousSecret())?.tokens === 2, "the refresh to count");
      const [line] = await worker.logged("internal API: a call used worker_secret_previous");
      expect(line).toMatchObject({ level: "info", address: LOOPBACK });

      // Reloading for another reason forgets nothing.
      await worker.reload({ max_topics: 1000 });
      expect((await previousSecret())?.tokens).toBe(2);

      await worker.reload({ worker_secret_previous: undefined });
      expect(await apiStatus(former)).toBe(403);
      expect(await previousSecret()).toBeUndefined();
      await becomes(worker, "a", late, "unauthorized");
      await hears(worker, api, "a", socket);
      for (const one of [secret, worker.secret]) {
        expect(worker.stdout.text + worker.stderr.text).not.toContain(one);
      }
    });

    test("other origins count at once, and sockets of former ones stay", async () => {
      await using worker = await start({ gateway_threads: 2 });
      await worker.api.register("a");
      const from = (origin: string) => ({ headers: [["Origin", origin] as const] });
      using socket = await worker.subscribe("a", undefined, from("https://old.example"));
      await worker.reload({ allowed_origins: ["https://new.example"] });
      const refused = async (): Promise<boolean> => {
        try {
          using _ = await worker.open("a", from("https://old.example"));
          return false;
        } catch (fault) {
          return String(fault).includes("403 origin not allowed");
        }
      };
      await eventually(refused, "the former origin to be refused");
      using _ = await worker.subscribe("a", undefined, from("https://new.example"));
      await hears(worker, worker.api, "a", socket);
      await worker.reload({ allowed_origins: [] });
      await eventually(async () => !(await refused()), "any origin to be let in");
    });

    test.concurrent("other bounds count for topics from then on", async () => {
      await using worker = await start();
      const { api } = worker;
      await api.register("a");
      const result = await worker.reload({ max_topics: 1, topic_ttl: "1s" });
      expect(result).toEqual([expect.objectContaining(applied("topic_ttl, max_topics"))]);
      const register = (topic: string) => api.post("/internal/register", JSON.stringify({ topic }));
      expect((await register("b")).status).toBe(507);
      await worker.reload({ max_topics: 10 });
      expect((await register("b")).status).toBe(200);
      await eventually(
        async () => (await api.post("/internal/publish", publishBody("b", "1"))).status === 404,
        "the topic with the shorter time to be forgotten",
      );
      await api.publish("a", "1");
    });

    test("another drain time counts for the next stop", async () => {
      await using worker = await start();
      await worker.reload({ drain_time: 0 });
      expect(await worker.stop()).toBe(0);
      expect(worker.log.map(({ msg }) => msg)).toContain(
        "draining: other workers take the browsers",
      );
    });

    const LIMITS: readonly [key: ConfigKey, answer: string][] = [
      ["max_connections", "503 too many connections"],
      ["max_connections_per_ip", "503 too many connections"],
      ["max_pending", "503 too many handshakes"],
      ["max_pending_per_ip", "503 too many handshakes"],
    ];
    for (const [key, answer] of LIMITS) {
      test(`another ${key} counts at once, and open sockets stay`, async () => {
        await using worker = await start({ gateway_threads: 2 });
        await worker.api.register("a");
        const from = { headers: [["X-Forwarded-For", "203.0.113.9"]] } as const;
        using subscribed = await worker.subscribe("a", undefined, from);
        using pending = await worker.open("a", from);
        expect(await worker.reload({ [key]: 1 })).toMatchObject([applied(key)]);
        const newcomer = async (): Promise<string> => {
          try {
            using _ = await worker.open("a", from);
            return "in";
          } catch (fault) {
            return String(fault);
          }
        };
        await eventually(async () => (await newcomer()).includes(answer), "a refusal");
        await hears(worker, worker.api, "a", subscribed);
        expect(pending.close).toBeUndefined();
        await worker.reload({ [key]: undefined });
        using _ = await eventually(() => worker.subscribe("a", undefined, from), "to be let in");
      });
    }

    test("other trusted proxies count at once", async () => {
      await using worker = await start({ trusted_proxies: ["10.0.0.0/8"] });
      await worker.api.register("a");
      let sockets = 0;
      /** By which address the worker knows the next socket. */
      const nextAddress = async (): Promise<unknown> => {
        const headers = [["X-Forwarded-For", "203.0.113.9"]] as const;
        using _ = await worker.subscribe("a", undefined, { headers });
        sockets += 1;
        return (await worker.logged("client connected", sockets)).at(-1)?.["address"];
      };
      expect(await nextAddress()).toBe(LOOPBACK);
      await worker.reload({ trusted_proxies: [LOOPBACK] });
      await eventually(
        async () => (await nextAddress()) === "203.0.113.9",
        "the header to be believed",
      );
    });

    test("another log level counts at once", async () => {
      await using worker = await start({ log_level: "error" });
      await worker.api.register("a");
      await worker.reload({ log_level: "info" });
      await worker.api.register("b");
      await worker.logged("topic registered");
      worker.writeConfig("worker_secret:");
      worker.program.signal("SIGHUP");
      await worker.stdout.until((lines) => (lines.length === 3 ? lines : undefined), "three lines");
      expect(worker.log.map(({ msg }) => msg)).toEqual([
        "configuration reloaded; applied: log_level",
        "topic registered",
        expect.stringContaining("configuration not reloaded"),
      ]);
    });

    test.concurrent("another ready_requires_redis counts at once", async () => {
      // Nobody is there.
      const redis = `redis://${LOOPBACK}:${freePorts().ws}/0`;
      await using worker = await start({ redis_url: redis });
      expect((await worker.api.get("/readyz")).status).toBe(200);
      await worker.reload({ ready_requires_redis: true });
      expect((await worker.api.get("/readyz")).status).toBe(503);
    });

    const OUTBOX: readonly [key: ConfigKey, value: unknown, events: number, payload: string][] = [
      ["cluster_outbox_events", 2, 5, "1"],
      ["cluster_outbox_bytes", 1_048_576, 3, `"${"x".repeat(600_000)}"`],
      ["cluster_outbox_age", "1s", 1, "1"],
    ];
    for (const [key, value, events, payload] of OUTBOX) {
      test.concurrent(`another ${key} counts at once`, async () => {
        // Nobody is there: everything waits.
        const redis = `redis://${LOOPBACK}:${freePorts().ws}/0`;
        await using worker = await start({ redis_url: redis });
        await worker.api.register("a");
        expect(await worker.reload({ [key]: value })).toMatchObject([applied(key)]);
        for (let published = 0; published < events; published += 1) {
          await worker.api.publish("a", payload);
        }
        await worker.logged(
          "cluster: outbox is full or its events too old, oldest dropped; see cluster_outbox_events",
        );
      });
    }

    test("what needs a restart is named, and everything else applied", async () => {
      await using worker = await start();
      const other = freePorts();
      const pending = {
        ws_port: other.ws,
        ws_bind: "::",
        internal_port: other.internal,
        internal_bind: "::",
        redis_url: "redis://nobody:hunter2@127.0.0.1:1/0",
        redis_prefix: "club2",
        redis_ca_file: "/nonexistent",
        gateway_threads: 5,
        log_format: "text",
      };
      await worker.reload({ ...pending, max_topics: 1 });
      const warning = `configuration reloaded; restart to apply: ${Object.keys(pending).join(", ")}`;
      const [line] = await worker.logged(warning);
      expect(line?.level).toBe("warn");
      await worker.logged("configuration reloaded; applied: max_topics");
      await worker.api.register("a");
      using _ = await worker.subscribe("a");
      expect((await worker.api.post("/internal/register", '{"topic":"b"}')).status).toBe(507);
      // It still is so, and still is said.
      await worker.reload({});
      await worker.logged(warning, 2);
      expect(worker.stdout.text).not.toContain("hunter2");
      const undone = Object.fromEntries(Object.keys(pending).map((key) => [key, undefined]));
      const { ws, internal } = worker.ports;
      const back = { ...undone, ws_port: ws, ws_bind: LOOPBACK, internal_port: internal };
      expect(await worker.reload(back)).toMatchObject([{ level: "info", msg: UNCHANGED }]);
    });

    test("an unchanged file changes nothing", async () => {
      await using worker = await start();
      expect(await worker.reload({})).toMatchObject([{ level: "info", msg: UNCHANGED }]);
    });

    test("a broken file changes nothing, and one line says what is wrong with it", async () => {
      await using worker = await start({ max_topics: 1 });
      await worker.api.register("a", true);
      using socket = await worker.subscribe("a", makeToken(worker.secret, "a"));
      const other = randomSecret();
      const FAULTS: readonly [text: string, problem: string][] = [
        ["", "config.yaml: worker_secret: is not set; "],
        [
          configText({ worker_secret: other, max_topics: "many" }),
          'config.yaml: max_topics: "many"',
        ],
        [configText({ worker_secret: other, ws_prot: 1 }), 'config.yaml: "ws_prot" is no key'],
        [`${configText({ worker_secret: other })}ws_port: [\n`, "config.yaml: is not valid YAML"],
        [
          configText({ worker_secret: other, worker_secret_previous: other }),
          "config.yaml: worker_secret_previous: is the same as worker_secret",
        ],
      ];
      for (const [text, problem] of FAULTS) {
        const lines = await worker.reload({}, text);
        expect(lines).toMatchObject([{ level: "error" }]);
        expect(lines[0]?.msg).toStartWith(
          "configuration not reloaded, everything stays as it was: ",
        );
        expect(lines[0]?.msg).toContain(problem);
        expect((await worker.api.post("/internal/register", '{"topic":"b"}')).status).toBe(507);
        expect(await verdict(worker, "a", makeToken(worker.secret, "a"))).toBe("in");
        expect(await verdict(worker, "a", makeToken(other, "a"))).toBe("unauthorized");
        await hears(worker, worker.api, "a", socket);
      }
      expect(worker.stdout.text).not.toContain(other);
      expect(await worker.reload({})).toMatchObject([{ msg: UNCHANGED }]);
    });

    test("again and again, nobody notices", async () => {
      await using worker = await start({ gateway_threads: 2 });
      const witness = await Witness.start(worker);
      for (let times = 0; times < 10; times += 1) {
        const secret = times % 2 === 0 ? randomSecret() : undefined;
        await worker.reload({ worker_secret_previous: secret, max_topics: 1000 + times });
      }
      await witness.stop();
      expect(await worker.stop()).toBe(0);
    });

    test.concurrent("while it starts is heard when it has started", async () => {
      let connections = 0;
      // Takes connections and says nothing: the worker waits for it before it serves.
      using silent = Bun.listen({
        hostname: LOOPBACK,
        port: 0,
        socket: {
          open: () => {
            connections += 1;
          },
          data: () => undefined,
        },
      });
      using dir = new TempDir();
      const ports = freePorts();
      const config = {
        ws_port: ports.ws,
        ws_bind: LOOPBACK,
        internal_port: ports.internal,
        worker_secret: randomSecret(),
        redis_url: `redis://${LOOPBACK}:${silent.port}/0`,
      };
      const path = dir.file("config.yaml");
      writeFileSync(path, configText(config));
      await using program = new Program([...target.command(), "--config", path]);
      await eventually(() => connections > 0, "the worker to look for Redis");
      expect(program.stdout.all).toEqual([]);
      writeFileSync(path, configText({ ...config, max_topics: 7 }));
      program.signal("SIGHUP");
      program.signal("SIGHUP");
      const line = await program.stdout.until(
        (lines) => lines.find((text) => text.includes("configuration ")),
        "the reload",
      );
      expect(JSON.parse(line)).toMatchObject(applied("max_topics"));
      program.signal("SIGTERM");
      expect(await program.exit()).toBe(0);
      expect(program.stderr.text).toBe("");
    });

    test("while it stops is ignored", async () => {
      await using worker = await start();
      await worker.api.register("a");
      // Holds the stop up for a while.
      using socket = await worker.subscribe("a", undefined, { answersClose: false });
      worker.program.signal("SIGTERM");
      await worker.logged("stopping");
      worker.writeConfig("- broken");
      for (let times = 0; times < 5; times += 1) {
        worker.program.signal("SIGHUP");
      }
      expect(await worker.program.exit()).toBe(0);
      expect(socket.close?.code).toBe(1012);
      expect(worker.log.filter(({ msg }) => msg.startsWith("configuration "))).toEqual([]);
      expect(worker.log.at(-1)?.msg).toBe("stopped");
    });

    test.concurrent("of a terminal that is closed ends a worker that was started in it", async () => {
      using dir = new TempDir();
      const ports = freePorts();
      const secret = randomSecret();
      const config = {
        ws_port: ports.ws,
        ws_bind: LOOPBACK,
        internal_port: ports.internal,
        worker_secret: secret,
      };
      writeFileSync(dir.file("config.yaml"), configText(config));
      const command = ["echo $$ > pid; exec", ...target.command(), "--config config.yaml"];
      await using terminal = new Program(["script", "-qfc", command.join(" "), "/dev/null"], {
        cwd: dir.path,
      });
      const api = new Api(ports.internal, secret);
      await eventually(async () => (await apiStatus(api)) === 200, "the worker to serve");
      const pid = Number(readFileSync(dir.file("pid"), "utf8"));
      try {
        // Asked to by an operator it goes on.
        process.kill(pid, "SIGHUP");
        await terminal.stdout.until(
          (lines) => lines.find((line) => line.includes(UNCHANGED)),
          "the reload",
        );
        await api.register("a");
        using socket = await WsClient.subscribe({ port: ports.ws, topic: "a" });
        terminal.signal("SIGKILL");
        expect(await socket.closed()).toEqual({ code: 1012, reason: "service restart" });
        await eventually(() => !isAlive(pid), "the worker to end");
      } finally {
        if (isAlive(pid)) {
          process.kill(pid, "SIGKILL");
        }
      }
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
