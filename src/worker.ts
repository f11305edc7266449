import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import { ApiServer } from "./api/server.ts";
import { type Backbone, makeBackbone } from "./backbone.ts";
import { listenAddress } from "./config/bind-address.ts";
import { PHP_FILES, resolveConnectionLimit } from "./config/connection-limit.ts";
import { resolveGatewayThreads } from "./config/gateway-threads.ts";
import type { Config } from "./config/schema.ts";
import { Console } from "./console/console.ts";
import { DescriptorGuard } from "./gateway/descriptor-guard.ts";
import type { GatewaySettings } from "./gateway/link.ts";
import { LoopDelay } from "./gateway/loop-delay.ts";
import { fileLimit, openFiles } from "./gateway/open-files.ts";
import { GatewayPool, ListenError } from "./gateway/pool.ts";
import { threadCpuSeconds } from "./gateway/thread-cpu.ts";
import { Throttle } from "./gateway/throttle.ts";
import { tee, type WorkerEvents } from "./observability/events.ts";
import { FlightRecorder } from "./observability/flight-recorder.ts";
import { Incidents } from "./observability/incidents.ts";
import { Journal } from "./observability/journal.ts";
import { Metrics } from "./observability/metrics/metrics.ts";
import { MAIN_THREAD } from "./observability/metrics/thread-metrics.ts";
import { NodeFigures } from "./observability/node-figures.ts";
import { PreviousSecretUse } from "./observability/previous-secret.ts";
import {
  type ReadinessSources,
  readReadiness,
  THREAD_SILENCE_MS,
} from "./observability/readiness.ts";
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
  /** Called when somebody asks over the internal API that the worker stop. */
  readonly onDrain: () => void;
  /** Called at most once when a part has failed and the worker must not go on. */
  readonly onFault: (fault: Error) => void;
}

/** Why a worker did not start: one line for people, without a stack. */
export class StartError extends Error {}

/** Lists the interfaces with IPv6; Linux has it exactly when its kernel speaks IPv6. */
const IPV6_INTERFACES = "/proc/net/if_inet6";

/** How long browsers are sent away while other workers take them, in milliseconds. */
const AUTO_SPREAD_MS = 5000;

/**
 * How long requests in flight may take at the end, and sockets to say good-bye, in milliseconds:
 * for a worker that others stand in for, and for one that is alone, whose browsers give up 4 s after
 * it has gone and should find it again within a moment.
 */
const PATIENCE = {
  replaced: { api: 1000, sockets: 500 },
  alone: { api: 80, sockets: 40 },
} as const;

/** How often gateway threads are asked for a sign of life and told how the worker does, in milliseconds. */
const MEASURE_INTERVAL_MS = 1000;

/** A file that can be opened whenever there is a descriptor left. */
const SPARE_FILE = "/dev/null";

/** A worker that serves. */
export interface RunningWorker {
  /** Goes by what can change while running, at once and without dropping anyone. */
  reload(config: Config): void;
  /**
   * Stops in order (contract: sockets get 1012, requests in flight their answer): within 200 ms when
   * alone, else within 10 s, or `drain_time` and 5 s.
   */
  stop(): Promise<void>;
}

