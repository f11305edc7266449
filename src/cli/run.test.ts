import { describe, expect, test } from "bun:test";
import { TokenVerifier } from "../protocol/token.ts";
import { helpText } from "./help.ts";
import { run } from "./run.ts";
import { fakeDeps, NOW_MS, SECRET } from "./testing.ts";
import { versionText } from "./version.ts";

const verifier = new TokenVerifier({ current: SECRET, previous: undefined });

const NOW = Math.floor(NOW_MS / 1000);

describe("help and version", () => {
  test("are printed when asked for", async () => {
    const { deps, written } = fakeDeps();
    expect(await run(["--help"], deps)).toBe(0);
    expect(await run(["help", "token"], deps)).toBe(0);
    expect(await run(["-v"], deps)).toBe(0);
    expect(written).toEqual({
      out: [helpText(), helpText("token"), "wavelog_worker 1.2.3+abc1234"],
      err: [],
    });
  });

  test("unknown words get the help on standard error, and status 2", async () => {
    const { deps, written } = fakeDeps();
    expect(await run(["frob"], deps)).toBe(2);
    expect(await run(["token"], deps)).toBe(2);
    expect(written).toEqual({
      out: [],
      err: [
        `wavelog_worker: unknown command "frob"\n\n${helpText()}`,
        `wavelog_worker: "token" needs --topic\n\n${helpText("token")}`,
      ],
    });
  });

  test("the version is the package's, with the commit if one is known", () => {
    expect(versionText()).toMatch(/^\d+\.\d+\.\d+(?:\+[0-9a-f]{4,40})?$/);
  });
});

describe("serve", () => {
  test("gets the configuration and the version, and its status is ours", async () => {
    const served: unknown[] = [];
    const { deps, written } = fakeDeps({
      env: { WAVELOG_WORKER_WS_PORT: "9100", WAVELOG_WORKER_NONSENSE: "x" },
      serve: (config, version, err) => {
        served.push(config.wsPort, version);
        err("from the worker");
        return Promise.resolve(7);
      },
    });
    expect(await run([], deps)).toBe(7);
    expect(served).toEqual([9100, "1.2.3+abc1234"]);
    expect(written.err).toEqual([
      "environment WAVELOG_WORKER_NONSENSE: ignored, there is no such setting",
      "from the worker",
    ]);
  });

  test("can read the configuration again, from where it came", async () => {
    const reread: unknown[] = [];
    let lines = "";
    const { deps, written } = fakeDeps({
      env: { WAVELOG_WORKER_WS_PORT: "9100" },
      readFile: (path) => {
        expect(path).toBe("club.yaml");
        return Buffer.from(`worker_secret: "${SECRET}"\n${lines}`);
      },
      serve: (_config, _version, _err, readAgain) => {
        lines = "max_topics: 5\nws_port: 9200\ninternal_port: 9300\n";
        reread.push(readAgain());
        lines = "nonsense: 1";
        reread.push(readAgain());
        return Promise.resolve(0);
      },
    });
    expect(await run(["--config", "club.yaml"], deps)).toBe(0);
    expect(reread).toMatchObject([
      { ok: true, applied: ["max_topics"], pending: ["internal_port"] },
      { ok: false, message: 'club.yaml: "nonsense" is no key of this file; remove it' },
    ]);
    expect(written).toEqual({ out: [], err: [] });
  });

  test("is not started with a faulty configuration", async () => {
    const { deps, written } = fakeDeps({
      env: { WAVELOG_WORKER_WS_PORT: "x" },
      serve: () => Promise.reject(new Error("started")),
    });
    expect(await run(["serve"], deps)).toBe(1);
    expect(written.err).toEqual([
      'environment WAVELOG_WORKER_WS_PORT: "x" is not allowed; give a whole number from 1 to 65535',
    ]);
  });

  test("needs a file that is named", async () => {
    const { deps, written } = fakeDeps({ env: { WAVELOG_WORKER_WORKER_SECRET: SECRET } });
    expect(await run(["--config", "other.yaml"], deps)).toBe(1);
    expect(written.err).toEqual(["other.yaml: not found; check the name given with --config"]);
  });
});

