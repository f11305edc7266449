/**
 * People who mean no good, or whose machine is stuck: one fault of the chaos script, in a process of
 * its own, so that they do not slow down the browsers. See {@link StrangersOrder}.
 */
import { connect, type Socket } from "node:net";
import { topicTarget, upgradeRequest, WsClient } from "../../test/support/ws-client.ts";
import { LOOPBACK } from "../cluster/places.ts";
import { garbage, type Side, strangerHeader } from "./garbage.ts";
import { report, takeOrders } from "./helper.ts";
import { makeRandom, type Random } from "./random.ts";

/** What they do; the process ends when it is done. */
export type StrangersOrder =
  | {
      readonly do: "garbage";
      readonly forMs: number;
      readonly seed: number;
      readonly ports: readonly { readonly port: number; readonly side: Side }[];
      readonly topic: string;
    }
  | {
      readonly do: "silence";
      readonly sockets: number;
      readonly port: number;
      readonly topic: string;
    }
  | {
      readonly do: "stall";
      readonly port: number;
      readonly topic: string;
      readonly tokens: readonly string[];
      readonly forMs: number;
    };

/** What came of it, in words. */
export interface StrangersReport {
  /** They have begun: for what must come after. */
  readonly isReady?: true;
  readonly seen?: string;
}

/** Connections with garbage at a time: a flood, but not one that leaves no processor to the browsers. */
const LANES = 12;

/** Longest wait before a stranger goes on to the next connection, in milliseconds. */
const HOLD_MS = 40;

/** Silent sockets that are opened in one go, and the pause after them, in milliseconds. */
const SILENT_AT_ONCE = 50;
const SILENT_PAUSE_MS = 40;

/** How long they are silent, in milliseconds: the worker closes after 10 s. */
const SILENCE_MS = 10_500;

/** Longer than the restart of a worker, and the pause between two attempts, in milliseconds. */
const LET_IN_DEADLINE_MS = 15_000;
const LET_IN_PAUSE_MS = 200;

/** A connection that counts what becomes of it and bears everything. */
function open(port: number, onEnd: () => void = () => undefined): Socket {
  const socket = connect({ host: LOOPBACK, port });
  socket.on("error", () => undefined);
  socket.on("data", () => undefined);
  socket.on("close", onEnd);
  return socket;
}

async function flood(order: StrangersOrder & { do: "garbage" }): Promise<string> {
  const end = performance.now() + order.forMs;
  let connections = 0;
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const random = makeRandom(order.seed, `lane ${lane}`);
    while (performance.now() < end) {
      await talk(random, order);
      connections += 1;
    }
  });
  await Promise.all(lanes);
  return `${connections} connections`;
}

async function talk(random: Random, { ports, topic }: StrangersOrder & { do: "garbage" }) {
  const target = ports[random.whole(0, ports.length - 1)];
  if (target === undefined) {
    return;
  }
  const socket = open(target.port);
  for (const piece of garbage(random, target.side, topic)) {
    socket.write(piece);
    await Bun.sleep(random.whole(0, HOLD_MS / 2));
  }
  await Bun.sleep(random.whole(0, HOLD_MS));
  if (random.whole(0, 1) === 0) {
    socket.resetAndDestroy();
  } else {
    socket.destroy();
  }
}

/**
 * A third says nothing at all, a third stops in the middle of its request, a third after the upgrade. All
 * from one address, so that many are more than one may have.
 */
async function beSilent({ sockets, port, topic }: StrangersOrder & { do: "silence" }) {
  const header = strangerHeader(makeRandom(sockets, "silence"));
  const request = upgradeRequest(topicTarget(topic), [header]);
  const began = performance.now();
  const opened: Socket[] = [];
  let ended = 0;
  for (let number = 0; number < sockets; number += 1) {
    const socket = open(port, () => {
      ended += 1;
    });
    opened.push(socket);
    const said = [request, request.slice(0, -2), ""][number % 3] ?? "";
    if (said !== "") {
      socket.write(said);
    }
    if (number % SILENT_AT_ONCE === SILENT_AT_ONCE - 1) {
      await Bun.sleep(SILENT_PAUSE_MS);
    }
  }
  const openMs = performance.now() - began;
  await Bun.sleep(SILENCE_MS);
  const seen = `opened in ${(openMs / 1000).toFixed(1)} s, ${ended} ended by the worker`;
  for (const socket of opened) {
    socket.destroy();
  }
  return seen;
}

/** Lets a reader in, also when its worker is just being restarted. */
async function letIn(options: Parameters<typeof WsClient.subscribe>[0]): Promise<WsClient> {
  const end = performance.now() + LET_IN_DEADLINE_MS;
  for (;;) {
    try {
      return await WsClient.subscribe(options);
    } catch (fault) {
      if (performance.now() > end) {
        throw fault;
      }
      await Bun.sleep(LET_IN_PAUSE_MS);
    }
  }
}

async function stall({ port, topic, tokens, forMs }: StrangersOrder & { do: "stall" }) {
  const header = strangerHeader(makeRandom(tokens.length, "stall"));
  const readers = await Promise.all(
    tokens.map((token) => letIn({ port, topic, token, headers: [header] })),
  );
  for (const { tcp } of readers) {
    tcp.pause();
  }
  report({ isReady: true } satisfies StrangersReport);
  await Bun.sleep(forMs);
  let reset = 0;
  for (const reader of readers) {
    // What the kernel holds is not read: whether the worker is still there is seen by writing.
    reader.sendText("{}");
    await Bun.sleep(10);
    reader.sendText("{}");
    reset += reader.tcp.isEnded ? 1 : 0;
    reader.reset();
  }
  return `${reset} of ${readers.length} closed by the worker`;
}

async function act(order: StrangersOrder): Promise<string> {
  switch (order.do) {
    case "garbage":
      return await flood(order);
    case "silence":
      return await beSilent(order);
    case "stall":
      return await stall(order);
  }
}

await takeOrders<StrangersOrder>((order) => {
  void act(order).then((seen) => {
    report({ seen } satisfies StrangersReport);
    process.stdout.write("", () => process.exit(0));
  });
});
