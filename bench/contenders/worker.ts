import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Contender, Launch, Place } from "./contender.ts";
import { register, workerDialect, workerToken } from "./worker-api.ts";

/** Only the owner may read a file with a secret in it. */
const CONFIG_MODE = 0o600;

/** Lines of the configuration that one measurement sets differently; "gateway_threads: 2". */
export interface WorkerSettings {
  readonly lines: readonly string[];
}

async function launch(place: Place, settings: WorkerSettings): Promise<Launch> {
  const { setup, wsPort, httpPort, secret, redisUrl } = place;
  const config = join(place.directory, "config.yaml");
  const lines = [
    `ws_port: ${wsPort}`,
    'ws_bind: "127.0.0.1"',
    `internal_port: ${httpPort}`,
    'internal_bind: "127.0.0.1"',
    `worker_secret: "${secret}"`,
    // One line per connection is not what is measured.
    "log_level: warn",
    ...(redisUrl === undefined ? [] : [`redis_url: "${redisUrl}"`]),
    ...settings.lines,
    "",
  ];
  await writeFile(config, lines.join("\n"), { mode: CONFIG_MODE });
  return {
    command: [...setup.workerCommand, "serve", "--config", config],
    version: setup.workerVersion,
    wsPort,
    httpPort,
    dialect: workerDialect(secret),
    token: workerToken(secret),
    prepare: (topics) => register(httpPort, secret, topics),
    probe: { path: "/internal/status", headers: [`X-Worker-Secret: ${secret}`] },
  };
}

/** The worker with some settings of its own. */
export function workerWith(settings: WorkerSettings): Contender {
  return {
    name: "worker",
    title: "Wavelog Worker",
    settings: "as it comes; log_level warn",
    cannotCluster: undefined,
    missing: async () => undefined,
    shipped: async ({ workerCommand }) => workerCommand.slice(0, 1),
    launch: (place) => launch(place, settings),
  };
}

/** The worker as it comes. */
export const worker = workerWith({ lines: [] });