test("check prints each key, its value, and where it comes from", async () => {
  const { deps, written } = fakeDeps({
    env: {
      WAVELOG_WORKER_ALLOWED_ORIGINS: "https://log.example.org,*.example.net",
      WAVELOG_WORKER_PORT: "tcp://10.0.0.1:9000",
    },
  });
  expect(await run(["check"], deps)).toBe(0);
  expect(written.out.join("\n")).toBe(`config.yaml: the configuration is in order

key                     value                                   from
ws_port                 9000                                    default
ws_bind                 ::                                      default
internal_port           9001                                    default
internal_bind           127.0.0.1                               default
worker_secret           [secret]                                file
worker_secret_previous  (empty)                                 default
redis_url               (empty)                                 default
redis_prefix            wavelog                                 default
redis_ca_file           (empty)                                 default
cluster_outbox_events   10000                                   default
cluster_outbox_bytes    33554432                                default
cluster_outbox_age      5m                                      default
topic_ttl               24h                                     default
state_file              (empty)                                 default
reuse_port              false                                   default
gateway_threads         auto (3 on this machine)                default
drain_time              auto                                    default
max_topics              100000                                  default
max_queued_events       10000                                   default
max_queued_bytes        16777216                                default
allowed_origins         https://log.example.org, *.example.net  environment
trusted_proxies         127.0.0.0/8, ::1/128                    default
max_connections         auto                                    default
max_connections_per_ip  0                                       default
max_pending             auto                                    default
max_pending_per_ip      1000                                    default
max_buffered            1048576                                 default
log_format              auto                                    default
log_level               info                                    default`);
  expect(written.err).toHaveLength(1);
  expect(written.err[0]).toStartWith("environment WAVELOG_WORKER_PORT: ignored");
});

test("check ends with 1 and the fault alone", async () => {
  const { deps, written } = fakeDeps({ readFile: () => Buffer.from("worker_secret: hunter2") });
  expect(await run(["check"], deps)).toBe(1);
  expect(written.out).toEqual([]);
  expect(written.err).toHaveLength(1);
  expect(written.err[0]).toStartWith("config.yaml: worker_secret: is too short");
});

test("secret prints 64 hex digits and needs no configuration", async () => {
  const { deps, written } = fakeDeps({ readFile: () => Buffer.from("- broken") });
  expect(await run(["secret"], deps)).toBe(0);
  expect(written).toEqual({ out: ["a5".repeat(32)], err: [] });
});

describe("token", () => {
  async function token(...options: string[]): Promise<string> {
    const { deps, written } = fakeDeps();
    expect(await run(["token", ...options], deps)).toBe(0);
    expect(written.err).toEqual([]);
    return written.out.join("\n");
  }

  test("is valid for the topic and the user until its time is over", async () => {
    const text = await token("--topic", "radio.user.7", "--user", "7", "--ttl", "1h30m");
    const expires = NOW + 5_400;
    expect(verifier.verify(text, "radio.user.7", NOW)).toEqual({
      ok: true,
      userId: 7,
      expires,
      signedWith: "current",
    });
    expect(verifier.verify(text, "radio.user.7", expires + 1).ok).toBe(false);
    expect(verifier.verify(text, "radio.user.8", NOW).ok).toBe(false);
  });

  test("is for nobody and for 24 hours unless said otherwise", async () => {
    const check = verifier.verify(await token("--topic", "t"), "t", NOW);
    expect(check).toMatchObject({ ok: true, userId: 0, expires: NOW + 86_400 });
  });

  test.each([
    [["--topic", "t", "--user", "-1"], "--user needs a value"],
    [["--topic", "t", "--user", "1.5"], "--user is no user id"],
    [["--topic", "t", "--user", "9007199254740993"], "--user is no user id"],
    [["--topic", "t", "--ttl", "1d"], "--ttl is no duration"],
    [["--topic", "t", "--ttl", "0"], "--ttl is no duration"],
    [["--topic", "t", "--ttl=-1h"], "--ttl is no duration"],
    [["--topic", "é".repeat(513)], "--topic is too long"],
  ])("%j is refused: %s", async (options, problem) => {
    const { deps, written } = fakeDeps();
    expect(await run(["token", ...options], deps)).toBe(2);
    expect(written.out).toEqual([]);
    expect(written.err[0]).toStartWith(`wavelog_worker: ${problem}`);
  });
});
