import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { type LoadOptions, type LoadResult, loadConfig } from "./load.ts";
import { CONFIG_KEYS, settingsSchema } from "./schema.ts";

const SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/** A file system of one file. */
function load(text: string | Uint8Array | undefined, env: LoadOptions["env"] = {}): LoadResult {
  return loadConfig({
    path: "config.yaml",
    explicit: false,
    env,
    readFile: () => {
      if (text === undefined) {
        throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      }
      return typeof text === "string" ? Buffer.from(text) : text;
    },
  });
}

/** Loads lines beside a good secret. */
function withSecret(lines: string, env: LoadOptions["env"] = {}): LoadResult {
  return load(`worker_secret: "${SECRET}"\n${lines}`, env);
}

function loaded(result: LoadResult): Extract<LoadResult, { ok: true }> {
  if (!result.ok) {
    throw new Error(result.message);
  }
  return result;
}

function message(result: LoadResult): string {
  return result.ok ? "no fault" : result.message;
}

describe("values", () => {
  test("are the defaults where nothing else is said", () => {
    const { config, sources, file, warnings } = loaded(withSecret(""));
    const { workerSecretPrevious, ...rest } = config;
    expect({ ...rest, workerSecret: config.workerSecret.reveal(), redisUrl: "" }).toEqual({
      wsPort: 9000,
      wsBind: "::",
      internalPort: 9001,
      internalBind: "127.0.0.1",
      workerSecret: SECRET,
      redisUrl: "",
      redisAddress: "",
      redisPrefix: "wavelog",
      redisCaFile: "",
      readyRequiresRedis: false,
      outbox: { events: 10_000, bytes: 33_554_432, ageMs: 300_000 },
      topicTtlMs: 86_400_000,
      stateFile: "",
      reusePort: false,
      gatewayThreads: "auto",
      drainTime: "auto",
      maxTopics: 100_000,
      queue: { events: 10_000, units: 16_777_216 },
      allowedOrigins: [],
      trustedProxies: ["127.0.0.0/8", "::1/128"],
      maxConnections: "auto",
      maxConnectionsPerIp: 0,
      maxPending: "auto",
      maxPendingPerIp: 1000,
      maxBuffered: 1_048_576,
      logFormat: "auto",
      logLevel: "info",
    });
    expect(config.redisUrl.reveal()).toBe("");
    expect(workerSecretPrevious.reveal()).toBe("");
    expect(sources.worker_secret).toBe("file");
    expect(sources.ws_port).toBe("default");
    expect(file).toBe("config.yaml");
    expect(warnings).toEqual([]);
  });

  test("come from a file of the original", () => {
    const { config } = loaded(
      load(
        `ws_port: 8000\ninternal_port: 8001\n# ws_bind: "0.0.0.0"\ninternal_bind: "0.0.0.0"\nworker_secret: '${SECRET}'\nredis_url: ""\ntopic_ttl: ""\n`,
      ),
    );
    expect(config).toMatchObject({ wsPort: 8000, internalPort: 8001, internalBind: "0.0.0.0" });
    expect(config.topicTtlMs).toBe(86_400_000);
  });

  test("of every key come from the file", () => {
    const { config, shown } = loaded(
      withSecret(
        [
          "ws_port: 9100",
          "ws_bind: 127.0.0.1",
          "internal_port: 9101",
          'internal_bind: "::1"',
          'redis_url: "redis://worker:hunter2@10.0.0.1:6379/2"',
          "redis_prefix: club2",
          "redis_ca_file: /etc/ca.pem",
          "ready_requires_redis: true",
          "cluster_outbox_events: 100",
          "cluster_outbox_bytes: 2097152",
          "cluster_outbox_age: 90s",
          "topic_ttl: 1h30m",
          "state_file: /var/lib/topics.state",
          "reuse_port: true",
          "gateway_threads: 4",
          "drain_time: 20",
          "max_topics: 5",
          "max_queued_events: 200",
          "max_queued_bytes: 4194304",
          'allowed_origins: ["https://Log.example.org:443", "*.example.net"]',
          'trusted_proxies: ["10.0.0.5", "10.1.0.0/016", "2001:DB8::/32"]',
          "max_connections: 20000",
          "max_connections_per_ip: 500",
          "max_pending: 10000",
          "max_pending_per_ip: 0",
          "max_buffered: 4194304",
          "log_format: json",
          "log_level: warn",
        ].join("\r\n"),
      ),
    );
    expect(config).toMatchObject({
      wsPort: 9100,
      wsBind: "127.0.0.1",
      internalPort: 9101,
      internalBind: "::1",
      redisAddress: "redis://[secret]@10.0.0.1:6379/2",
      redisPrefix: "club2",
      drainTime: 20,
      queue: { events: 200, units: 4_194_304 },
      redisCaFile: "/etc/ca.pem",
      readyRequiresRedis: true,
      outbox: { events: 100, bytes: 2_097_152, ageMs: 90_000 },
      topicTtlMs: 5_400_000,
      stateFile: "/var/lib/topics.state",
      reusePort: true,
      gatewayThreads: 4,
      maxTopics: 5,
      allowedOrigins: ["https://log.example.org", "*.example.net"],
      trustedProxies: ["10.0.0.5", "10.1.0.0/16", "2001:DB8::/32"],
      maxConnections: 20_000,
      maxConnectionsPerIp: 500,
      maxPending: 10_000,
      maxPendingPerIp: 0,
      maxBuffered: 4_194_304,
      logFormat: "json",
      logLevel: "warn",
    });
    expect(shown.topic_ttl).toBe("1h30m");
    expect(shown.allowed_origins).toBe("https://log.example.org, *.example.net");
    expect(shown.worker_secret).toBe("[secret]");
  });

  test("of every key come from the environment, over the file", () => {
    const { config, sources } = loaded(
      load('ws_port: 9200\nworker_secret: "another secret of thirty-two or so"', {
        WAVELOG_WORKER_WS_PORT: "9100",
        WAVELOG_WORKER_WS_BIND: "0.0.0.0",
        WAVELOG_WORKER_INTERNAL_PORT: "9101",
        WAVELOG_WORKER_INTERNAL_BIND: "localhost",
        WAVELOG_WORKER_WORKER_SECRET: SECRET,
        WAVELOG_WORKER_TOPIC_TTL: "90m",
        WAVELOG_WORKER_GATEWAY_THREADS: "3",
        WAVELOG_WORKER_MAX_TOPICS: "7",
        WAVELOG_WORKER_STATE_FILE: "topics.state",
        WAVELOG_WORKER_REUSE_PORT: "true",
        WAVELOG_WORKER_ALLOWED_ORIGINS: "https://log.example.org, *.example.net,",
        WAVELOG_WORKER_TRUSTED_PROXIES: "10.0.0.0/8, ::1",
        WAVELOG_WORKER_MAX_CONNECTIONS: "auto",
        WAVELOG_WORKER_MAX_PENDING: "70",
        WAVELOG_WORKER_MAX_PENDING_PER_IP: "0",
        WAVELOG_WORKER_LOG_FORMAT: "text",
        WAVELOG_WORKER_LOG_LEVEL: "debug",
        WS_PORT: "1",
      }),
    );
    expect(config).toMatchObject({
      wsPort: 9100,
      wsBind: "0.0.0.0",
      internalPort: 9101,
      internalBind: "localhost",
      topicTtlMs: 5_400_000,
      gatewayThreads: 3,
      maxTopics: 7,
      stateFile: "topics.state",
      reusePort: true,
      allowedOrigins: ["https://log.example.org", "*.example.net"],
      trustedProxies: ["10.0.0.0/8", "::1"],
      maxConnections: "auto",
      maxPending: 70,
      maxPendingPerIp: 0,
      logFormat: "text",
      logLevel: "debug",
    });
    expect(config.workerSecret.reveal()).toBe(SECRET);
    expect(sources.ws_port).toBe("environment");
    expect(sources.redis_url).toBe("default");
  });

  test("that are null in the file or empty in the environment are not set", () => {
    const { config, sources } = loaded(
      withSecret("ws_port:\nws_bind: ~\ninternal_bind: null\nallowed_origins:\nlog_level: warn", {
        WAVELOG_WORKER_LOG_LEVEL: "",
        WAVELOG_WORKER_NONSENSE: "",
      }),
    );
    expect(config).toMatchObject({ wsPort: 9000, wsBind: "::", internalBind: "127.0.0.1" });
    expect(config).toMatchObject({ allowedOrigins: [], logLevel: "warn" });
    expect(sources).toMatchObject({ ws_port: "default", log_level: "file" });
  });

  test("that are true or false may be text too", () => {
    for (const [text, value] of [
      ["true", true],
      ['"true"', true],
      ["false", false],
      ['"false"', false],
    ] as const) {
      expect(loaded(withSecret(`reuse_port: ${text}`)).config.reusePort).toBe(value);
    }
    const { config, shown } = loaded(withSecret("", { WAVELOG_WORKER_REUSE_PORT: "false" }));
    expect([config.reusePort, shown.reuse_port]).toEqual([false, "false"]);
  });

  test('"" binds to all interfaces, as in the original', () => {
    const { config } = loaded(withSecret('ws_bind: ""\ninternal_bind: ""'));
    expect(config).toMatchObject({ wsBind: "::", internalBind: "::" });
  });

  test("need no file when the secret is in the environment", () => {
    const result = loaded(load(undefined, { WAVELOG_WORKER_WORKER_SECRET: SECRET }));
    expect(result.file).toBeUndefined();
    expect(result.config.wsPort).toBe(9000);
  });

  test("keep the secret out of everything printed", () => {
    const result = loaded(withSecret(""));
    expect(JSON.stringify(result) + Bun.inspect(result)).not.toContain(SECRET);
  });

  test("keep the former secret out of everything printed, too", () => {
    const former = "fedcba9876543210".repeat(4);
    for (const result of [
      loaded(withSecret(`worker_secret_previous: ${former}`)),
      loaded(withSecret("", { WAVELOG_WORKER_WORKER_SECRET_PREVIOUS: former })),
    ]) {
      expect(result.config.workerSecretPrevious.reveal()).toBe(former);
      expect(result.shown.worker_secret_previous).toBe("[secret]");
      expect(JSON.stringify(result) + Bun.inspect(result)).not.toContain(former);
    }
    expect(loaded(withSecret("")).shown.worker_secret_previous).toBe("");
  });

  test("cannot be changed", () => {
    const { config } = loaded(withSecret(""));
    expect(Object.isFrozen(config) && Object.isFrozen(config.allowedOrigins)).toBe(true);
  });
});

