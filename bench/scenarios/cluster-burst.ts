import { assertExact } from "../deliveries.ts";
import { Load } from "../load.ts";
import { startRedis } from "../redis.ts";
import { alternate, figures, makeStage, type Scenario } from "../scenario.ts";
import { startServer } from "../servers.ts";
import type { Setup } from "../setup.ts";

const NODES = 3;
const SOCKETS_PER_NODE = 300;
const EVENTS = 3_000;
const QUICK_EVENTS = 1_000;
/** See burst. */
const WARM_UP_EVENTS = 300;
const PAYLOAD_BYTES = 200;
const GOAL_TIMES = 5;
const CONNECT_WINDOW = 100;
const CONNECT_MS = 60_000;
/** The yardstick needs some 15 s on a small machine. */
const DEADLINE_MS = 120_000;
const NS_PER_SECOND = 1e9;

/** Deliveries per second of one batch over all groups of subscribers, each of which gets it all. */
async function deliver(groups: readonly Load[], publisher: Load, events: number): Promise<number> {
  const batch = { events, payloadBytes: PAYLOAD_BYTES };
  for (const group of groups) await group.reset(batch);
  const expected = groups.map((group) => group.expect(events, DEADLINE_MS));
  const [published, ...counts] = await Promise.all([
    publisher.burst(batch, DEADLINE_MS),
    ...expected,
  ]);
  for (const count of counts) assertExact(count, batch);
  const total = counts.reduce((all, count) => all + count.total, 0);
  const last = Math.max(...counts.map((count) => count.at_ns));
  return (total * NS_PER_SECOND) / (last - published.first_ns);
}

async function yardstick(setup: Setup, events: number): Promise<number> {
  await using stage = await makeStage(setup, "yardstick", NODES * SOCKETS_PER_NODE);
  await deliver([stage.subscribers], stage.publisher, WARM_UP_EVENTS);
  return await deliver([stage.subscribers], stage.publisher, events);
}

async function cluster(setup: Setup, events: number): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis(setup));
  const groups: Load[] = [];
  const { load: publisher } = await Load.start(setup.programs.load, setup.cleanup);
  stack.use(publisher);
  for (let node = 0; node < NODES; node++) {
    const server = stack.use(await startServer(setup, "worker", redis.cluster));
    if (node === 0) publisher.aim(server.target);
    const { load } = await Load.start(setup.programs.load, setup.cleanup);
    groups.push(stack.use(load));
    load.aim(server.target);
    await load.connect(SOCKETS_PER_NODE, CONNECT_WINDOW, CONNECT_MS);
  }
  await deliver(groups, publisher, WARM_UP_EVENTS);
  return await deliver(groups, publisher, events);
}

/** Deliveries per second of a whole cluster when one node is published at. */
export const clusterBurst: Scenario = {
  name: "cluster-burst",
  about: "three nodes, 300 sockets each, events as fast as one publisher at one node can send",
  async run(setup) {
    const events = setup.quick ? QUICK_EVENTS : EVENTS;
    const samples = await alternate(setup, "cluster-burst", (kind) =>
      kind === "worker" ? cluster(setup, events) : yardstick(setup, events),
    );
    return {
      measures: [
        {
          what: "3 nodes × 300 sockets, back to back: deliveries",
          unit: "per-second",
          combine: "median",
          goal: { kind: "at-least-times-yardstick", value: GOAL_TIMES },
          ...figures(samples, (sample) => sample),
        },
      ],
      notes: ["cluster-burst: the yardstick is one process with all 900 sockets"],
    };
  },
};
