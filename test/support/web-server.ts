import { mkdirSync, writeFileSync } from "node:fs";
import type { Server } from "../../src/cli/doctor/front.ts";
import { Child } from "../../tools/cluster/child.ts";
import { nginxCommand } from "../../tools/cluster/nginx.ts";
import { accepts } from "../../tools/cluster/wait.ts";
import { eventually } from "./changes.ts";
import { freePorts } from "./ports.ts";
import { LOOPBACK } from "./tcp-client.ts";
import { TempDir } from "./temp-dir.ts";

/** Modules of Apache's that a site with a proxied WebSocket has, in Debian's place. */
const APACHE_MODULES = ["mpm_event", "authz_core", "proxy", "proxy_http", "proxy_wstunnel"];

/** A web server that runs with a piece of configuration under test. Gone at the end of its scope. */
export class WebServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: Child;
  readonly #dir: TempDir;

  private constructor(port: number, child: Child, dir: TempDir) {
    this.port = port;
    this.#child = child;
    this.#dir = dir;
  }

  /**
   * Starts one and waits until it listens.
   *
   * @param site What stands where the operator would put it: in nginx's `server`, at Apache's top
   *   level, below the site's name in a Caddyfile; for HAProxy the sections beside the frontend.
   * @param listen Words for nginx's `listen` behind the port, such as `ssl`.
   */
  static async start(kind: Server, site: string, listen: string = ""): Promise<WebServer> {
    const dir = new TempDir();
    const { ws: port } = freePorts();
    const child = new Child({
      name: kind,
      command: COMMANDS[kind]({ dir, port, site, listen }),
      log: dir.file("web-server.log"),
    });
    const server = new WebServer(port, child, dir);
    try {
      await eventually(async () => {
        child.assertRunning();
        return await accepts(port);
      }, `${kind} to listen`);
      return server;
    } catch (fault) {
      await server[Symbol.asyncDispose]();
      throw fault;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    this.#dir[Symbol.dispose]();
  }
}

interface Wanted {
  readonly dir: TempDir;
  readonly port: number;
  readonly site: string;
  readonly listen: string;
}

/** Writes a whole configuration around the piece, and gives the command that runs it. */
const COMMANDS: Readonly<Record<Server, (wanted: Wanted) => readonly string[]>> = {
  nginx: ({ dir, port, site, listen }) =>
    nginxCommand(dir.path, `server {\nlisten ${LOOPBACK}:${port} ${listen};\n${site}\n}\n`),

  Apache: ({ dir, port, site }) => {
    mkdirSync(dir.file("docs"));
    // Started by root, Apache insists on being somebody else.
    const user = process.getuid?.() === 0 ? "User www-data\nGroup www-data\n" : "";
    const text = `ServerRoot ${dir.path}
ServerName localhost
Listen ${LOOPBACK}:${port}
PidFile ${dir.file("apache.pid")}
DefaultRuntimeDir ${dir.path}
ErrorLog /dev/stderr
DocumentRoot ${dir.file("docs")}
${user}${APACHE_MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so\n`).join("")}
${site}
`;
    writeFileSync(dir.file("apache.conf"), text);
    return ["apache2", "-DFOREGROUND", "-f", dir.file("apache.conf")];
  },

  HAProxy: ({ dir, port, site }) => {
    const rule = /in the frontend: (.*)/.exec(site)?.[1] ?? "";
    const text = `global
    maxconn 200
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 500ms
frontend site
    bind ${LOOPBACK}:${port}
    ${rule}
${site}
`;
    writeFileSync(dir.file("haproxy.cfg"), text);
    return ["haproxy", "-db", "-f", dir.file("haproxy.cfg")];
  },

  Caddy: ({ dir, port, site }) => {
    const text = `{\n\tadmin off\n\tauto_https off\n}\nhttp://localhost:${port} {\n${site}\n}\n`;
    writeFileSync(dir.file("Caddyfile"), text);
    return [
      ...["env", `HOME=${dir.path}`, "caddy", "run", "--adapter", "caddyfile"],
      ...["--config", dir.file("Caddyfile")],
    ];
  },
};
