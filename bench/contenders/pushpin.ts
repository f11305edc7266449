import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Contender, Launch, Place } from "./contender.ts";
import { PEERS } from "./node.ts";
import { pushpinConf, pushpinRoutes } from "./pushpin-conf.ts";
import { run } from "./run.ts";
import { workerToken } from "./worker-api.ts";

/** What its package brings. */
const PROGRAMS = ["pushpin", "pushpin-proxy", "pushpin-handler", "condure", "zurl"];
const LIBRARY = "/usr/lib/pushpin";
/** For the largest scenario, 18,000 sockets, and what comes and goes beside them. */
const MAX_CONNECTIONS = 20_000;
const SERVING_MS = 10_000;
const LOOK_PAUSE_MS = 20;
/** Only the owner may read a file with a secret in it. */
const SETTINGS_MODE = 0o600;

function programs(): (string | null)[] {
  return PROGRAMS.map((program) => Bun.which(program));
}

/**
 * Its ports take connections before its processes have found each other. Asks through the whole
 * chain until the application has answered. Throws when that takes 10 s.
 */
async function untilServing(wsPort: number): Promise<void> {
  const deadline = Date.now() + SERVING_MS;
  while (Date.now() < deadline) {
    const answer = await fetch(`http://127.0.0.1:${wsPort}/`, {
      signal: AbortSignal.timeout(SERVING_MS),
    }).catch(() => undefined);
    if (answer?.status === 200) return;
    await Bun.sleep(LOOK_PAUSE_MS);
  }
  throw new Error("the application behind Pushpin cannot be reached through it");
}

async function launch(place: Place): Promise<Launch> {
  const { wsPort, httpPort, secret, directory } = place;
  const node = Bun.which("node");
  const program = Bun.which("pushpin");
  if (node === null || program === null) throw new Error("node or pushpin is not installed");
  const [originPort = 0, pull = 0, sub = 0, command = 0] = await place.morePorts(4);
  const config = join(directory, "pushpin.conf");
  const settings = join(directory, "origin.json");
  const conf = pushpinConf({
    directory,
    wsPort,
    httpPort,
    zmqPorts: [pull, sub, command],
    maxConnections: MAX_CONNECTIONS,
  });
  await writeFile(config, conf);
  await writeFile(join(directory, "routes"), pushpinRoutes(originPort));
  await writeFile(settings, JSON.stringify({ originPort, secret }), { mode: SETTINGS_MODE });
  const origin = join(PEERS, "pushpin-origin.mjs");
  return {
    command: [join(PEERS, "pushpin.sh"), program, config, node, origin, settings],
    environment: { NODE_ENV: "production" },
    version: (await run([program, "--version"])).replace(/^pushpin /, ""),
    wsPort,
    httpPort,
    dialect: {
      subscribe: "/ws?topic={topic}&token={token}",
      talk: [{ await: "ready" }],
      push: { prefix: '{"type":"push","payload":', suffix: "}" },
      publish: {
        path: "/publish/",
        headers: ["Content-Type: application/json"],
        prefix:
          '{"items":[{"channel":"{topic}","formats":{"ws-message":' +
          '{"content":"{\\"type\\":\\"push\\",\\"payload\\":',
        suffix: '}"}}}]}',
        escaped: true,
      },
    },
    token: workerToken(secret),
    prepare: () => untilServing(wsPort),
    probe: { path: "/", headers: [] },
  };
}

/** A proxy that holds the sockets for an application which speaks HTTP alone. */
export const pushpin: Contender = {
  name: "pushpin",
  title: "Pushpin",
  settings:
    "WebSocket over HTTP, tokens checked by an application on Node; client_buffer_size 4096, " +
    "client_maxconn 20,000, stats_connection_ttl 600 (its guide to a million connections), " +
    "message_rate 36,000, message_hwm out of the way, 32 zurl_out_specs so that requests wait instead " +
    "of being refused, log_level 1; its publish port asks no secret",
  cannotCluster: "it has no Redis; its publisher must post each event to every node",
  missing: async () => {
    if (programs().includes(null)) return "not installed: apt-get install pushpin";
    return Bun.which("node") === null ? "no node: apt-get install nodejs" : undefined;
  },
  // Without Node: in its place the application would be the one that is there anyway.
  shipped: async () => [
    ...programs().filter((program) => program !== null),
    LIBRARY,
    join(PEERS, "pushpin-origin.mjs"),
    join(PEERS, "token.mjs"),
  ],
  launch,
};
