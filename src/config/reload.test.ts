import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LoadOptions, type LoadResult, loadConfig } from "./load.ts";
import { type Reread, RunningConfig } from "./reload.ts";
import { CONFIG_KEYS, type ConfigKey, docOf } from "./schema.ts";

const SECRET = "0123456789abcdef".repeat(4);
const OTHER = "fedcba9876543210".repeat(4);

function loaded(options: LoadOptions): Extract<LoadResult, { ok: true }> {
  const result = loadConfig(options);
  if (!result.ok) {
    throw new Error(result.message);
  }
  return result;
}

/** A process that was started with some lines beside a secret, and its file. */
class Scene {
  readonly running: RunningConfig;
  text: string | undefined;

  constructor(lines: string, env: Readonly<Record<string, string>> = {}) {
    this.text = withSecret(lines);
    const options: LoadOptions = {
      path: "/nonexistent/config.yaml",
      explicit: false,
      env,
      readFile: () => {
        if (this.text === undefined) {
          throw Object.assign(new Error("absent"), { code: "ENOENT" });
        }
        return Buffer.from(this.text);
      },
    };
    this.running = new RunningConfig(options, loaded(options));
  }

  reread(lines: string): Reread {
    this.text = withSecret(lines);
    return this.running.reread();
  }
}

function withSecret(lines: string): string {
  return lines.includes("worker_secret:") ? lines : `worker_secret: ${SECRET}\n${lines}`;
}

/** What has changed, in the terms of the log. */
function changes(reread: Reread): unknown {
  return reread.ok ? { applied: reread.applied, pending: reread.pending } : reread.message;
}

/** Another good value for each key than the one it has by default. */
const OTHER_VALUES: Readonly<Record<ConfigKey, string>> = {
  ws_port: "9100",
  ws_bind: "127.0.0.1",
  internal_port: "9101",
  internal_bind: '"0.0.0.0"',
  worker_secret: OTHER,
  worker_secret_previous: OTHER,
  redis_url: '"redis://127.0.0.1:6379/0"',
  redis_prefix: "club2",
  redis_ca_file: "/etc/ca.pem",
  cluster_outbox_events: "5",
  cluster_outbox_bytes: "2000000",
  cluster_outbox_age: "1m",
  topic_ttl: "12h",
  state_file: "topics.state",
  reuse_port: "true",
  gateway_threads: "3",
  drain_time: "20",
  max_topics: "5",
  max_queued_events: "200",
  max_queued_bytes: "2000000",
  allowed_origins: '["https://log.example.org"]',
  trusted_proxies: '["10.0.0.0/8"]',
  max_connections: "500",
  max_connections_per_ip: "50",
  max_pending: "100",
  max_pending_per_ip: "10",
  max_buffered: "2097152",
  log_format: "json",
  log_level: "debug",
};

test("every key says how a change of it reaches a worker that runs", () => {
  for (const key of CONFIG_KEYS) {
    expect(["live", "restart"]).toContain(docOf(key).reload);
  }
});

for (const key of CONFIG_KEYS) {
  const { reload } = docOf(key);
  test(`a change of ${key} is ${reload === "live" ? "applied" : "named as needing a restart"}`, () => {
    const scene = new Scene("");
    const lines = `${key}: ${OTHER_VALUES[key]}`;
    const expected = loaded({
      path: "config.yaml",
      explicit: true,
      env: {},
      readFile: () => Buffer.from(withSecret(reload === "live" ? lines : "")),
    });
    const reread = scene.reread(lines);
    const isLive = reload === "live";
    expect(changes(reread)).toEqual({
      applied: isLive ? [key] : [],
      pending: isLive ? [] : [key],
    });
    const config = reread.ok ? reread.config : undefined;
    expect({
      ...config,
      secrets: [config?.workerSecret.reveal(), config?.workerSecretPrevious.reveal()],
    }).toEqual({
      ...expected.config,
      secrets: [
        expected.config.workerSecret.reveal(),
        expected.config.workerSecretPrevious.reveal(),
      ],
    });
    // The same again: what is applied is no news, what needs a restart still does.
    expect(changes(scene.reread(lines))).toEqual({ applied: [], pending: isLive ? [] : [key] });
    // Taken back: so is what was applied.
    expect(changes(scene.reread(""))).toEqual({ applied: isLive ? [key] : [], pending: [] });
  });
}

