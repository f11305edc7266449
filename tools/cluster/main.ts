/**
 * `make cluster`: a real cluster on this machine (Redis, three workers, nginx with the file of the
 * documentation), and what arrives where, until Ctrl-C. Leaves nothing behind.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { callApi } from "./api.ts";
import type { Child } from "./child.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { describe } from "./describe.ts";
import { LOOPBACK } from "./places.ts";
import { eventLine, makePaint, type Paint, payloadText, say } from "./screen.ts";
import { waitUntil } from "./wait.ts";
import { Watcher } from "./watcher.ts";

const TOPIC = "demo";

/** How long the four sockets may take to be subscribed, in milliseconds. */
const SUBSCRIBE_DEADLINE_MS = 10_000;

/** A place where events are watched. */
interface Place {
  readonly name: string;
  readonly endpoint: string;
  readonly ca?: string;
}

function placesOf({ nodes, ports, ca }: Cluster): readonly Place[] {
  const direct = nodes.map((node) => ({
    name: node.name,
    endpoint: `ws://${LOOPBACK}:${node.ports.ws}/ws`,
  }));
  return [
    ...direct,
    { name: "nginx", endpoint: `wss://${LOOPBACK}:${ports.secure}/worker/ws`, ca },
  ];
}

/** Subscribes at every place, and says what happens there until the scope ends. */
async function watch(
  cluster: Cluster,
  paint: Paint,
  scope: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<void> {
  let subscribed = 0;
  const places = placesOf(cluster);
  for (const { name, ...place } of places) {
    const tell = (what: string): void => say(eventLine(paint, new Date(), name, what));
    scope.use(
      new Watcher({
        ...place,
        topic: TOPIC,
        secret: cluster.secret,
        onSubscribed: () => {
          subscribed += 1;
          tell(paint("faint", `listening to "${TOPIC}"`));
        },
        onPayload: (payload) => tell(paint("event", payloadText(payload))),
        onLost: (code) => tell(paint("trouble", `connection lost (${code}), trying again`)),
      }),
    );
  }
  const areAll = async (): Promise<boolean> => subscribed >= places.length;
  await waitUntil(areAll, "every socket to be subscribed", SUBSCRIBE_DEADLINE_MS, signal);
}

/** Says when one of the servers ends before the rest does. */
function watchChildren(children: readonly Child[], paint: Paint, signal: AbortSignal): void {
  for (const child of children) {
    void child.ended().then(() => {
      if (!signal.aborted) {
        const what = paint("trouble", `has ended (${child.end})`);
        say(eventLine(paint, new Date(), child.name, what));
      }
    });
  }
}

async function call(cluster: Cluster, path: string, body: object): Promise<void> {
  const port = cluster.nodes[0]?.ports.internal ?? cluster.ports.virtual;
  const answer = await callApi(port, cluster.secret, path, JSON.stringify(body));
  if (answer.status !== 200) {
    throw new Error(`${path} answered ${answer.status} ${answer.text}`);
  }
}

async function run(paint: Paint, scope: AsyncDisposableStack, signal: AbortSignal): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "wavelog-cluster-"));
  scope.defer(() => rmSync(directory, { recursive: true, force: true }));
  say("starting Redis, three workers and nginx …");
  const cluster = await startCluster(directory, scope, signal);
  say(describe(cluster, TOPIC, paint));

  const children = [cluster.redis, ...cluster.nodes.map(({ child }) => child), cluster.nginx];
  watchChildren(children, paint, signal);
  await call(cluster, "/internal/register", { topic: TOPIC, meta: { require_token: true } });
  await watch(cluster, paint, scope, signal);
  await call(cluster, "/internal/publish", { topic: TOPIC, payload: { first: "from node 1" } });

  const interrupted = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => interrupted.resolve(), { once: true });
  await interrupted.promise;
}

const paint = makePaint(process.stdout.isTTY === true, Bun.env["NO_COLOR"]);
const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => ending.abort());
}
// A reader that has gone (`make cluster | head`) is no reason to leave servers behind.
process.stdout.on("error", () => ending.abort());

const scope = new AsyncDisposableStack();
let status = 0;
try {
  await run(paint, scope, ending.signal);
} catch (fault) {
  if (!ending.signal.aborted) {
    process.stderr.write(`cluster: ${fault instanceof Error ? fault.message : String(fault)}\n`);
    status = 1;
  }
}
ending.abort();
await scope.disposeAsync();
say(status === 0 ? "stopped; nothing is left running" : "stopped");
process.exit(status);
