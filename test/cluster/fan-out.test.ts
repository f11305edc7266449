import { expect, setDefaultTimeout, test } from "bun:test";
import { Ledger, report } from "../support/cluster-ledger.ts";
import { Nodes } from "../support/cluster-nodes.ts";
import { RedisServer } from "../support/cluster-redis.ts";
import { EXECUTABLE_RUN } from "../support/targets.ts";

setDefaultTimeout(120_000);

const PERFECT = { refused: [], lost: 0, doubled: 0, disordered: 0 };

test("three publishers, 2,000 events each, 300 clients: each event once, in each one's order", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  for (const [number, worker] of nodes.all.entries()) {
    await ledger.listen(number, 100);
    ledger.addLanes(1, () => worker);
  }
  const start = performance.now();
  await ledger.burst(2000);
  const verdict = await ledger.close(60_000);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  report(`3 × 2,000 events to 300 clients in ${seconds} s`, verdict);
  expect(verdict).toMatchObject({ ...PERFECT, published: 6003 });
});

test("the executable alike, through a restart of Redis", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url, target: EXECUTABLE_RUN });
  using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  for (const [number, worker] of nodes.all.entries()) {
    await ledger.listen(number, 10);
    ledger.addLanes(1, () => worker);
  }
  await ledger.burst(200);
  await redis.stop();
  await ledger.burst(100);
  await redis.start();
  await nodes.areUp();
  await ledger.burst(100);
  const verdict = await ledger.close();
  report("executable, Redis restarted", verdict);
  expect(verdict).toMatchObject({ ...PERFECT, published: 1203 });
});
