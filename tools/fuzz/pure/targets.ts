import { addresses } from "./addresses.ts";
import { bodies } from "./bodies.ts";
import { clientFrames } from "./client-frames.ts";
import { commandLines } from "./command-lines.ts";
import { configuration } from "./configuration.ts";
import { deliveries } from "./deliveries.ts";
import { durations } from "./durations.ts";
import { envelopes } from "./envelopes.ts";
import { logTexts } from "./log-texts.ts";
import { nodeReports } from "./node-reports.ts";
import { origins } from "./origins.ts";
import { payloadSlices } from "./payload-slices.ts";
import { redisUrls } from "./redis-urls.ts";
import { requestTargets } from "./request-targets.ts";
import type { PureTarget } from "./target.ts";
import { tokens } from "./tokens.ts";

/** Every target of pure functions, in the order of the table. */
export const PURE_TARGETS: readonly PureTarget[] = [
  tokens,
  clientFrames,
  bodies,
  payloadSlices,
  envelopes,
  nodeReports,
  configuration,
  durations,
  redisUrls,
  origins,
  addresses,
  requestTargets,
  deliveries,
  logTexts,
  commandLines,
];
