import type { Scenario } from "../scenario.ts";
import { burst, payload } from "./burst.ts";
import { clusterBurst } from "./cluster-burst.ts";
import { clusterLatency } from "./cluster-latency.ts";
import { clusterPublish } from "./cluster-publish.ts";
import { growthCosts } from "./growth-costs.ts";
import { growthMemory } from "./growth-memory.ts";
import { growthNodes } from "./growth-nodes.ts";
import { growthPayload } from "./growth-payload.ts";
import { growthRate } from "./growth-rate.ts";
import { growthSockets } from "./growth-sockets.ts";
import { growthThreads } from "./growth-threads.ts";
import { growthTopics } from "./growth-topics.ts";
import { idle } from "./idle.ts";
import { paced100, paced1000, roundTrip, topics } from "./paced.ts";
import { redisOutage } from "./redis-outage.ts";
import { rollingRestart } from "./rolling-restart.ts";
import { startUp } from "./start-up.ts";
import { storm10k, storm18k } from "./storm.ts";

/** All scenarios in the order they are run and shown. */
export const SCENARIOS: readonly Scenario[] = [
  burst,
  paced100,
  paced1000,
  topics,
  roundTrip,
  storm10k,
  storm18k,
  idle,
  payload,
  clusterLatency,
  clusterBurst,
  clusterPublish,
  redisOutage,
  rollingRestart,
  startUp,
  growthCosts,
  growthSockets,
  growthTopics,
  growthRate,
  growthPayload,
  growthMemory,
  growthNodes,
  growthThreads,
];
