import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Contender, Launch, Place } from "./contender.ts";
import { nchanConf, secureLinkToken } from "./nginx-conf.ts";
import { run } from "./run.ts";

/** Where Debian has it. */
const MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so";
/** nginx may not be on a user's path. */
const NGINX = "/usr/sbin/nginx";
/** Only the owner may read a file with a secret in it. */
const CONFIG_MODE = 0o600;
const MS_PER_SECOND = 1000;
/** As all tokens of the bench. */
const TOKEN_SECONDS = 86_400;

async function version(): Promise<string> {
  const nginx = /nginx\/(\S+)/.exec(await run([NGINX, "-v"]))?.[1] ?? "?";
  const [, nchan = "?"] = (await run(["dpkg-query", "-W", "libnginx-mod-nchan"])).split("\t");
  return `nginx ${nginx}, nchan ${nchan}`;
}

async function launch(place: Place): Promise<Launch> {
  const { wsPort, httpPort, secret, directory, redisUrl } = place;
  const file = join(directory, "nginx.conf");
  const conf = nchanConf({
    module: MODULE,
    directory,
    wsPort,
    httpPort,
    secret,
    openFiles: place.setup.openFiles,
    user: process.getuid?.() === 0 ? "root" : undefined,
    redisUrl,
  });
  await writeFile(file, conf, { mode: CONFIG_MODE });
  return {
    command: [NGINX, "-p", directory, "-c", file, "-e", "stderr"],
    version: await version(),
    wsPort,
    httpPort,
    dialect: {
      subscribe: "/ws?topic={topic}&token={token}",
      talk: [],
      push: { prefix: '{"type":"push","payload":', suffix: "}" },
      publish: {
        path: "/publish?topic={topic}",
        headers: [`X-Worker-Secret: ${secret}`],
        prefix: '{"type":"push","payload":',
        suffix: "}",
        escaped: false,
      },
    },
    token: (topic) => {
      const expires = Math.floor(Date.now() / MS_PER_SECOND) + TOKEN_SECONDS;
      return secureLinkToken(secret, topic, expires);
    },
    probe: { path: "/status", headers: [] },
  };
}

/** The nchan module of nginx, in C. */
export const nchan: Contender = {
  name: "nchan",
  title: "nginx + nchan",
  settings:
    "one process per core, reuseport, no access log, first message newest, messages stored in " +
    "memory (its README: none stored may mean some missed); Redis nostore with fastpublish; " +
    "tokens by secure_link; backlog 4096",
  cannotCluster: undefined,
  missing: async () => {
    const there = (await Bun.file(MODULE).exists()) && (await Bun.file(NGINX).exists());
    return there ? undefined : "not installed: apt-get install nginx libnginx-mod-nchan";
  },
  shipped: async () => [NGINX, MODULE],
  launch,
};
