import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import { ApiServer } from "./api/server.ts";
import { makeBackbone } from "./backbone.ts";
import { listenAddress } from "./config/bind-address.ts";
import { PHP_FILES, resolveConnectionLimit } from "./config/connection-limit.ts";
import { resolveGatewayThreads } from "./config/gateway-threads.ts";
import type { Config } from "./config/schema.ts";
import { DescriptorGuard } from "./gateway/descriptor-guard.ts";
import type { GatewaySettings } from "./gateway/link.ts";
import { fileLimit, openFiles } from "./gateway/open-files.ts";
import { GatewayPool, ListenError } from "./gateway/pool.ts";
import { Journal } from "./observability/journal.ts";
import { readSocketStatus, readStatus, type StatusSources } from "./observability/status.ts";
import { CLUSTER_TOPIC } from "./protocol/envelope.ts";
import type { Secrets } from "./protocol/secrets.ts";
import { STATUS_TOPIC } from "./protocol/topic.ts";
import { ReservedTopics } from "./topics/reserved-topics.ts";

/** What a worker is given besides its configuration. */
export interface WorkerOptions {
  readonly config: Config;
  readonly version: string;
  readonly logger: Logger;
  /** Called at most once when a part has failed and the worker must not go on. */
  readonly onFault: (fault: Error) => void;
}

/** Why a worker did not start: one line for people, without a stack. */
export class StartError extends Error {}

/** Lists the interfaces with IPv6; Linux has it exactly when its kernel speaks IPv6. */
const IPV6_INTERFACES = "/proc/net/if_inet6";

/** How long requests in flight may take at the end, in milliseconds; PHP has given up by then. */
const API_CLOSE_DEADLINE_MS = 3000;

/**
 * How often it is looked how many files are left, in milliseconds: strangers can take all of them
 * between two looks, and PHP, which has a second, waits for the next one.
 */
const FILES_LOOK_MS = 50;

/** A file that can be opened whenever there is a descriptor left. */
const SPARE_FILE = "/dev/null";

/** A worker that serves. */
export interface RunningWorker {
  /** Stops in order, within 10 s (contract: sockets get 1012, requests in flight their answer). */
  stop(): Promise<void>;
}

