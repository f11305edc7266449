import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { adapt, workerReplacements } from "../tools/cluster/adapt.ts";
import { nginxCommand } from "../tools/cluster/nginx.ts";
import { deployFile } from "../tools/cluster/places.ts";
import { Child } from "./child.ts";
import type { Launch } from "./contenders/contender.ts";
import { freePorts, waitForPort } from "./ports.ts";
import type { Setup } from "./setup.ts";

/** Longer than nginx takes on any machine. */
const START_MS = 5_000;
const LOOK_PAUSE_MS = 10;
/** nginx may not be on a user's path. */
const SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
/** The balancer's own listeners, files, connections of PHP. */
const OTHER_CONNECTIONS = 500;
/** Under this path deploy/nginx.conf passes on to the workers; it is taken off. */
const PREFIX = "/worker";

/** nginx before several servers. */
export interface Balancer extends AsyncDisposable {
  readonly wsPort: number;
  /** A server's launch as it is reached through the balancer. */
  through(launch: Launch): Launch;
}

let launches = 0;

/**
 * Starts nginx with `deploy/nginx.conf` before exactly as many servers as stand there. It speaks
 * plain HTTP: TLS costs all servers behind it the same. Throws when there is no nginx, and when it
 * does not listen within 5 s.
 */
export async function startBalancer(
  setup: Setup,
  servers: readonly Launch[],
  sockets: number,
): Promise<Balancer> {
  if (Bun.which("nginx", { PATH: SEARCH_PATH }) === null) {
    throw new Error("no nginx: apt-get install nginx");
  }
  const directory = join(setup.directory, `balancer-${++launches}`);
  await mkdir(directory);
  const [wsPort = 0, httpPort = 0] = await freePorts(2);
  const nodes = servers.map((server) => ({ ws: server.wsPort, internal: server.httpPort }));
  const http = adapt(await Bun.file(deployFile("nginx.conf")).text(), [
    ...workerReplacements(nodes),
    ["listen 443 ssl", `listen 127.0.0.1:${wsPort}`],
    ["listen 127.0.0.1:9001", `listen 127.0.0.1:${httpPort}`],
    ["ssl_certificate     /etc/ssl/wavelog.crt;", ""],
    ["ssl_certificate_key /etc/ssl/wavelog.key;", ""],
  ]);
  if (http.includes("server 10.0.0.")) throw new Error("deploy/nginx.conf names more servers");
  const child = new Child({
    name: "nginx",
    // Two connections for each socket: the browser's and the server's.
    command: [
      setup.programs.load,
      "exec",
      ...nginxCommand(directory, http, 2 * sockets + OTHER_CONNECTIONS),
    ],
    environment: { PATH: SEARCH_PATH },
    log: join(directory, "output.log"),
    cleanup: setup.cleanup,
  });
  try {
    const deadline = Date.now() + START_MS;
    await waitForPort(wsPort, deadline, LOOK_PAUSE_MS, () => child.assertRunning());
  } catch (error) {
    await child.abandon();
    throw error;
  }
  return {
    wsPort,
    through: (launch) => ({
      ...launch,
      wsPort,
      httpPort,
      dialect: { ...launch.dialect, subscribe: PREFIX + launch.dialect.subscribe },
    }),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
