import { expect } from "bun:test";
import { hostname } from "node:os";
import { eventually } from "../support/changes.ts";
import { Listener } from "../support/cluster-listener.ts";
import {
  clusterView,
  LOG,
  losesRedis,
  Nodes,
  nodeStatus,
  statusBecomes,
} from "../support/cluster-nodes.ts";
import { RedisServer } from "../support/cluster-redis.ts";
import { testBesideOthers } from "../support/cluster-slots.ts";
import { exchange } from "../support/http.ts";
import { SOURCE_RUN } from "../support/targets.ts";
import { startWorker } from "../support/worker.ts";

const CHANNEL = "wavelog:events";
const NODE_ID = /^[0-9a-f]{16}$/;

/** A report is written every 5 s and lasts 15 s. */
const GHOST_MS = 15_000;

testBesideOthers("any node lists all of them; a killed one vanishes by expiry", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  const statuses = await Promise.all(nodes.all.map(nodeStatus));
  const ids = statuses.map(({ node }) => node);
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) {
    expect(id).toMatch(NODE_ID);
  }
  const topic = await nodes.newTopic();
  using _first = await Listener.open({ topic, port: () => nodes.at(1).ports.ws });
  using _second = await Listener.open({ topic, port: () => nodes.at(1).ports.ws });

  for (const [number, worker] of nodes.all.entries()) {
    const view = await eventually(async () => {
      const seen = await clusterView(worker);
      const busy = seen.nodes.find(({ node }) => node === ids[1]);
      const hasAll = seen.nodes.length === 3 && busy?.sockets === 2 && busy.clients === 2;
      return hasAll && seen.nodes.every(({ probe_ms }) => probe_ms !== null) && seen;
    }, "all nodes to be listed with their sockets and round trips");
    expect(view).toMatchObject({ node: ids[number] ?? "", redis: "up" });
    // Itself first.
    expect(view.nodes[0]?.node).toBe(ids[number] ?? "");
    expect(view.nodes.map(({ node }) => node).sort()).toEqual([...ids].sort());
    for (const { host, version, started, topics, probe_ms } of view.nodes) {
      expect(host).toBe(hostname());
      expect(version).toMatch(/^\d+\.\d+\.\d+/);
      expect(Date.now() - Date.parse(started)).toBeLessThan(60_000);
      expect(topics).toBeLessThanOrEqual(1);
      expect(probe_ms).toBeLessThan(1000);
    }
    const status = await nodeStatus(worker);
    expect(status).toMatchObject({ redis: "up", cluster_nodes: 3 });
    expect(await redis.once("PUBSUB", "NUMSUB", CHANNEL)).toEqual([CHANNEL, 3]);
  }

  const killedAt = performance.now();
  await nodes.at(2).kill();
  // Its connections are gone at once, its report by expiry.
  for (const worker of [nodes.at(0), nodes.at(1)]) {
    await statusBecomes(worker, ({ cluster_nodes }) => cluster_nodes === 2, "a cluster of 2");
    await eventually(
      async () => (await clusterView(worker)).nodes.length === 2,
      "the ghost to vanish",
      GHOST_MS + 2000,
    );
  }
  expect(performance.now() - killedAt).toBeLessThan(GHOST_MS + 2000);
  // The others are there for longer than a report lasts.
  expect(await redis.once("EXISTS", `wavelog:node:${ids[0]}`, `wavelog:node:${ids[1]}`)).toBe(2);

  // One that stops says good-bye.
  expect(await nodes.at(1).stop()).toBe(0);
  expect(await redis.once("EXISTS", `wavelog:node:${ids[1]}`)).toBe(0);
  expect((await clusterView(nodes.at(0))).nodes.map(({ node }) => node)).toEqual([ids[0] ?? ""]);
});

testBesideOthers("strangers' keys among the reports harm nobody", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
  const hostile = [
    "",
    "null",
    "[]",
    '"text"',
    "{",
    '{"node":1}',
    '{"node":"x","host":"h","version":"v","started":"s","topics":-0.5,"sockets":0,"clients":0,"probe_ms":null}',
    "x".repeat(1_000_000),
  ];
  using client = await redis.client();
  for (const [index, value] of hostile.entries()) {
    await client.do("SET", `wavelog:node:hostile${index}`, value);
  }
  await client.do("LPUSH", "wavelog:node:list", "1");
  for (let count = 0; count < 2000; count += 1) {
    void client.ask("SET", `wavelog:node:invented${count}`, '{"node":"x"}');
  }
  await client.do("PING");
  const view = await clusterView(nodes.at(0));
  expect(view.nodes.length).toBeLessThanOrEqual(2);
  expect(view.nodes.length).toBeGreaterThanOrEqual(1);
  expect((await nodeStatus(nodes.at(0))).redis).toBe("up");
});

testBesideOthers("without the secret nothing is listed", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url, count: 1 });
  for (const secret of [undefined, "", "wrong"]) {
    const { status, body } = await exchange(nodes.at(0).ports.internal, {
      path: "/internal/cluster",
      secret,
    });
    expect([status, body.trim()]).toEqual([403, "forbidden"]);
  }
});

testBesideOthers("the status says off, up or down", async () => {
  await using alone = await startWorker({ target: SOURCE_RUN });
  const single = await nodeStatus(alone);
  expect(single).toMatchObject({ redis: "off", cluster_nodes: -1 });
  expect(single.node).toMatch(NODE_ID);
  expect(await clusterView(alone)).toMatchObject({
    node: single.node,
    redis: "off",
    nodes: [{ node: single.node, topics: 0, sockets: 0, clients: 0, probe_ms: null }],
  });

  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
  const worker = nodes.at(0);
  const { node } = await nodeStatus(worker);
  await redis.stop();
  await losesRedis(worker, 0, 0);
  expect(await nodeStatus(worker)).toMatchObject({ redis: "down", cluster_nodes: -1, node });
  const view = await clusterView(worker);
  expect(view).toMatchObject({ node, redis: "down" });
  expect(view.nodes.map((one) => one.node)).toEqual([node]);
  await redis.start();
  await nodes.areUp();
  expect(await nodeStatus(worker)).toMatchObject({ redis: "up", cluster_nodes: 2, node });
  expect(worker.log.filter(({ msg }) => msg === LOG.joined).length).toBe(2);
});
