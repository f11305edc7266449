import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificate } from "./certificate.ts";
import type { Child } from "./child.ts";
import { startNginx } from "./nginx.ts";
import { type ClusterNode, startNode } from "./node.ts";
import { type ClusterPorts, findPorts } from "./ports.ts";
import { startRedis } from "./redis.ts";

/** As many workers as the files of `deploy/` show. */
const NODES = 3;

/** As long as `wavelog_worker secret` makes them. */
const SECRET_BYTES = 32;

/** For its owner's eyes only. */
const SECRET_MODE = 0o600;

/** A cluster that runs. */
export interface Cluster {
  readonly ports: ClusterPorts;
  readonly secret: string;
  /** For `curl -H @FILE`, so that the secret is in no list of processes. */
  readonly headerFile: string;
  /** PEM text of nginx's certificate. */
  readonly ca: string;
  readonly redis: Child;
  readonly nodes: readonly ClusterNode[];
  readonly nginx: Child;
}

/**
 * Starts Redis, three workers and nginx, all in one directory.
 *
 * @param scope Gets everything that must be stopped, in the order of the start.
 * @throws the signal's reason when that aborts; nothing is started after it.
 */
export async function startCluster(
  directory: string,
  scope: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Cluster> {
  const ports = findPorts(NODES);
  const secret = randomBytes(SECRET_BYTES).toString("hex");
  const headerFile = join(directory, "secret-header");
  writeFileSync(headerFile, `X-Worker-Secret: ${secret}\n`, { mode: SECRET_MODE });
  const certificate = await makeCertificate(directory);

  const redis = scope.use(await startRedis(directory, ports.redis, signal));
  const nodes: ClusterNode[] = [];
  for (const [index, nodePorts] of ports.nodes.entries()) {
    const node = await startNode(
      { directory, number: index + 1, ports: nodePorts, secret, redisPort: ports.redis },
      signal,
    );
    scope.use(node.child);
    nodes.push(node);
  }
  const { secure, virtual } = ports;
  const nginxOptions = { directory, nodes: ports.nodes, secure, virtual, certificate };
  const nginx = scope.use(await startNginx(nginxOptions, signal));
  return { ports, secret, headerFile, ca: certificate.pem, redis, nodes, nginx };
}
