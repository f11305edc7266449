import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Child } from "./child.ts";
import type { LoadTarget } from "./load.ts";
import { freePorts, waitForPort } from "./ports.ts";
import type { Setup } from "./setup.ts";
import { makeToken, newSecret } from "./token.ts";

/** The two that are compared. */
export type ServerKind = "worker" | "yardstick";

/** The one topic of all scenarios; a token is required on it. */
export const TOPIC = "bench.1";
/** For the first status 200: far more than the goal, so that a slow start is still measured. */
export const START_MS = 10_000;

/** For one request of the bench itself. */
const REQUEST_MS = 5_000;
/** Between two looks at a starting server. */
const LOOK_PAUSE_MS = 10;
/** Only the owner may read a file with a secret in it. */
const CONFIG_MODE = 0o600;

const status = z.looseObject({ status: z.literal("ok"), version: z.string() });

/** How to start one server, and how to talk to it. */
export interface Launch {
  readonly kind: ServerKind;
  readonly command: readonly string[];
  /** Where its output goes. */
  readonly log: string;
  readonly target: LoadTarget;
}

/** A server that serves the topic. Stops at the end of its block. */
export interface RunningServer extends AsyncDisposable {
  readonly kind: ServerKind;
  readonly pid: number;
  readonly version: string;
  readonly target: LoadTarget;
  /** Throws, with the end of its log, when it runs no longer. */
  assertRunning(): Promise<void>;
}

/** What the workers of one cluster have in common. */
export interface ClusterSettings {
  readonly redisUrl: string;
  readonly secret: string;
}

let launches = 0;

/** Free ports, a secret, a configuration file: everything up to the start itself. */
export async function prepareLaunch(
  setup: Setup,
  kind: ServerKind,
  cluster?: ClusterSettings,
): Promise<Launch> {
  const [wsPort, httpPort] = await freePorts();
  const secret = cluster?.secret ?? newSecret();
  const target = { wsPort, httpPort, secret, topic: TOPIC, token: makeToken(secret, TOPIC) };
  const name = join(setup.directory, `${kind}-${++launches}`);
  const log = `${name}.log`;
  if (kind === "yardstick") {
    const command = [setup.programs.yardstick, String(wsPort), String(httpPort)];
    return { kind, command, log, target };
  }
  const config = `${name}.yaml`;
  const lines = [
    `ws_port: ${wsPort}`,
    'ws_bind: "127.0.0.1"',
    `internal_port: ${httpPort}`,
    'internal_bind: "127.0.0.1"',
    `worker_secret: "${secret}"`,
    // One line per connection is not what is measured.
    "log_level: warn",
    ...(cluster === undefined ? [] : [`redis_url: "${cluster.redisUrl}"`]),
    "",
  ];
  await writeFile(config, lines.join("\n"), { mode: CONFIG_MODE });
  const command = [...setup.workerCommand, "serve", "--config", config];
  return { kind, command, log, target };
}

async function call(launch: Launch, path: string, body?: object): Promise<Response> {
  const response = await fetch(`http://127.0.0.1:${launch.target.httpPort}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "X-Worker-Secret": launch.target.secret },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    keepalive: false,
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  if (response.status === 200) return response;
  throw new Error(`${launch.kind}: ${path} answered ${response.status} ${await response.text()}`);
}

async function awaitReady(launch: Launch, child: Child): Promise<string> {
  const deadline = Date.now() + START_MS;
  await waitForPort(launch.target.httpPort, deadline, LOOK_PAUSE_MS, () => child.assertRunning());
  await waitForPort(launch.target.wsPort, deadline, LOOK_PAUSE_MS, () => child.assertRunning());
  const answer = status.parse(await (await call(launch, "/internal/status")).json());
  await call(launch, "/internal/register", {
    topic: launch.target.topic,
    meta: { require_token: true },
  });
  return answer.version;
}

/**
 * Starts a server and registers the topic. Throws, with the end of its log, when the server ends
 * before it serves, and when it does not serve within 10 s.
 */
export async function startServer(
  setup: Setup,
  kind: ServerKind,
  cluster?: ClusterSettings,
): Promise<RunningServer> {
  const launch = await prepareLaunch(setup, kind, cluster);
  const child = new Child({
    name: kind,
    // Through the generator's `exec`: raises the file limit, and dies with the bench.
    command: [setup.programs.load, "exec", ...launch.command],
    log: launch.log,
    cleanup: setup.cleanup,
  });
  try {
    const version = await awaitReady(launch, child);
    return {
      kind,
      pid: child.pid,
      version,
      target: launch.target,
      assertRunning: () => child.assertRunning(),
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child.abandon();
    throw error;
  }
}
