import type { Child } from "./child.ts";
import type { Cluster } from "./cluster.ts";
import { LOOPBACK } from "./places.ts";
import type { Paint } from "./screen.ts";

/** What runs where, and what can be tried with it. */
export function describe(cluster: Cluster, topic: string, paint: Paint): string {
  const { nodes, ports, redis, headerFile } = cluster;
  const [first] = nodes;
  const publish = `node_modules/.bin/bun src/main.ts publish --config ${first?.configFile}`;
  const pid = (child: Child): string => paint("faint", `pid ${child.pid}`);
  const rows = [
    ...nodes.map(({ name, ports: { ws, internal }, child }) =>
      row(paint, name, `ws://${LOOPBACK}:${ws}/ws`, `http://${LOOPBACK}:${internal}`, pid(child)),
    ),
    row(
      paint,
      "nginx",
      `wss://${LOOPBACK}:${ports.secure}/worker/ws`,
      `http://${LOOPBACK}:${ports.virtual}`,
      pid(cluster.nginx),
    ),
    row(paint, "Redis", `${LOOPBACK}:${ports.redis}`, "", pid(redis)),
  ];
  return `
  ${paint("title", `${"".padEnd(NAME_WIDTH)}${"for browsers".padEnd(WS_WIDTH)}for PHP`)}

${rows.join("\n")}

${paint("title", "  Publish at node 1, from another terminal in this folder")}

    ${publish} \\
      --topic ${topic} --payload '{"hello":"world"}'

  It arrives four times below: once on each node, once through nginx. With node-2.yaml or node-3.yaml
  it is published there, and arrives the same.

${paint("title", "  See what each node knows of the others")}

    curl -H @${headerFile} http://${LOOPBACK}:${ports.virtual}/internal/cluster

${paint("title", "  Try a fault")}

    ${`kill -STOP ${redis.pid}`.padEnd(COMMAND_WIDTH)}Redis hangs; publish something; kill -CONT ${redis.pid} ends it
    ${`kill -9 ${first?.child.pid}`.padEnd(COMMAND_WIDTH)}node 1 dies; nginx and the address for PHP go on with the others

  Ctrl-C stops everything and removes it.
`;
}

/** Widths of the columns. */
const COMMAND_WIDTH = 20;
const NAME_WIDTH = 9;
const WS_WIDTH = 34;
const HTTP_WIDTH = 25;

function row(paint: Paint, name: string, ws: string, http: string, end: string): string {
  const columns = `${ws.padEnd(WS_WIDTH)}${http.padEnd(HTTP_WIDTH)}${end}`;
  return `  ${paint("name", name.padEnd(NAME_WIDTH))}${columns}`;
}
