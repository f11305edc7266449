import { expect, setDefaultTimeout, test } from "bun:test";
import { Ledger, report, type Verdict } from "../support/cluster-ledger.ts";
import { FOUND_WITHIN_MS, hasJoined, LOG, losesRedis, Nodes } from "../support/cluster-nodes.ts";
import { RedisServer } from "../support/cluster-redis.ts";

setDefaultTimeout(120_000);

/** Publishers on each of two nodes, and what each of them publishes in a second: 50 a node. */
const LANES = 5;
const RATE = 10;

const CLIENTS = 4;

/** PHP gives a call one second; half of it is the worker's. */
const SLOWEST_MS = 500;

const FREEZE_MS = 10_000;
const KILLS = 30;

/** Two nodes are published at, and clients listen at all three. */
async function busyLedger(nodes: Nodes): Promise<Ledger> {
  const ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  await Promise.all(nodes.all.map((_, number) => ledger.listen(number, CLIENTS)));
  ledger.addLanes(LANES, () => nodes.at(0));
  ledger.addLanes(LANES, () => nodes.at(1));
  ledger.flow(RATE);
  await ledger.moreAccepted(100);
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

for (const [how, end] of [
  ["stopped", (redis: RedisServer) => redis.stop()],
  ["killed", (redis: RedisServer) => redis.kill()],
] as const) {
  test(`Redis is ${how} and comes back empty while events flow`, async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url });
    using ledger = await busyLedger(nodes);

    await end(redis);
    await ledger.moreAccepted(200);
    await redis.start();
    await Promise.all(nodes.all.map((worker) => hasJoined(worker, 2)));
    await ledger.moreAccepted(100);

    expectPerfect(`Redis ${how}, back empty`, await ledger.close());
  });

  test(`Redis is ${how} and restarted at once, three times, while events flow`, async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url });
    using ledger = await busyLedger(nodes);

    for (let times = 1; times <= 3; times += 1) {
      await end(redis);
      await redis.start();
      await Promise.all(nodes.all.map((worker) => hasJoined(worker, times + 1)));
      await ledger.moreAccepted(50);
    }

    expectPerfect(`Redis ${how} and restarted at once, 3 times`, await ledger.close());
  });
}

test("Redis freezes for 10 s while events flow", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  using ledger = await busyLedger(nodes);

  const start = performance.now();
  redis.freeze();
  const found = await Promise.all(nodes.all.map((worker) => losesRedis(worker, 0, start)));
  // The length of the freeze is what the test is about.
  await Bun.sleep(FREEZE_MS - (performance.now() - start));
  redis.thaw();
  await Promise.all(nodes.all.map((worker) => hasJoined(worker, 2)));
  await ledger.moreAccepted(100);

  expectPerfect("freeze of 10 s", await ledger.close());
  expect(Math.max(...found)).toBeLessThan(FOUND_WITHIN_MS);
});

test("every connection is killed every second for 30 s while events flow", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  using ledger = await busyLedger(nodes);
  using control = await redis.client();

  let killed = 0;
  for (let round = 0; round < KILLS; round += 1) {
    const tick = Bun.sleep(1000);
    killed += await control.number("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    killed += await control.number("CLIENT", "KILL", "TYPE", "pubsub");
    await tick;
  }
  await nodes.areUp();

  expectPerfect(`CLIENT KILL every second, ${killed} connections`, await ledger.close());
  // Each node lost both of its connections in most rounds; a pause may outlast one.
  expect(killed).toBeGreaterThan(KILLS * nodes.all.length);
  expect(nodes.at(2).log.filter(({ msg }) => msg === LOG.lost).length).toBeGreaterThan(KILLS / 2);
});

test("Redis comes back empty, and again before every node is back", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  using ledger = await busyLedger(nodes);

  await redis.kill();
  // By now each node's pauses are long, and no two are alike.
  await ledger.moreAccepted(400);
  await redis.start();
  const first = nodes.all.slice(0, 2).map((worker) => hasJoined(worker, 2));
  await Promise.race(first);
  await redis.kill();
  await redis.start();
  await nodes.areUp();
  await ledger.moreAccepted(50);

  expectPerfect("Redis back empty, twice in a row", await ledger.close());
});
