import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { callApi } from "../cluster/api.ts";
import { type Certificate, makeCertificate } from "../cluster/certificate.ts";
import type { Child } from "../cluster/child.ts";
import { startNginx } from "../cluster/nginx.ts";
import { redisUrl } from "../cluster/node.ts";
import { LOOPBACK } from "../cluster/places.ts";
import { findPorts, type NodePorts, someBlock } from "../cluster/ports.ts";
import { startRedis } from "../cluster/redis.ts";
import { NODE_NAMES, type NodeName } from "./script.ts";
import { endChild } from "./supervised.ts";
import { Worker, type WorkerStatus, type WorkerTarget } from "./worker.ts";

/** As long as `wavelog_worker secret` makes them. */
const SECRET_BYTES = 32;

/** As clustering.md says: more than twice the number of browsers. */
const NGINX_CONNECTIONS = 4096;

/** What nginx hashes for PHP's address; the constant of `deploy/nginx.conf`, and what takes its place. */
const NGINX_HASH = "hash php consistent";

/** How many other constants are tried until one leads to another worker. */
const HASH_TRIES = 30;

/** Everything that runs and is no client. */
export interface Scene {
  readonly nodes: Readonly<Record<NodeName, Worker>>;
  readonly single: Worker;
  readonly redis: RedisServer;
  /** For the browsers of the cluster: nginx, TLS. */
  readonly endpoint: string;
  /** PEM text of nginx's certificate. */
  readonly ca: string;
  /** For the browsers of the single worker. */
  readonly singleEndpoint: string;
  /** For PHP: the first leads to worker A while that is there, the second to B, the third to the single one. */
  readonly phpUrls: readonly [string, string, string];
  readonly singleSecret: string;
  /** What PHP has as `worker_secret` now. */
  secret: string;
}

/** A new `worker_secret`. */
export function makeSecret(): string {
  return randomBytes(SECRET_BYTES).toString("hex");
}

/** A Redis that is frozen, ended, and started again with nothing in its memory. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #directory: string;
  #child: Child;

  private constructor(directory: string, port: number, child: Child) {
    this.#directory = directory;
    this.port = port;
    this.#child = child;
  }

  static async start(directory: string, port: number, signal: AbortSignal): Promise<RedisServer> {
    return new RedisServer(directory, port, await startRedis(directory, port, signal));
  }

  freeze(): void {
    this.#child.signal("SIGSTOP");
  }

  thaw(): void {
    this.#child.signal("SIGCONT");
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    await endChild(this.#child, signal);
  }

  /** It keeps nothing on disk (`deploy/redis.conf`). */
  async startEmpty(signal: AbortSignal): Promise<void> {
    this.#child = await startRedis(this.#directory, this.port, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}

/** Waits until the workers of the cluster have found each other. */
export async function areTogether(nodes: Scene["nodes"], signal: AbortSignal): Promise<void> {
  const all = Object.values(nodes);
  const isTogether = ({ redis, cluster_nodes }: WorkerStatus): boolean =>
    redis === "up" && cluster_nodes === all.length;
  await Promise.all(all.map((node) => node.becomes(isTogether, "join the others", signal)));
}

/**
 * Starts Redis, three workers behind nginx, a worker of its own without Redis, and a second nginx: that
 * of PHP's second machine, whose hash is of another constant, so that it leads to another worker.
 *
 * @param scope Gets everything that must be stopped.
 */
export async function startScene(
  directory: string,
  target: WorkerTarget,
  scope: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Scene> {
  // Three workers, the single one, and the second nginx.
  const ports = findPorts(NODE_NAMES.length + 2, someBlock());
  const [first, second, third, singlePorts, secondNginx] = ports.nodes;
  if (!first || !second || !third || !singlePorts || !secondNginx) {
    throw new Error("too few ports");
  }
  const clusterPorts = [first, second, third];
  const secret = makeSecret();
  const singleSecret = makeSecret();
  const certificate = await makeCertificate(directory);

  const redis = scope.use(await RedisServer.start(directory, ports.redis, signal));
  const workers = clusterPorts.map((nodePorts, index) =>
    scope.use(
      new Worker({
        ...{ name: `worker ${index + 1}`, directory, ports: nodePorts, secret, target },
        config: { redis_url: redisUrl(ports.redis) },
      }),
    ),
  );
  const single = scope.use(
    new Worker({
      ...{ name: "single worker", directory, ports: singlePorts, secret: singleSecret, target },
      config: { state_file: join(directory, "state.sqlite") },
    }),
  );
  await Promise.all(
    [...workers, single].map((worker) => worker.becomes(() => true, "serve", signal)),
  );

  const base = { nodes: clusterPorts, certificate, connections: NGINX_CONNECTIONS };
  const nginx = { ...base, directory, secure: ports.secure, virtual: ports.virtual };
  scope.use(await startNginx(nginx, signal));
  const atA = await workerBehind(ports.virtual, secret, workers);
  const atB = await startSecondNginx(
    { ...base, directory: join(directory, "php-2"), ports: secondNginx },
    async () => {
      const worker = await workerBehind(secondNginx.internal, secret, workers);
      return worker === atA ? undefined : worker;
    },
    scope,
    signal,
  );
  const atC = workers.find((worker) => worker !== atA && worker !== atB);
  if (atC === undefined) {
    throw new Error("there is no third worker");
  }
  const nodes = { A: atA, B: atB, C: atC };
  await areTogether(nodes, signal);
  return {
    nodes,
    single,
    redis,
    endpoint: `wss://${LOOPBACK}:${ports.secure}/worker/ws`,
    ca: certificate.pem,
    singleEndpoint: `ws://${LOOPBACK}:${singlePorts.ws}/ws`,
    phpUrls: [
      `http://${LOOPBACK}:${ports.virtual}`,
      `http://${LOOPBACK}:${secondNginx.internal}`,
      `http://${LOOPBACK}:${singlePorts.internal}`,
    ],
    singleSecret,
    secret,
  };
}

interface SecondNginx {
  readonly directory: string;
  readonly nodes: readonly NodePorts[];
  readonly ports: NodePorts;
  readonly certificate: Certificate;
  readonly connections: number;
}

/** Starts the second nginx with one constant after the other, until it leads where it is wanted. */
async function startSecondNginx(
  { ports, ...options }: SecondNginx,
  wanted: () => Promise<Worker | undefined>,
  scope: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Worker> {
  mkdirSync(options.directory);
  for (let tries = 2; tries < HASH_TRIES; tries += 1) {
    const nginx = await startNginx(
      {
        ...options,
        secure: ports.ws,
        virtual: ports.internal,
        replacements: [[NGINX_HASH, `hash php${tries} consistent`]],
      },
      signal,
    );
    const worker = await wanted();
    if (worker !== undefined) {
      scope.use(nginx);
      return worker;
    }
    await nginx[Symbol.asyncDispose]();
  }
  throw new Error(`no constant of ${HASH_TRIES} leads nginx to another worker`);
}

/** The worker that an address leads to. */
async function workerBehind(
  port: number,
  secret: string,
  workers: readonly Worker[],
): Promise<Worker> {
  const { text } = await callApi(port, secret, "/internal/status");
  const { node } = JSON.parse(text) as WorkerStatus;
  for (const worker of workers) {
    if ((await worker.status())?.node === node) {
      return worker;
    }
  }
  throw new Error(`port ${port} leads to none of the workers`);
}
