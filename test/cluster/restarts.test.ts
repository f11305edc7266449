import { expect } from "bun:test";
import { eventually } from "../support/changes.ts";
import { Ledger, report, type Verdict } from "../support/cluster-ledger.ts";
import { hasJoined, Nodes, nodeStatus } from "../support/cluster-nodes.ts";
import { RedisServer } from "../support/cluster-redis.ts";
import { testBesideOthers } from "../support/cluster-slots.ts";

const LANES = 3;
const RATE = 10;
const CLIENTS = 4;

/** No publisher waits for a worker that has stopped: only answers count here. */
function expectNothingLost(what: string, verdict: Verdict): void {
  report(what, verdict);
  const { lost, doubled, disordered } = verdict;
  expect({ lost, doubled, disordered }).toEqual({ lost: 0, doubled: 0, disordered: 0 });
}

testBesideOthers("a node is killed and started again while events flow", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  const remembered = await nodes.newTopic(2);
  await ledger.listen(0, CLIENTS);
  await ledger.listen(1, CLIENTS);
  let isThere = true;
  ledger.addLanes(LANES, () => nodes.at(0));
  ledger.addLanes(LANES, () => nodes.at(1));
  ledger.addLanes(LANES, () => (isThere ? nodes.at(2) : undefined));
  ledger.flow(RATE);
  await ledger.moreAccepted(100);

  for (let times = 0; times < 2; times += 1) {
    const before = (await nodeStatus(nodes.at(2))).node;
    isThere = false;
    // What it has accepted is on its way: a crash may take no more than what nobody was promised.
    await ledger.moreAccepted(10);
    await nodes.at(2).kill();
    await ledger.moreAccepted(50);
    await nodes.restart(2);
    await nodes.areUp();
    isThere = true;
    // A new process, and nothing of its own to remember: it knows the topic all the same.
    expect((await nodeStatus(nodes.at(2))).node).not.toBe(before);
    await nodes.at(2).api.publish(remembered, "1");
    await ledger.moreAccepted(100);
  }
  expectNothingLost("node killed and restarted, twice", await ledger.close());
});

testBesideOthers("all three are restarted in turn while events flow", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  const isThere = [true, true, true];
  for (const number of isThere.keys()) {
    ledger.addLanes(LANES, () => (isThere[number] ? nodes.at(number) : undefined));
  }
  // A load balancer: to its own node at first, and to one that runs when it comes back.
  const homes = Array.from({ length: 3 * CLIENTS }, (_, client) => client % 3);
  const visitors = await ledger.visit(homes.length, (client) => {
    const home = homes[client] ?? 0;
    const number = isThere[home] ? home : isThere.findIndex((runs) => runs);
    return nodes.at(number).ports.ws;
  });
  ledger.flow(RATE);
  await ledger.moreAccepted(100);

  for (const number of isThere.keys()) {
    isThere[number] = false;
    const others = visitors.filter(
      ({ connections }) => connections.at(-1)?.port !== nodes.at(number).ports.ws,
    );
    const connectionsBefore = others.map(({ connections }) => connections.length);
    expect(await nodes.at(number).stop()).toBe(0);
    await nodes.restart(number);
    await nodes.areUp();
    isThere[number] = true;
    // Whoever was elsewhere has noticed nothing.
    expect(others.map(({ connections }) => connections.length)).toEqual(connectionsBefore);
    await eventually(
      () => visitors.every(({ hasGivenUp, isConnected }) => !hasGivenUp && isConnected),
      "all to be back",
    );
    await ledger.moreAccepted(50);
  }
  expectNothingLost("all three restarted in turn", await ledger.close());
});

testBesideOthers("a node that stops sends what it has accepted", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  await ledger.listen(0, 1);
  await ledger.listen(1, 1);
  for (let times = 1; times <= 3; times += 1) {
    let isThere = true;
    ledger.addLanes(20, () => (isThere ? nodes.at(2) : undefined));
    ledger.flow(500);
    await ledger.moreAccepted(500);
    const stopped = nodes.at(2).stop();
    expect(await stopped).toBe(0);
    isThere = false;
    await ledger.stop();
    await nodes.restart(2);
    await hasJoined(nodes.at(2), 1);
  }
  ledger.addLanes(1, () => nodes.at(0));
  expectNothingLost("stopped under load, 3 times", await ledger.close());
});

testBesideOthers("a node that freezes for 6 s misses nothing", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  await ledger.listen(0, 1);
  await ledger.listen(2, CLIENTS);
  ledger.addLanes(LANES, () => nodes.at(0));
  ledger.addLanes(LANES, () => nodes.at(1));
  ledger.flow(RATE);
  await ledger.moreAccepted(50);
  nodes.at(2).program.signal("SIGSTOP");
  // 60 events a second.
  await ledger.moreAccepted(360);
  nodes.at(2).program.signal("SIGCONT");
  await ledger.moreAccepted(50);
  expectNothingLost("node frozen for 6 s", await ledger.close());
});
