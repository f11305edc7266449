import { join } from "node:path";
import { signToken } from "../../src/protocol/token.ts";
import { waitUntil } from "../cluster/wait.ts";
import { aborted } from "./aborted.ts";
import { Helper } from "./helper.ts";
import { areTogether, makeSecret } from "./scene.ts";
import { type End, type Fault, NODE_NAMES, type NodeName } from "./script.ts";
import type { Stage } from "./stage.ts";
import type { StrangersOrder, StrangersReport } from "./strangers.ts";

/** How long everybody may take to be back after a fault, in milliseconds; longer is a fault itself. */
const BACK_DEADLINE_MS = 30_000;

/** How long the readers may take to be let in, in milliseconds: their worker may be restarting. */
const READY_DEADLINE_MS = 20_000;

/** Large events for stalled readers: far more than the kernel and the worker keep for one. */
const LARGE = { bytes: 65_536, count: 120, everyMs: 50 };

/** How long the readers stall, in milliseconds: until all of them are published, and a little. */
const STALL_MS = LARGE.count * LARGE.everyMs + 2000;

const TOKEN_SECONDS = 3600;

/**
 * Brings a fault about, and waits until nothing is to be seen of it any more.
 *
 * @returns What was seen, in words; nothing when the browsers tell it all.
 */
export async function bringAbout(fault: Fault, stage: Stage): Promise<string> {
  switch (fault.kind) {
    case "restart":
      for (const node of fault.order) {
        await endNode(node, "SIGTERM", stage);
      }
      return "";
    case "kill":
      await endNode(fault.node, "SIGKILL", stage);
      return "";
    case "freeze":
      return await outage(stage, async ({ redis }) => {
        redis.freeze();
        await Bun.sleep(fault.forMs);
        redis.thaw();
      });
    case "empty":
      return await outage(stage, async ({ redis }, signal) => {
        await redis.end(fault.by);
        await Bun.sleep(fault.awayMs);
        await redis.startEmpty(signal);
      });
    case "rotate":
      await rotate(fault.restarts, fault.reloadMs, stage);
      return "";
    case "single":
      return await endSingle(fault.by, stage);
    case "garbage":
      return await strangers(
        {
          ...{ do: "garbage", forMs: fault.forMs, seed: fault.seed, topic: stage.largeTopic },
          ports: [...NODE_NAMES.map((name) => stage.scene.nodes[name]), stage.scene.single].flatMap(
            ({ ports }) => [
              { port: ports.ws, side: "ws" } as const,
              { port: ports.internal, side: "internal" } as const,
            ],
          ),
        },
        stage,
      );
    case "silent":
      return await strangers(
        {
          ...{ do: "silence", sockets: fault.sockets, topic: stage.largeTopic },
          port: stage.scene.nodes[fault.node].ports.ws,
        },
        stage,
      );
    case "stall":
      return await stallReaders(fault.readers, fault.node, stage);
  }
}

/** Ends a worker; waits until its successor has joined, and every browser is back. */
async function endNode(name: NodeName, how: End, stage: Stage): Promise<void> {
  const { scene, browsers, signal } = stage;
  await scene.nodes[name].process.end(how);
  await areTogether(scene.nodes, signal);
  await browsers.areLive(signal, BACK_DEADLINE_MS);
}

/** Takes Redis away and back; waits until the workers have found each other again. */
async function outage(
  { scene, outages, signal }: Stage,
  takeAway: (scene: Stage["scene"], signal: AbortSignal) => Promise<void>,
): Promise<string> {
  const from = Date.now();
  const entry: Stage["outages"][number] = { from, to: undefined };
  outages.push(entry);
  await takeAway(scene, signal);
  const back = performance.now();
  await areTogether(scene.nodes, signal);
  entry.to = Date.now();
  return `workers together again after ${((performance.now() - back) / 1000).toFixed(1)} s`;
}

/**
 * A new secret without a gap. In the order of the documentation: every worker learns the new one beside
 * the old; PHP takes the new one; once no browser has a token of the old one any more (here: every page
 * has been loaded anew), the workers forget the old one. In between a worker restarts, so that browsers
 * come back with old tokens.
 */
async function rotate(restarts: NodeName, reloadMs: number, stage: Stage): Promise<void> {
  const { scene, browsers, phps, signal } = stage;
  const nodes = NODE_NAMES.map((name) => scene.nodes[name]);
  const old = scene.secret;
  const secret = makeSecret();
  for (const node of nodes) {
    await node.reload(secret, old, signal);
  }
  scene.secret = secret;
  phps[0].setSecret(secret);
  phps[1].setSecret(secret);
  browsers.setSecret(secret);
  await endNode(restarts, "SIGTERM", stage);
  await browsers.reload(reloadMs, signal);
  for (const node of nodes) {
    await node.reload(secret, undefined, signal);
    const isForgotten = async (): Promise<boolean> =>
      (await node.call(old, "/internal/status")).status === 403;
    await waitUntil(isForgotten, `${node.name} to forget the old secret`, BACK_DEADLINE_MS, signal);
  }
}

async function endSingle(how: End, stage: Stage): Promise<string> {
  const { scene, singleBrowsers, aways, signal } = stage;
  const from = Date.now();
  await scene.single.process.end(how);
  await scene.single.becomes(() => true, "serve", signal);
  const to = Date.now();
  aways.push({ from, to });
  await singleBrowsers.areLive(signal, BACK_DEADLINE_MS);
  return `away for ${to - from} ms`;
}

/** Readers that stop reading while PHP publishes large events to their topic. */
async function stallReaders(readers: number, name: NodeName, stage: Stage): Promise<string> {
  const { scene, phps, largeTopic } = stage;
  const expires = Math.floor(Date.now() / 1000) + TOKEN_SECONDS;
  const claims = { userId: 0, topic: largeTopic, expires };
  const tokens = Array.from({ length: readers }, () => signToken(claims, scene.secret));
  const { ws: port } = scene.nodes[name].ports;
  return await strangers(
    { do: "stall", port, topic: largeTopic, tokens, forMs: STALL_MS },
    stage,
    () => phps[0].burst({ topic: largeTopic, ...LARGE }),
  );
}

/** Has strangers do something in a process of their own, and waits until it is over. */
async function strangers(
  order: StrangersOrder,
  { signal, onFault }: Stage,
  onReady?: () => void,
): Promise<string> {
  let isReady = false;
  let seen: string | undefined;
  await using helper = new Helper<StrangersReport>({
    name: "strangers",
    command: [process.execPath, join(import.meta.dir, "strangers.ts")],
    order,
    onReport: (report) => {
      isReady ||= report.isReady === true;
      seen = report.seen ?? seen;
    },
    onFault,
  });
  if (onReady !== undefined) {
    await waitUntil(async () => isReady, "the readers to be let in", READY_DEADLINE_MS, signal);
    onReady();
  }
  await Promise.race([helper.done(), aborted(signal)]);
  return seen ?? "ended without a word";
}
