import type { Scenario } from "../scenario.ts";
import { burst } from "./burst.ts";
import { clusterBurst } from "./cluster-burst.ts";
import { clusterLatency } from "./cluster-latency.ts";
import { clusterPublish } from "./cluster-publish.ts";
import { idleMemory } from "./idle-memory.ts";
import { paced } from "./paced.ts";
import { roundTrip } from "./round-trip.ts";
import { startUp } from "./start-up.ts";
import { storm10k, storm18k } from "./storm.ts";

/** All scenarios in the order they are run and shown. */
export const ALL: readonly Scenario[] = [
  burst,
  paced,
  roundTrip,
  idleMemory,
  storm10k,
  storm18k,
  startUp,
  clusterLatency,
  clusterBurst,
  clusterPublish,
];