describe("reading the configuration again", () => {
  test("tells every key that has changed, in the order of the reference", () => {
    const scene = new Scene("");
    const lines = "log_level: warn\nredis_url: redis://a:1/0\nmax_topics: 5\nws_port: 9100";
    expect(changes(scene.reread(lines))).toEqual({
      applied: ["max_topics", "log_level"],
      pending: ["ws_port", "redis_url"],
    });
  });

  test("finds nothing in a file that says the same in other words", () => {
    const scene = new Scene(
      'topic_ttl: "24h"\nallowed_origins: ["https://a.example", "*.b.example"]\nws_port: 9000',
    );
    const lines =
      '# a comment\nallowed_origins: "HTTPS://a.example, *.B.example"\ntopic_ttl: 1440m\n';
    expect(changes(scene.reread(lines))).toEqual({ applied: [], pending: [] });
  });

  test("with a fault changes nothing, and says what loading it says", () => {
    const scene = new Scene("max_topics: 5");
    for (const lines of ["max_topics: many", "max_topics: 6\nws_prot: 1", "max_topics: [", "- a"]) {
      const reread = scene.reread(lines);
      expect(reread).toEqual({
        ok: false,
        message: expect.stringMatching(/^\/nonexistent\/config\.yaml: [^\n]+$/),
      });
    }
    expect(changes(scene.reread("max_topics: 5"))).toEqual({ applied: [], pending: [] });
  });

  test("with a fault that needs all of it changes nothing, either", () => {
    const scene = new Scene("");
    expect(changes(scene.reread(`max_topics: 6\nworker_secret_previous: ${SECRET}`))).toContain(
      "worker_secret_previous: is the same as worker_secret",
    );
    expect(changes(scene.reread(""))).toEqual({ applied: [], pending: [] });
  });

  test("wants the file that was there, and not that it goes on without", () => {
    const scene = new Scene("max_topics: 5", { WAVELOG_WORKER_WORKER_SECRET: SECRET });
    scene.text = undefined;
    expect(changes(scene.running.reread())).toBe(
      "/nonexistent/config.yaml: not found any more; put it back",
    );
  });

  test("does without the file that was not there, and takes one that is", () => {
    const env = { WAVELOG_WORKER_WORKER_SECRET: SECRET };
    let text: string | undefined;
    const options: LoadOptions = {
      path: "/nonexistent/config.yaml",
      explicit: false,
      env,
      readFile: () => {
        if (text === undefined) {
          throw Object.assign(new Error("absent"), { code: "ENOENT" });
        }
        return Buffer.from(text);
      },
    };
    const running = new RunningConfig(options, loaded(options));
    expect(changes(running.reread())).toEqual({ applied: [], pending: [] });
    text = "max_topics: 5";
    expect(changes(running.reread())).toEqual({ applied: ["max_topics"], pending: [] });
  });

  test("reads the environment again, which still wins", () => {
    const env = { WAVELOG_WORKER_MAX_TOPICS: "7" };
    const scene = new Scene("", env);
    expect(changes(scene.reread("max_topics: 5"))).toEqual({ applied: [], pending: [] });
    env.WAVELOG_WORKER_MAX_TOPICS = "8";
    expect(changes(scene.reread("max_topics: 5"))).toEqual({
      applied: ["max_topics"],
      pending: [],
    });
  });

  test("keeps the secrets out of everything printed", () => {
    const scene = new Scene("");
    const reread = scene.reread(`worker_secret: ${OTHER}\nworker_secret_previous: ${SECRET}`);
    const text = JSON.stringify(reread) + Bun.inspect(reread) + Bun.inspect(scene.running);
    expect(reread.ok).toBe(true);
    expect(text).not.toContain(OTHER);
    expect(text).not.toContain(SECRET);
  });

  test("takes a real file, and does not wait for a pipe", () => {
    const folder = mkdtempSync(join(tmpdir(), "wavelog-worker-test-"));
    try {
      const path = join(folder, "config.yaml");
      writeFileSync(path, withSecret(""));
      const options: LoadOptions = { path, explicit: true, env: {} };
      const running = new RunningConfig(options, loaded(options));
      writeFileSync(path, withSecret("max_topics: 5"));
      expect(changes(running.reread())).toEqual({ applied: ["max_topics"], pending: [] });

      const pipe = join(folder, "pipe");
      Bun.spawnSync(["mkfifo", pipe]);
      const piped: LoadOptions = { path: pipe, explicit: true, env: {} };
      const started = loaded({ ...piped, readFile: () => readFileSync(path) });
      const message = changes(new RunningConfig(piped, started).reread());
      expect(message).toContain("is no file but a pipe, which can be read at the start alone");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
