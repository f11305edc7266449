import type { HttpAnswer } from "./http-answer.ts";

/** Web servers and load balancers for which there is a configuration to show. */
export const SERVERS = ["nginx", "Apache", "HAProxy", "Caddy"] as const;

export type Server = (typeof SERVERS)[number];

/** What stands in front of the worker: `none` when the worker's own port was asked. */
export type Front = Server | "unknown" | "none";

/** What has to be right in its configuration. */
export type Topic = "route" | "upgrade" | "timeout";

/** Where the worker is to be seen, and where it is. */
export interface Place {
  /** Without a slash at its end: `/worker`, or "". */
  readonly prefix: string;
  /** Host and port of the worker, as the web server reaches it. */
  readonly worker: string;
}

/** The web server that an answer comes from, or came through. */
export function serverOf({ headers, body }: HttpAnswer): Server | undefined {
  const named = headers.get("server") ?? "";
  if (/nginx|openresty|tengine|angie/i.test(named)) {
    return "nginx";
  }
  if (/apache/i.test(named)) {
    return "Apache";
  }
  if (/caddy/i.test(named) || /caddy/i.test(headers.get("via") ?? "")) {
    return "Caddy";
  }
  // It names itself nowhere; its own pages are like this, and everybody leaves them so.
  return named === "" && /^<html><body><h1>\d{3} [\w ]+<\/h1>\n/.test(body) ? "HAProxy" : undefined;
}

/** How to mend a topic: configuration of the server that is there, or the essence of each. */
export function advice(front: Front, topic: Topic, place: Place): readonly string[] {
  switch (front) {
    case "none":
      return [];
    case "unknown":
      return [
        "by web server:",
        ...SERVERS.map((server) => `  ${server}: ${ESSENCE[server](place)[topic]}`),
      ];
    default:
      return [`in ${front}:`, ...configuration(front, place).map((line) => `  ${line}`)];
  }
}

/**
 * Configuration that passes WebSockets of one address on to one worker. For HAProxy the backend alone:
 * what leads to it is in the line above it, as a comment.
 */
export function configuration(server: Server, { prefix, worker }: Place): readonly string[] {
  switch (server) {
    case "nginx":
      return [
        `location ${prefix}/ {`,
        `    proxy_pass http://${worker}/;${prefix === "" ? "" : `    # the slash at the end strips ${prefix}`}`,
        "    proxy_http_version 1.1;",
        "    proxy_set_header Upgrade $http_upgrade;",
        '    proxy_set_header Connection "upgrade";',
        "    proxy_set_header Host $host;",
        "    proxy_set_header X-Forwarded-For $remote_addr;",
        "    proxy_read_timeout 3600s;",
        "    proxy_send_timeout 3600s;",
        "}",
      ];
    case "Apache":
      return [
        "# once: a2enmod proxy proxy_http proxy_wstunnel; needs 2.4.47 or newer",
        `ProxyPass "${prefix}/" "http://${worker}/" upgrade=websocket timeout=3600`,
      ];
    case "HAProxy":
      return [
        prefix === ""
          ? "# in the frontend: default_backend wavelog_worker"
          : `# in the frontend: use_backend wavelog_worker if { path_beg ${prefix}/ }`,
        "backend wavelog_worker",
        ...(prefix === ""
          ? []
          : [`    http-request replace-path ^${escapePattern(prefix)}/(.*) /\\1`]),
        "    timeout tunnel 3600s",
        `    server worker ${worker}`,
      ];
    case "Caddy":
      return prefix === ""
        ? [`reverse_proxy ${worker}`]
        : [`handle_path ${prefix}/* {`, `\treverse_proxy ${worker}`, "}"];
  }
}

/** One line for each topic. */
const ESSENCE: Readonly<Record<Server, (place: Place) => Readonly<Record<Topic, string>>>> = {
  nginx: ({ prefix, worker }) => ({
    route: `location ${prefix}/ { proxy_pass http://${worker}/; … }, with the slashes at both ends`,
    upgrade:
      'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";',
    timeout: "proxy_read_timeout 3600s; proxy_send_timeout 3600s;",
  }),
  Apache: ({ prefix, worker }) => ({
    route: `ProxyPass "${prefix}/" "http://${worker}/" upgrade=websocket timeout=3600`,
    upgrade: "upgrade=websocket at the end of the ProxyPass line, and a2enmod proxy_wstunnel",
    timeout: "timeout=3600 at the end of the ProxyPass line",
  }),
  HAProxy: ({ prefix, worker }) => ({
    route: `http-request replace-path ^${escapePattern(prefix)}/(.*) /\\1, and server worker ${worker}`,
    upgrade: "mode http, and nothing that deletes the headers Upgrade and Connection",
    timeout: "timeout tunnel 3600s",
  }),
  Caddy: ({ prefix, worker }) => ({
    route: `handle_path ${prefix}/* { reverse_proxy ${worker} }`,
    upgrade: "reverse_proxy alone does it; no header_up for Upgrade or Connection",
    timeout: "no stream_timeout in reverse_proxy",
  }),
};

function escapePattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