/**
 * The composition root: builds every part from the configuration, starts them in order.
 *
 * @throws StartError when a port is taken or not permitted.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { config, version, logger, onDrain, onFault } = options;
  let isDraining = false;
  let { drainTime, readyRequiresRedis } = config;
  let secrets = secretsOf(config);
  const now = (): number => performance.now();
  const journal = new Journal(logger, now);
  const previousSecret = new PreviousSecretUse(Date.now);
  previousSecret.watch(secrets.previous);
  const threads = resolveGatewayThreads(config.gatewayThreads, availableParallelism());
  const files = fileLimit();
  const metrics = new Metrics({
    worker: {
      version,
      readiness: () => readReadiness(readinessSources),
      topics: { count: () => topics.count() },
      activeTopics: () => gateways.headcount().activeTopics,
    },
    sockets: {
      headcount: () => gateways.headcount(),
      held: () => gateways.held(),
      refusals: () => gateways.refusals(),
      slowReaders: () => gateways.slowReaders(),
      acceptPauses: () => guard?.pauses ?? 0,
    },
    threads: {
      threads: () => gateways.loads(),
      threadCount: threads,
      mainCpuSeconds: threadCpuSeconds,
    },
    process: { openFiles, fileLimit: files },
    cluster:
      config.redisAddress === ""
        ? undefined
        : {
            redis: () => backbone.redis(),
            nodes: () => backbone.figures.nodes(),
            outbox: () => backbone.figures.outbox(),
            sent: () => backbone.figures.sent(),
          },
    now,
  });
  const nodeId = randomBytes(8).toString("hex");
  const recorder = new FlightRecorder({
    node: nodeId,
    deliveries: () => gateways.deliveries,
    sockets: (topic) => gateways.socketsOn(topic),
    now,
    wallClock: Date.now,
  });
  const incidents = new Incidents({
    node: nodeId,
    redisAddress: config.redisAddress,
    now,
    wallClock: Date.now,
  });
  const figures = new NodeFigures({
    readiness: () => readReadiness(readinessSources),
    headcount: () => gateways.headcount(),
    threads: () => gateways.loads(),
    probeMs: () => backbone.figures.roundTripMs(),
    closes: () => metrics.closes(),
    refusals: () => gateways.refusals(),
    incidents: () => incidents.list(),
    watchers: () => gateways.watchers(),
    now,
    wallClock: Date.now,
  });
  const events = tee(journal, previousSecret, recorder, incidents, figures, ...metrics.listeners);

  const backbone = makeBackbone({
    config,
    nodeId,
    version,
    deliver: (topic, frame) => gateways.deliver(topic, frame),
    isFull: () => throttle.isFull,
    headcount: () => gateways.headcount(),
    details: () => figures.details(),
    handed: (topic) => gateways.handed(topic),
    events,
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

  const settingsOf = (current: Config): GatewaySettings =>
    gatewaySettings(current, connectionLimit(current, files, logger));
  const gateways = new GatewayPool({
    threads,
    threadEntry: new URL("./gateway/thread.ts", import.meta.url),
    now,
    address: { hostname: wsHost, port: config.wsPort },
    settings: settingsOf(config),
    maxBuffered: config.maxBuffered,
    reusePort: config.reusePort,
    lookup: (topic) => topics.lookup(topic),
    status: async () => JSON.stringify(await readSocketStatus(sources)),
    onEvent: events.socket,
    onLag: events.deliveryMeasured,
    onReport: (thread, { loopDelayMs }) => events.loopDelayed(String(thread), loopDelayMs),
    onFault,
  });

  const throttle = new Throttle({
    limits: config.queue,
    backlogs: () => gateways.backlogs(),
    now,
    defer: (next, ms) => setTimeout(next, ms),
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
    files: () => {
      // Without one left to count with, all are open.
      return files === undefined ? undefined : { open: Math.min(openFiles(), files), limit: files };
    },
    threads: () => gateways.loads(),
    refusedPublishes: () => journal.overloads,
    nodes: () => bus.nodes(),
    redis: backbone.redis,
    node: nodeId,
    previousSecret: () => previousSecret.status(),
  };
  const readinessSources: ReadinessSources = {
    isDraining: () => isDraining,
    threadSilences: () => gateways.silences(),
    redis: backbone.redis,
    probeAgeMs: backbone.probeAgeMs,
    requiresRedis: () => readyRequiresRedis,
  };
  const page = new Console({
    node: nodeId,
    own: (count) => backbone.report(count),
    countTopics: () => backbone.topics.count(),
    incidents: () => incidents.list(),
    figures: () => figures.figures(),
    peers: backbone.peers,
    redis: backbone.redis,
    redisAddress: config.redisAddress,
    subscribers: () => backbone.figures.nodes(),
    registered: () => topics.list(),
    watchers: () => gateways.watchers(),
    trace: backbone.trace,
    isSecret: (text, address) => api.isSecret(text, address),
    onForbidden: events.pageForbidden,
    wallClock: Date.now,
  });
  const guard = files === undefined ? undefined : descriptorGuard(files, gateways, events, now);
  const api = new ApiServer({
    hostname: internalHost,
    port: config.internalPort,
    secrets,
    reusePort: config.reusePort,
    live: page.live,
    now,
    ports: {
      topics,
      bus,
      sockets: (topic) => gateways.socketsOn(topic),
      node: nodeId,
      room: (units) => throttle.enter(units),
      status: (withLists) => readStatus(sources, withLists),
      cluster: async () => ({
        node: nodeId,
        redis: backbone.redis(),
        // Who watches what is for the operator's page, and long.
        nodes: (await backbone.reports()).map(({ watchers: _, ...report }) => report),
      }),
      recent: (query) => recorder.recent(query),
      test: (topic, publish) => page.test(topic, publish),
      page: (file) => page.file(file),
      drain: onDrain,
      isDraining: () => isDraining,
      readiness: () => readReadiness(readinessSources),
      metrics,
      events,
    },
  });

  // Takes the files that are kept back.
  guard?.look();
  let looking: NodeJS.Timeout | undefined;
  const watchFiles = (): void => {
    looking = guard === undefined ? undefined : setTimeout(watchFiles, guard.look());
  };
  // Before anybody is let in: whoever comes first should find the topics that are in Redis.
  await backbone.start();
  await listening("ws", wsHost, config.wsPort, gateways.start());
  const loopDelay = new LoopDelay({ now, wait: setTimeout });
  const measure = (): void => {
    gateways.tick(readReadiness(readinessSources));
    recorder.tick();
    events.loopDelayed(MAIN_THREAD, loopDelay.take());
    incidents.threadSilence(gateways.silences().some((ms) => ms > THREAD_SILENCE_MS));
    figures.tick();
    page.tick();
  };
  measure();
  const measuring = setInterval(measure, MEASURE_INTERVAL_MS);
  await listening("internal", internalHost, config.internalPort, api.listen());
  watchFiles();
  incidents.started(version);

  return {
    reload(changed) {
      ({ drainTime, readyRequiresRedis } = changed);
      throttle.reconfigure(changed.queue);
      const former = secrets;
      secrets = secretsOf(changed);
      previousSecret.watch(secrets.previous);
      api.reconfigure(secrets);
      if (secrets.current !== former.current || secrets.previous !== former.previous) {
        page.reauthenticate();
      }
      gateways.reconfigure(settingsOf(changed));
      backbone.reconfigure(changed);
    },
    async stop() {
      clearTimeout(looking);
      isDraining = true;
      gateways.stopListening();
      await guard?.stop();
      const spreadMs = await spread(drainTime, backbone);
      if (spreadMs !== undefined) {
        events.draining(spreadMs, gateways.headcount().sockets);
        backbone.announce();
        await gateways.drain(spreadMs);
      }
      const patience = PATIENCE[spreadMs === undefined ? "alone" : "replaced"];
      const abort = setTimeout(() => api.abort(), patience.api);
      page.close();
      await api.close();
      clearTimeout(abort);
      clearInterval(measuring);
      // After the last request, so that what was answered 200 reaches the sockets first.
      await gateways.close(patience.sockets);
      await backbone.stop();
    },
  };
}

/** Over which time browsers are sent away, in milliseconds; `undefined` for all at once. */
async function spread(
  drainTime: Config["drainTime"],
  backbone: Backbone,
): Promise<number | undefined> {
  if (drainTime !== "auto") {
    return drainTime * 1000;
  }
  return (await backbone.hasOthers()) ? AUTO_SPREAD_MS : undefined;
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
  events: WorkerEvents,
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
  const previous = config.workerSecretPrevious.reveal();
  return {
    current: config.workerSecret.reveal(),
    previous: previous === "" ? undefined : previous,
  };
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
