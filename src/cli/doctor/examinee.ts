import type { Config } from "../../config/schema.ts";
import { reachableHost } from "../addresses.ts";
import type { CliDeps } from "../deps.ts";
import type { InternalApi } from "../internal-client.ts";
import { isLoopback, type Site } from "./site.ts";
import type { Patience } from "./wire.ts";

/** Longest wait for one step over the network, in milliseconds; twice a browser's patience. */
const STEP_DEADLINE_MS = 3_000;

/** What is examined, and with what. */
export interface Examinee {
  readonly site: Site;
  readonly api: InternalApi;
  readonly config: Config;
  /** As a page of the site sends it; `undefined` when nobody said. */
  readonly origin: string | undefined;
  /** How long to stay silent, in seconds; 0 for not at all. */
  readonly idleSeconds: number;
  readonly signal: AbortSignal;
  readonly deps: Pick<CliDeps, "now" | "randomBytes" | "wait" | "version">;
}

/** Whether the site is the worker's own port, with nothing in between. */
export function isDirect({ site, config }: Examinee): boolean {
  const isHere = isLoopback(site.host) || site.host === reachableHost(config.wsBind);
  return !site.isTls && isHere && site.port === config.wsPort;
}

/** How long one step may take. */
export function patienceOf({ signal }: Examinee): Patience {
  return { deadlineMs: STEP_DEADLINE_MS, signal };
}
