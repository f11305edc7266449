import { frames } from "./frames.ts";
import { http } from "./http.ts";
import { redis } from "./redis.ts";
import type { WireTarget } from "./target.ts";
import { upgrades } from "./upgrades.ts";

/** Every target over the wire, in the order of the table. */
export const WIRE_TARGETS: readonly WireTarget[] = [http, upgrades, frames, redis];
