import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adapt, type Replacement, workerReplacements } from "./adapt.ts";
import type { Certificate } from "./certificate.ts";
import { Child } from "./child.ts";
import { deployFile, LOOPBACK } from "./places.ts";
import type { NodePorts } from "./ports.ts";
import { accepts, waitUntil } from "./wait.ts";

/** Longer than nginx takes on any machine, in milliseconds. */
const START_DEADLINE_MS = 10_000;

/** Where nginx listens and what is behind it. */
export interface NginxOptions {
  readonly directory: string;
  readonly nodes: readonly NodePorts[];
  readonly secure: number;
  readonly virtual: number;
  readonly certificate: Certificate;
  /** Other values for this machine. */
  readonly replacements?: readonly Replacement[];
  /** Sockets of browsers take two each. */
  readonly connections?: number;
}

/** What nginx takes unless something else is said. */
const CONNECTIONS = 1024;

/**
 * Starts nginx with `deploy/nginx.conf`, as a program of this user's that keeps all it writes in the
 * directory. The system's own nginx, if there is one, is not touched.
 */
export async function startNginx(options: NginxOptions, signal: AbortSignal): Promise<Child> {
  signal.throwIfAborted();
  const { directory, secure, virtual } = options;
  const command = nginxCommand(directory, nginxFile(options), options.connections);
  const nginx = new Child({ name: "nginx", command, log: join(directory, "nginx.log") });
  const listens = async (): Promise<boolean> => {
    nginx.assertRunning();
    return (await accepts(secure)) && (await accepts(virtual));
  };
  try {
    await waitUntil(listens, "nginx to listen", START_DEADLINE_MS, signal);
    return nginx;
  } catch (fault) {
    await nginx[Symbol.asyncDispose]();
    throw fault;
  }
}

/** `deploy/nginx.conf` for this machine. */
export function nginxFile(options: NginxOptions): string {
  const { nodes, secure, virtual, certificate, replacements = [] } = options;
  return adapt(readFileSync(deployFile("nginx.conf"), "utf8"), [
    ...workerReplacements(nodes),
    ["listen 443 ssl", `listen ${LOOPBACK}:${secure} ssl`],
    ["listen 127.0.0.1:9001", `listen ${LOOPBACK}:${virtual}`],
    ["log.example.org;", "localhost;"],
    ["/etc/ssl/wavelog.crt", certificate.certFile],
    ["/etc/ssl/wavelog.key", certificate.keyFile],
    ...replacements,
  ]);
}

/** Replaces the names of the containers in `deploy/compose.nginx.conf`, and its ports. */
export function composeReplacements(
  nodes: readonly NodePorts[],
  ws: number,
  internal: number,
): Replacement[] {
  const containers = nodes.flatMap((node, index): Replacement[] => [
    [`worker${index + 1}:9000`, `${LOOPBACK}:${node.ws}`],
    [`worker${index + 1}:9001`, `${LOOPBACK}:${node.internal}`],
  ]);
  return [
    ...containers,
    ["listen 9000;", `listen ${LOOPBACK}:${ws};`],
    ["listen 9001;", `listen ${LOOPBACK}:${internal};`],
  ];
}

/**
 * The command that runs nginx with a file for its `http` block, in the foreground.
 *
 * @param http What Debian's main file would include from `conf.d`.
 */
export function nginxCommand(
  directory: string,
  http: string,
  connections: number = CONNECTIONS,
): readonly string[] {
  const main = join(directory, "nginx-main.conf");
  writeFileSync(join(directory, "wavelog-worker.conf"), http);
  writeFileSync(main, mainFile(directory, connections));
  return ["nginx", "-p", directory, "-e", "stderr", "-c", main];
}

/** What Debian's own main file says, with nothing outside of the directory. */
function mainFile(directory: string, connections: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `    ${kind}_temp_path ${directory}/nginx-${kind};\n`)
    .join("");
  // Started by root, nginx would become somebody who may not read the directory.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  return `${user}daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr warn;
events {
    worker_connections ${connections};
}
http {
    access_log off;
${temporary}    include ${directory}/wavelog-worker.conf;
}
`;
}