describe("a fault in the file is one line", () => {
  const twoHundred = "x ".repeat(100);
  test.each([
    ["ws_port: 70000", 'ws_port: "70000" is not allowed; give a whole number from 1 to 65535'],
    ["ws_port: 0", 'ws_port: "0" is not allowed; give a whole number from 1 to 65535'],
    ["ws_port: 9000.5", 'ws_port: "9000.5" is not allowed'],
    ["ws_port: many", 'ws_port: "many" is not allowed'],
    ["ws_port: true", 'ws_port: "true" is not allowed'],
    ["ws_port: [1]", "ws_port: a list is not allowed"],
    ["ws_port: {a: 1}", "ws_port: a mapping is not allowed"],
    ["internal_port: -1", 'internal_port: "-1" is not allowed'],
    ["internal_port: .inf", 'internal_port: "Infinity" is not allowed'],
    ["internal_port: .nan", 'internal_port: "NaN" is not allowed'],
    ["ws_bind: 0.0.0.0:9000", 'ws_bind: "0.0.0.0:9000" has a port'],
    ["ws_bind: 5", 'ws_bind: "5" is not allowed; give an IP address or a host name'],
    [
      `ws_bind: "${twoHundred}"`,
      `ws_bind: "${"x ".repeat(30).slice(0, 59).trimEnd()}…" is no address`,
    ],
    ['ws_bind: "a\\nb\\e[31m"', 'ws_bind: "a?b?[31m" is no address'],
    ["topic_ttl: 24", 'topic_ttl: "24" is not allowed; give a Go duration'],
    ['topic_ttl: "24"', 'topic_ttl: "24" has no unit; give a Go duration'],
    ["topic_ttl: 1d", 'topic_ttl: "1d" is no duration; give a Go duration'],
    ["topic_ttl: 0s", 'topic_ttl: "0s" is not allowed'],
    ["topic_ttl: -1h", 'topic_ttl: "-1h" is not allowed'],
    ["topic_ttl: 999ms", 'topic_ttl: "999ms" is not allowed'],
    ["topic_ttl: 87601h", 'topic_ttl: "87601h" is not allowed'],
    ["gateway_threads: 65", 'gateway_threads: "65" is not allowed; give auto, or a whole number'],
    ["gateway_threads: none", 'gateway_threads: "none" is not allowed'],
    ["max_topics: 0", 'max_topics: "0" is not allowed'],
    ["max_topics: 10000001", 'max_topics: "10000001" is not allowed'],
    ["allowed_origins: 5", 'allowed_origins: "5" is not allowed'],
    ["allowed_origins: [5]", 'allowed_origins: "5" is not allowed'],
    ["allowed_origins: [{a: b}]", "allowed_origins: a mapping is not allowed"],
    [
      "allowed_origins: [https://log.example.org/]",
      'allowed_origins: "https://log.example.org/" is more than an origin; write scheme, host and port only',
    ],
    ["trusted_proxies: 5", 'trusted_proxies: "5" is not allowed; give IP addresses and networks'],
    ["trusted_proxies: [5]", 'trusted_proxies: "5" is not allowed'],
    [
      "trusted_proxies: [proxy.example.org]",
      'trusted_proxies: "proxy.example.org" is no address; write "10.0.0.5", "10.0.0.0/24" or',
    ],
    [
      "trusted_proxies: [10.0.0.0/33]",
      'trusted_proxies: "10.0.0.0/33" has no good prefix length; give 0 to 32',
    ],
    ["max_connections: 0", 'max_connections: "0" is not allowed; give auto, or a whole number'],
    ["max_connections_per_ip: -1", 'max_connections_per_ip: "-1" is not allowed; give a whole'],
    ["max_pending: all", 'max_pending: "all" is not allowed; give auto, or a whole number'],
    ["max_pending_per_ip: auto", 'max_pending_per_ip: "auto" is not allowed; give a whole'],
    ["max_buffered: 65535", 'max_buffered: "65535" is not allowed; give a whole number from 65536'],
    ["max_buffered: 1MiB", 'max_buffered: "1MiB" is not allowed'],
    ["reuse_port: yes", 'reuse_port: "yes" is not allowed; give true or false'],
    ["reuse_port: 1", 'reuse_port: "1" is not allowed; give true or false'],
    ["state_file: 5", 'state_file: "5" is not allowed; give the path of a file'],
    ['state_file: "a\\0b"', 'state_file: "a?b" is not allowed; give the path of a file'],
    ["log_format: xml", 'log_format: "xml" is not allowed; give auto, text or json'],
    ["log_level: INFO", 'log_level: "INFO" is not allowed; give trace, debug,'],
    ["redis_prefix: a b", 'redis_prefix: "a b" is not allowed; give 1 to 64'],
    ["redis_url: localhost", "redis_url: does not begin with"],
    ["ws_port: 9001", 'ws_port: "9001" is the port of ws_port and internal_port both'],
    ["internal_port: 9000", 'internal_port: "9000" is the port of ws_port and internal_port both'],
    ["ws_prot: 9000", '"ws_prot" is no key of this file; did you mean "ws_port"?'],
    ["colour:", '"colour" is no key of this file; remove it'],
    ["colour: red", '"colour" is no key of this file; remove it'],
    ["__proto__: {ws_port: 1}", '"__proto__" is no key of this file; remove it'],
    ["constructor: 1", '"constructor" is no key of this file; remove it'],
    [
      "ws_port: a\nlog_level: b",
      'ws_port: "a" is not allowed; give a whole number from 1 to 65535; config.yaml: log_level: "b" is not allowed',
    ],
  ])("%s", (lines, expected) => {
    const text = message(withSecret(lines));
    expect(text).toStartWith(`config.yaml: ${expected}`);
    expect(text).not.toMatch(/\p{Cc}/u);
  });

  test.each([
    ["", "is not set; give at least 32 characters"],
    ["worker_secret:", "is not set; give at least 32 characters"],
    ['worker_secret: ""', "is too short; give at least 32 characters"],
    ['worker_secret: "hunter2 hunter2"', "is too short; give at least 32 characters"],
    ["worker_secret: 12345678901234567890123456789012", "is a number to YAML"],
    ["worker_secret: 1234567890123456e7890123456789012", "is a number to YAML"],
    ["worker_secret: yes", "is too short"],
    ["worker_secret: [hunter2]", "is not text; put it in quotes"],
    ['worker_secret: "hunter2 hunter2 hunter2 hunter2 "', "begins or ends with white space"],
    ['worker_secret: "hunter2 hunter2\\thunter2 hunter2 hunter2"', "contains control characters"],
  ])("%s", (text, problem) => {
    const line = message(load(text));
    expect(line).toStartWith(`config.yaml: worker_secret: ${problem}`);
    expect(line).not.toMatch(/hunter2|1234567/);
  });

  test.each([
    [
      '"hunter2 hunter2"',
      "is too short to have been worker_secret; give the former one, or remove",
    ],
    ["12345678901234567890123456789012", "is a number to YAML"],
    ["[hunter2]", "is not text; put it in quotes"],
    ['"hunter2 hunter2 hunter2 hunter2 "', "begins or ends with white space"],
    ['"hunter2 hunter2\\thunter2 hunter2 hunter2"', "contains control characters"],
    [`"${SECRET}"`, "is the same as worker_secret; give the former one, or remove it"],
  ])("worker_secret_previous: %s", (value, problem) => {
    const line = message(withSecret(`worker_secret_previous: ${value}`));
    expect(line).toStartWith(`config.yaml: worker_secret_previous: ${problem}`);
    expect(line).not.toMatch(/hunter2|1234567/);
  });

  test.each([
    ["- a", "is not a mapping"],
    ["hunter2", "is not a mapping"],
    ["worker_secret=hunter2", "is not a mapping"],
    ["ws_port: 1\n---\nws_port: 2", "is not a mapping"],
    ["ws_port: 9000\nlog_level: info\nws_port: 9001", "has the same key on lines 1 and 3"],
    ['ws_port: 9000\nworker_secret: "hunter2\nlog_level: info', "is not valid YAML (near line 2)"],
    ["ws_port: 9000\nws_bind: hunter2: 1\n", "is not valid YAML (near line 2)"],
    ["ws_port: 9000\n\tworker_secret: hunter2\n", "is not valid YAML (near line 2)"],
    ["allowed_origins:\n\t- hunter2\n", "is not valid YAML (near line 2); indent with spaces"],
    [
      "ws_port: 9000\nallowed_origins: *.hunter2",
      'is not valid YAML (near line 2); a value that begins with "*"',
    ],
    ["a: {".repeat(100_000), "is not valid YAML"],
    ["[".repeat(100_000), "is not valid YAML"],
    [new Uint8Array([0x61, 0x3a, 0x20, 0xff]), "is not UTF-8 text"],
    [new Uint8Array(1024 * 1024 + 1), "is larger than 1 MiB"],
    [`{worker_secret:hunter2}`, '"worker_secret…" is no key of this file'],
    [`{${"hunter2".repeat(9)}: 1}`, "a key (not shown here) is no key of this file"],
  ])("broken YAML, case %#", (text, problem) => {
    const line = message(load(text));
    expect(line).toContain(`config.yaml: ${problem}`);
    expect(line).not.toMatch(/hunter2|\n/);
  });

  test("does not look for the line of a fault in a large file", () => {
    const started = performance.now();
    expect(message(load(`${"# comment\n".repeat(100_000)}a: "b`))).toStartWith(
      "config.yaml: is not valid YAML; look",
    );
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test("does not look for long where each look takes long", () => {
    // Ten times ten times ten …: each line before the fault is quickly said, and slowly read.
    const bomb = Array.from({ length: 10 }, (_, level) => {
      const before = level === 0 ? "x" : `*a${level - 1}`;
      return `a${level}: &a${level} [${Array(10).fill(before).join(", ")}]\n`;
    });
    const started = performance.now();
    const line = message(load(`${bomb.join("")}${"# comment\n".repeat(400)}a: "b`));
    expect(line).toStartWith("config.yaml: is not valid YAML");
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test("counts the faults beyond the fifth", () => {
    const text = CONFIG_KEYS.map((key) => `${key}: [x]`).join("\n");
    const raw = Object.fromEntries(CONFIG_KEYS.map((key) => [key, ["x"]]));
    const faults = settingsSchema.safeParse(raw).error?.issues.length ?? 0;
    expect(faults).toBeGreaterThan(5);
    expect(message(load(text))).toEndWith(`; and ${faults - 5} more`);
  });

  test("never shows the secret in another key", () => {
    const line = message(
      load(
        `worker_secret: "two words and some more of them"\nws_bind: "two words and some more of them"`,
      ),
    );
    expect(line).toContain("ws_bind: the value (not shown here) is no address");
    expect(line).not.toContain("two words");
  });

  test("never shows the former secret in another key", () => {
    const line = message(
      withSecret(
        `worker_secret_previous: "two words and some more of them"\nlog_level: "two words and some more of them"`,
      ),
    );
    expect(line).toContain("log_level: the value (not shown here) is not allowed");
    expect(line).not.toContain("two words");
  });

  test("never shows a value of a nested mapping", () => {
    expect(message(load("ws_bind:\n  worker_secret: hunter2"))).not.toContain("hunter2");
  });
});

describe("a fault of the environment", () => {
  test("names the variable and not the file", () => {
    expect(message(withSecret("", { WAVELOG_WORKER_WS_PORT: "many" }))).toStartWith(
      'environment WAVELOG_WORKER_WS_PORT: "many" is not allowed; give a whole number',
    );
    expect(message(withSecret("", { WAVELOG_WORKER_WS_PORT: " 9000" }))).toContain(
      '" 9000" is not',
    );
    expect(message(withSecret("", { WAVELOG_WORKER_WS_PORT: "9001" }))).toStartWith(
      "environment WAVELOG_WORKER_WS_PORT: ",
    );
    const badUrl = message(withSecret("", { WAVELOG_WORKER_REDIS_URL: "http://:hunter2@host" }));
    expect(badUrl).toStartWith("environment WAVELOG_WORKER_REDIS_URL: does not begin with");
    expect(badUrl).not.toContain("hunter2");
    const line = message(load("", { WAVELOG_WORKER_WORKER_SECRET: "hunter2" }));
    expect(line).toStartWith("environment WAVELOG_WORKER_WORKER_SECRET: is too short");
    expect(line).not.toContain("hunter2");
  });

  test("is a warning when the variable is none of ours", () => {
    const { warnings } = loaded(
      withSecret("", {
        WAVELOG_WORKER_SERVICE_HOST: "hunter2",
        WAVELOG_WORKER_SECRET: "hunter2",
        WAVELOG_WORKER_WS_PORT: "tcp://10.0.0.1:9000",
      }),
    );
    expect(warnings).toEqual([
      "environment WAVELOG_WORKER_SERVICE_HOST: ignored, there is no such setting",
      "environment WAVELOG_WORKER_SECRET: ignored, there is no such setting; did you mean WAVELOG_WORKER_WORKER_SECRET?",
      "environment WAVELOG_WORKER_WS_PORT: ignored, it is a Kubernetes service link and no port",
    ]);
  });
});

describe("a file that cannot be read", () => {
  const failing = (code: string, explicit: boolean, env: LoadOptions["env"] = {}): string =>
    message(
      loadConfig({
        path: "/etc/worker.yaml",
        explicit,
        env,
        readFile: () => {
          throw Object.assign(new Error("a text nobody needs"), { code });
        },
      }),
    );
  const env = { WAVELOG_WORKER_WORKER_SECRET: SECRET };

  test("says so, with the file's name", () => {
    expect(failing("ENOENT", true, env)).toBe(
      "/etc/worker.yaml: not found; check the name given with --config",
    );
    expect(failing("ENOENT", false)).toStartWith(
      "/etc/worker.yaml: not found, and WAVELOG_WORKER_WORKER_SECRET is not set",
    );
    expect(failing("ENOENT", false, env)).toBe("no fault");
    expect(failing("EACCES", false, env)).toStartWith(
      "/etc/worker.yaml: cannot be read: permission",
    );
    expect(failing("EISDIR", true, env)).toStartWith("/etc/worker.yaml: is a directory");
    expect(failing("EIO", true, env)).toBe("/etc/worker.yaml: cannot be read (EIO)");
  });

  test("is told apart on a real disk", () => {
    const folder = mkdtempSync(join(tmpdir(), "wavelog-worker-"));
    try {
      const path = join(folder, "config.yaml");
      const real = (name: string) => message(loadConfig({ path: name, explicit: true, env: {} }));
      expect(real(path)).toEndWith("not found; check the name given with --config");
      expect(real(folder)).toEndWith("is a directory; name the file in it");
      expect(real("/dev/zero")).toBe(
        "/dev/zero: is larger than 1 MiB; is this the configuration file?",
      );
      writeFileSync(path, `\ufeffworker_secret: "${SECRET}"\n`);
      expect(real(path)).toBe("no fault");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("whatever is in the file, the fault is one short line of ours without the secret", () => {
  const value = fc.oneof(
    fc.anything({ maxDepth: 2 }).map((any) => JSON.stringify(any) ?? "~"),
    fc.string().map((text) => JSON.stringify(text)),
    fc.constant(JSON.stringify(SECRET)),
    fc.constant(JSON.stringify(`x ${SECRET} y`)),
    fc.string(),
  );
  const key = fc.oneof(fc.constantFrom(...CONFIG_KEYS), fc.string(), fc.constant(SECRET));
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value), { maxLength: 6 }), (entries) => {
      const text = entries.map(([name, written]) => `${name}: ${written}\n`).join("");
      const result = withSecret(text);
      if (!result.ok) {
        expect(result.message).toStartWith("config.yaml: ");
        expect(result.message).not.toContain(SECRET);
        expect(result.message).not.toMatch(
          /[\p{Cc}\p{Zl}\p{Zp}]|Invalid input|Too (?:small|big)|Error/u,
        );
        expect(result.message.length).toBeLessThan(1_500);
      }
    }),
    { numRuns: 2_000 },
  );
});