/**
 * The composition root: builds every part from the configuration, starts them in order.
 *
 * @throws StartError when a port is taken or not permitted.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { config, version, logger, onFault } = options;
  const now = (): number => performance.now();
  const journal = new Journal(logger, now);

  const nodeId = randomBytes(8).toString("hex");
  const backbone = makeBackbone({
    config,
    nodeId,
    version,
    deliver: (topic, frame) => gateways.deliver(topic, frame),
    headcount: () => gateways.headcount(),
    journal,
    now,
    redisCa: readCa(config.redisCaFile),
  });
  const { bus } = backbone;
  const topics = new ReservedTopics(
    new Map([[STATUS_TOPIC, { requireToken: true }]]),
    new Set([CLUSTER_TOPIC]),
    backbone.topics,
  );

  const hasIpv6 = process.platform !== "linux" || existsSync(IPV6_INTERFACES);
  const wsHost = listenAddress(config.wsBind, hasIpv6);
  const internalHost = listenAddress(config.internalBind, hasIpv6);

  const files = fileLimit();
  const connections = connectionLimit(config, files, logger);
  const threads = resolveGatewayThreads(config.gatewayThreads, availableParallelism());
  const gateways = new GatewayPool({
    threads,
    threadEntry: new URL("./gateway/thread.ts", import.meta.url),
    address: { hostname: wsHost, port: config.wsPort },
    settings: gatewaySettings(config, connections),
    maxBuffered: config.maxBuffered,
    lookup: (topic) => topics.lookup(topic),
    status: async () => JSON.stringify(await readSocketStatus(sources)),
    onEvent: (event) => journal.socket(event),
    onFault,
  });

  const sources: StatusSources = {
    version,
    now,
    startedAt: now(),
    topics,
    sockets: gateways,
    turnedAway: {
      refusals: () => gateways.refusals(),
      slowReaders: () => gateways.slowReaders(),
      acceptPauses: () => guard?.pauses ?? 0,
    },
    nodes: () => bus.nodes(),
    redis: backbone.redis,
    node: nodeId,
  };
  const guard = files === undefined ? undefined : descriptorGuard(files, gateways, journal, now);
  const api = new ApiServer({
    hostname: internalHost,
    port: config.internalPort,
    secret: config.workerSecret.reveal(),
    ports: {
      topics,
      bus,
      status: (withLists) => readStatus(sources, withLists),
      cluster: async () => ({
        node: nodeId,
        redis: backbone.redis(),
        nodes: await backbone.reports(),
      }),
      events: journal,
    },
  });

  // Takes the files that are kept back.
  guard?.look();
  // Before anybody is let in: whoever comes first should find the topics that are in Redis.
  await backbone.start();
  await listening("ws", wsHost, config.wsPort, gateways.start());
  await listening("internal", internalHost, config.internalPort, api.listen());
  const look = setInterval(() => guard?.look(), FILES_LOOK_MS);

  return {
    async stop() {
      clearInterval(look);
      gateways.stopListening();
      const abort = setTimeout(() => api.abort(), API_CLOSE_DEADLINE_MS);
      await api.close();
      clearTimeout(abort);
      await guard?.stop();
      // After the last request, so that what was answered 200 reaches the sockets first.
      await gateways.close();
      await backbone.stop();
    },
  };
}

/** The part of the configuration that gateway threads go by. */
function gatewaySettings(config: Config, connections: number): GatewaySettings {
  return {
    secrets: secretsOf(config),
    allowedOrigins: config.allowedOrigins,
    trustedProxies: config.trustedProxies,
    limits: {
      connections,
      connectionsPerIp: config.maxConnectionsPerIp,
      pending: config.maxPending === "auto" ? connections : config.maxPending,
      pendingPerIp: config.maxPendingPerIp,
    },
  };
}

/** How many sockets are let in; says so when the file limit does not allow what was meant. */
function connectionLimit(config: Config, files: number | undefined, logger: Logger): number {
  const limit = resolveConnectionLimit(config.maxConnections, files);
  if (!limit.ok) {
    throw new StartError(limit.problem);
  }
  if (limit.warning !== undefined) {
    logger.warn(limit.warning);
  }
  return limit.connections;
}

function descriptorGuard(
  limit: number,
  gateways: GatewayPool,
  events: Journal,
  now: () => number,
): DescriptorGuard {
  return new DescriptorGuard({
    limit,
    spare: PHP_FILES,
    openFiles,
    hold: () => openSync(SPARE_FILE, "r"),
    release: closeSync,
    gateways,
    events,
    now,
  });
}

function secretsOf(config: Config): Secrets {
  return { current: config.workerSecret.reveal(), previous: undefined };
}

/** The text of `redis_ca_file`. */
function readCa(path: string): string | undefined {
  if (path === "") {
    return undefined;
  }
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new StartError(`redis_ca_file: "${path}" cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Waits for a port; a failure becomes one line that says what to do. */
async function listening(
  key: "ws" | "internal",
  host: string,
  port: number,
  start: Promise<void>,
): Promise<void> {
  try {
    await start;
  } catch (cause) {
    const code = cause instanceof ListenError ? cause.code : (cause as NodeJS.ErrnoException).code;
    const describe = LISTEN_FAULTS[code ?? ""];
    const why = describe?.(key) ?? `cannot be listened on: ${(cause as Error).message}`;
    const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    throw new StartError(`${key}_port: ${where} ${why}`, { cause });
  }
}

const LISTEN_FAULTS: Readonly<Record<string, (key: string) => string>> = {
  EADDRINUSE: (key) => `is taken by another program: stop it or set another ${key}_port`,
  EACCES: (key) => `is not permitted: ports below 1024 need a privilege; set another ${key}_port`,
  EADDRNOTAVAIL: (key) => `is no address of this machine: correct ${key}_bind`,
};
