import { expect } from "bun:test";
import { eventually } from "../support/changes.ts";
import { Ledger, report, type Verdict } from "../support/cluster-ledger.ts";
import { hasJoined, LOG, logLines, Nodes } from "../support/cluster-nodes.ts";
import { TcpProxy } from "../support/cluster-proxy.ts";
import { inSync, RedisServer } from "../support/cluster-redis.ts";
import { testBesideOthers } from "../support/cluster-slots.ts";
import { LOOPBACK } from "../support/tcp-client.ts";

const CLIENTS = 3;
const LANES = 3;
const RATE = 10;
const SLOWEST_MS = 500;
const MASTER = "wavelog";

/** How long real sentinels may take to agree, in milliseconds. */
const AGREEMENT_DEADLINE_MS = 40_000;

const SENTINEL_FILE = (master: RedisServer): string =>
  [
    `sentinel monitor ${MASTER} ${LOOPBACK} ${master.port} 2`,
    `sentinel down-after-milliseconds ${MASTER} 1000`,
    `sentinel failover-timeout ${MASTER} 5000`,
    `sentinel parallel-syncs ${MASTER} 1`,
    "",
  ].join("\n");

/** Master, replica, three sentinels, a virtual address, and three nodes that know only that. */
class Sentinels implements AsyncDisposable {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  readonly address: TcpProxy;
  readonly nodes: Nodes;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    parts: AsyncDisposableStack,
    [master, replica]: readonly [RedisServer, RedisServer],
    sentinels: readonly RedisServer[],
    address: TcpProxy,
    nodes: Nodes,
  ) {
    this.#parts = parts;
    this.master = master;
    this.replica = replica;
    this.sentinels = sentinels;
    this.address = address;
    this.nodes = nodes;
  }

  static async start(): Promise<Sentinels> {
    await using parts = new AsyncDisposableStack();
    const master = parts.use(await RedisServer.start());
    const replica = parts.use(
      await RedisServer.start({ args: ["--replicaof", LOOPBACK, String(master.port)] }),
    );
    await inSync(replica);
    const file = SENTINEL_FILE(master);
    const starts = [1, 2, 3].map(() => RedisServer.start({ file, args: ["--sentinel"] }));
    const sentinels = (await Promise.all(starts)).map((sentinel) => parts.use(sentinel));
    for (const sentinel of sentinels) {
      await eventually(async () => {
        const state = String(await sentinel.once("INFO", "sentinel"));
        return /slaves=1,sentinels=3/.test(state);
      }, "the sentinels to know each other and the replica");
    }
    const address = parts.use(new TcpProxy(master.port));
    const nodes = parts.use(await Nodes.start({ redis: address.url }));
    return new Sentinels(parts.move(), [master, replica], sentinels, address, nodes);
  }

  /** Waits until all sentinels name this server. */
  async agreeOn(server: RedisServer): Promise<void> {
    for (const sentinel of this.sentinels) {
      await eventually(
        async () => {
          const answer = await sentinel.once("SENTINEL", "get-master-addr-by-name", MASTER);
          return Array.isArray(answer) && answer[1] === String(server.port);
        },
        "the sentinels to agree on the new master",
        AGREEMENT_DEADLINE_MS,
      );
    }
    await eventually(
      async () => String(await server.once("INFO", "replication")).includes("role:master"),
      "the new master to be one",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

async function busyLedger(nodes: Nodes): Promise<Ledger> {
  const ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  await Promise.all(nodes.all.map((_, number) => ledger.listen(number, CLIENTS)));
  ledger.addLanes(LANES, () => nodes.at(0));
  ledger.addLanes(LANES, () => nodes.at(1));
  ledger.flow(RATE);
  await ledger.moreAccepted(60);
  return ledger;
}

function expectPerfect(what: string, verdict: Verdict): void {
  report(what, verdict);
  const { refused, lost, doubled, disordered, slowestMs } = verdict;
  expect({ refused, lost, doubled, disordered }).toEqual({
    refused: [],
    lost: 0,
    doubled: 0,
    disordered: 0,
  });
  expect(slowestMs).toBeLessThan(SLOWEST_MS);
}

for (const [how, fail] of [
  ["is killed", (master: RedisServer) => master.kill()],
  ["freezes", async (master: RedisServer) => master.freeze()],
] as const) {
  testBesideOthers(`the master ${how}, the sentinels fail over, the address moves`, async () => {
    await using cluster = await Sentinels.start();
    const { master, replica, address, nodes } = cluster;
    using ledger = await busyLedger(nodes);

    const start = performance.now();
    await fail(master);
    await cluster.agreeOn(replica);
    const agreedMs = performance.now() - start;
    address.switchTo(replica.port);
    await Promise.all(nodes.all.map((worker) => hasJoined(worker, 2)));
    await ledger.moreAccepted(60);

    const verdict = await ledger.close();
    expectPerfect(`master ${how}, agreed after ${agreedMs.toFixed(0)} ms`, verdict);
    await nodes.areUp();
  });
}

testBesideOthers(
  "the master steps down on demand, and the address moves a little later",
  async () => {
    await using cluster = await Sentinels.start();
    const { master, replica, sentinels, address, nodes } = cluster;
    using ledger = await busyLedger(nodes);

    await sentinels[0]?.once("SENTINEL", "FAILOVER", MASTER);
    await cluster.agreeOn(replica);
    // What the address still leads to cannot be written to: no node stays there.
    await eventually(
      async () => String(await master.once("INFO", "replication")).includes("role:slave"),
      "the old master to be a replica",
      AGREEMENT_DEADLINE_MS,
    );
    await eventually(
      () => nodes.all.every((worker) => logLines(worker, LOG.lost).length > 0),
      "every node to have left the replica",
    );
    await ledger.moreAccepted(60);
    address.switchTo(replica.port);
    await nodes.areUp();
    await ledger.moreAccepted(60);

    expectPerfect("failover on demand", await ledger.close());
  },
);
