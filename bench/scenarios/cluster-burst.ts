import {
  asCluster,
  burstEverywhere,
  type ClusterBurst,
  type ClusterStage,
  cannotClusterUnlessReference,
  makeClusterStage,
} from "../cluster.ts";
import type { Contender } from "../contenders/contender.ts";
import { startRedis } from "../redis.ts";
import { type Bench, cells, makeStage, type Scenario, takeTurns } from "../scenario.ts";

const NODES = 3;
const SOCKETS_PER_NODE = 300;
const SOCKETS = NODES * SOCKETS_PER_NODE;
/** See burst. */
const SECONDS = 4;
const QUICK_SECONDS = 1.5;
const WARM_UP_EVENTS = 200;
const EVENTS_MIN = 20;
const EVENTS_MAX = 20_000;
const PAYLOAD_BYTES = 200;
const DEADLINE_MS = 60_000;

/** A short burst tells how many events the measured one needs. */
async function calibrated(bench: Bench, stage: ClusterStage): Promise<ClusterBurst> {
  const burst = (events: number) =>
    burstEverywhere(stage, { events, payloadBytes: PAYLOAD_BYTES }, DEADLINE_MS);
  // Twice: the first also grows buffers and compiles, and would say too little.
  await burst(EVENTS_MIN);
  const warm = await burst(WARM_UP_EVENTS);
  const seconds = bench.quick ? QUICK_SECONDS : SECONDS;
  const wanted = Math.round((warm.deliveriesPerSecond / SOCKETS) * seconds);
  return await burst(Math.max(EVENTS_MIN, Math.min(EVENTS_MAX, wanted)));
}

async function measure(bench: Bench, contender: Contender): Promise<ClusterBurst> {
  if (contender.name === "yardstick") {
    await using stage = await makeStage(bench.setup, contender, SOCKETS);
    return await calibrated(bench, asCluster(stage));
  }
  await using redis = await startRedis(bench.setup);
  const shape = { nodes: NODES, sockets: SOCKETS_PER_NODE };
  await using stage = await makeClusterStage(bench.setup, contender, redis, shape);
  return await calibrated(bench, stage);
}

/** Deliveries per second of a whole cluster when one node is published at. */
export const clusterBurst: Scenario = {
  name: "cluster-burst",
  about: "three nodes, 300 sockets each, events as fast as one publisher at one node can send",
  async run(bench) {
    const turns = await takeTurns(
      bench,
      { name: "cluster-burst", cannot: cannotClusterUnlessReference },
      (contender) => measure(bench, contender),
    );
    return {
      rows: [
        {
          id: "cluster-burst.deliveries",
          what: "3 nodes × 300 sockets, back to back: deliveries",
          unit: "per-second",
          better: "more",
          combine: "median",
          reference: "yardstick, one process with 900 sockets",
          cells: cells(
            turns,
            (sample) => sample.deliveriesPerSecond,
            (sample) => sample.effort,
          ),
          goals: [{ kind: "times-yardstick", atLeast: 5 }],
        },
        {
          id: "cluster-burst.cpu",
          what: "the same: CPU per delivery, of all nodes and Redis",
          unit: "microseconds",
          better: "less",
          combine: "median",
          reference: "yardstick, one process with 900 sockets",
          cells: cells(turns, (sample) => sample.serverUs / sample.deliveries),
          goals: [],
        },
      ],
    };
  },
};
