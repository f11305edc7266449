import { expect } from "bun:test";
import { Api } from "../support/api.ts";
import { eventually } from "../support/changes.ts";
import { Ledger, report, type Verdict } from "../support/cluster-ledger.ts";
import type { Listener } from "../support/cluster-listener.ts";
import { Nodes, nodeStatus } from "../support/cluster-nodes.ts";
import { RedisServer } from "../support/cluster-redis.ts";
import { testBesideOthers } from "../support/cluster-slots.ts";
import { EXECUTABLE_RUN } from "../support/targets.ts";
import { makeToken } from "../support/token.ts";
import { randomSecret, type WorkerProcess } from "../support/worker.ts";

const LANES = 2;
const RATE = 20;
const CLIENTS = 4;

/** Events between two steps, of each publisher or in all: enough that some are always on the way. */
const STEP_EVENTS = 150;
const SOME_EVENTS = 20;

/** What waits for the catch-up log to be read, or for the next step, takes longer. */
const PROMPT_MS = 3000;

function expectNothingLost(what: string, verdict: Verdict): void {
  report(what, verdict);
  const { refused, lost, doubled, disordered } = verdict;
  expect({ refused, lost, doubled, disordered }).toEqual({
    refused: [],
    lost: 0,
    doubled: 0,
    disordered: 0,
  });
}

async function previousSecret(worker: WorkerProcess, secret: string): Promise<unknown> {
  const answer = await new Api(worker.ports.internal, secret).status();
  return (answer as { previous_secret?: unknown }).previous_secret;
}

/** The publishers of whom a client has heard over the connection that it has now. */
function heardLanes({ connections }: Listener): ReadonlySet<string | undefined> {
  const frames = connections.at(-1)?.frames ?? [];
  return new Set(frames.map((frame) => /"lane":(\d+)/.exec(frame)?.[1]));
}

testBesideOthers("the secret is changed by SIGHUP, one worker after the other", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url });
  using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  const former = nodes.secret;
  const secret = randomSecret();
  /** What Wavelog has in its configuration. */
  let inWavelog = former;
  for (const [number, worker] of nodes.all.entries()) {
    await ledger.listen(number, CLIENTS);
    ledger.addLanes(LANES, () => ({ api: new Api(worker.ports.internal, inWavelog) }));
  }
  /** Does something while all publish as fast as they can; then all has arrived, without delay. */
  const amidst = async (change: () => Promise<unknown>): Promise<void> => {
    const publishing = ledger.burst(STEP_EVENTS);
    await ledger.moreAccepted(STEP_EVENTS);
    await change();
    await publishing;
    await ledger.allArrived(PROMPT_MS);
  };

  for (const worker of nodes.all) {
    await amidst(() => worker.reload({ worker_secret: secret, worker_secret_previous: former }));
  }
  const topic = "rotation.token";
  await new Api(nodes.at(0).ports.internal, former).register(topic, true);
  for (const worker of nodes.all) {
    using _ = await worker.subscribe(topic, makeToken(former, topic));
    using __ = await worker.subscribe(topic, makeToken(secret, topic));
    await eventually(async () => {
      const used = (await previousSecret(worker, secret)) as { tokens: number; api_calls: number };
      return used.tokens === 1 && used.api_calls > 0;
    }, "the former secret's use to show");
  }

  await amidst(async () => {
    inWavelog = secret;
  });
  for (const worker of nodes.all) {
    await amidst(() => worker.reload({ worker_secret_previous: undefined }));
    expect(await previousSecret(worker, secret)).toBeUndefined();
  }
  expectNothingLost("secret changed by SIGHUP", await ledger.close());
  for (const worker of nodes.all) {
    expect((await worker.api.get("/internal/status")).status).toBe(403);
    // Nobody took anybody for a stranger at any time.
    expect(worker.log.filter(({ msg }) => msg.includes("another installation"))).toEqual([]);
    expect(worker.stdout.text).not.toContain(former);
    expect(worker.stdout.text).not.toContain(secret);
  }
});

testBesideOthers("the secret is changed by restarts, one worker after the other", async () => {
  await using redis = await RedisServer.start();
  await using nodes = await Nodes.start({ redis: redis.url, target: EXECUTABLE_RUN });
  using ledger = new Ledger({ nodes, topic: await nodes.newTopic() });
  const former = nodes.secret;
  const secret = randomSecret();
  let inWavelog = former;
  const lanes = LANES * nodes.all.length;
  const isThere = nodes.all.map(() => true);
  for (const number of isThere.keys()) {
    ledger.addLanes(LANES, () =>
      isThere[number] ? { api: new Api(nodes.at(number).ports.internal, inWavelog) } : undefined,
    );
  }
  // A load balancer: to its own worker, and to one that runs while that one is away.
  const visitors = await ledger.visit(nodes.all.length * CLIENTS, (client) => {
    const home = client % nodes.all.length;
    const number = isThere[home] ? home : isThere.findIndex((runs) => runs);
    return nodes.at(number).ports.ws;
  });
  ledger.flow(RATE);

  const restartEach = async (config: Readonly<Record<string, unknown>>): Promise<void> => {
    for (const number of isThere.keys()) {
      isThere[number] = false;
      // Whoever publishes there has its answer before it goes.
      await ledger.moreAccepted(SOME_EVENTS);
      expect(await nodes.at(number).stop()).toBe(0);
      await nodes.restart(number, secret, config);
      isThere[number] = true;
      await eventually(
        () => visitors.every(({ hasGivenUp, isConnected }) => !hasGivenUp && isConnected),
        "all to be back",
      );
      await eventually(
        () => visitors.every((visitor) => heardLanes(visitor).size === lanes),
        "all to hear every publisher again",
        PROMPT_MS,
      );
    }
  };
  await restartEach({ worker_secret_previous: former });
  inWavelog = secret;
  await restartEach({});

  expect((await nodeStatus(nodes.at(0))).cluster_nodes).toBe(nodes.all.length);
  expectNothingLost("secret changed by restarts", await ledger.close());
});
