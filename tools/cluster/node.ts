import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { callApi } from "./api.ts";
import { Child } from "./child.ts";
import { LOOPBACK, ROOT } from "./places.ts";
import type { NodePorts } from "./ports.ts";
import { waitUntil } from "./wait.ts";

/** Longer than a worker takes on a busy machine, in milliseconds. */
const START_DEADLINE_MS = 15_000;

/** For its owner's eyes only: it holds the secret. */
const CONFIG_MODE = 0o600;

/** One worker of the cluster. */
export interface ClusterNode {
  readonly name: string;
  readonly ports: NodePorts;
  readonly configFile: string;
  readonly child: Child;
}

/** What a node is started with. */
export interface NodeOptions {
  readonly directory: string;
  /** From 1. */
  readonly number: number;
  readonly ports: NodePorts;
  readonly secret: string;
  readonly redisPort: number;
}

/**
 * Writes a worker's configuration file for this machine.
 *
 * @param more Keys beside ports, addresses and the log's form: the secret at least.
 */
export function writeNodeConfig(
  file: string,
  ports: NodePorts,
  more: Readonly<Record<string, string>>,
): void {
  const config = {
    ws_port: ports.ws,
    ws_bind: LOOPBACK,
    internal_port: ports.internal,
    internal_bind: LOOPBACK,
    log_format: "text",
    ...more,
  };
  const lines = Object.entries(config).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
  writeFileSync(file, lines.join(""), { mode: CONFIG_MODE });
}

/** What a worker of this machine has as `redis_url`. */
export function redisUrl(port: number): string {
  return `redis://${LOOPBACK}:${port}/0`;
}

/** Starts a worker from its source, and waits until it serves and has joined the others. */
export async function startNode(options: NodeOptions, signal: AbortSignal): Promise<ClusterNode> {
  signal.throwIfAborted();
  const { directory, number, ports, secret, redisPort } = options;
  const configFile = join(directory, `node-${number}.yaml`);
  writeNodeConfig(configFile, ports, { worker_secret: secret, redis_url: redisUrl(redisPort) });

  const name = `node ${number}`;
  const child = new Child({
    name,
    command: [process.execPath, join(ROOT, "src/main.ts"), "serve", "--config", configFile],
    log: join(directory, `node-${number}.log`),
  });
  const hasJoined = async (): Promise<boolean> => {
    child.assertRunning();
    try {
      const answer = await callApi(ports.internal, secret, "/internal/status");
      return answer.status === 200 && answer.text.includes('"redis":"up"');
    } catch {
      return false;
    }
  };
  try {
    await waitUntil(hasJoined, `${name} to join`, START_DEADLINE_MS, signal);
    return { name, ports, configFile, child };
  } catch (fault) {
    await child[Symbol.asyncDispose]();
    throw fault;
  }
}
