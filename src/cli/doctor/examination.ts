import { isIP } from "node:net";
import type { Config } from "../../config/schema.ts";
import { readSnapshot, type Snapshot } from "../read-status.ts";
import { judgeTls } from "./encryption.ts";
import { type Examinee, patienceOf } from "./examinee.ts";
import { judgeExposure, ownAddresses } from "./exposure.ts";
import { type Finding, skipped } from "./finding.ts";
import { reachSite, skippedFrom } from "./reach.ts";
import { isLoopback } from "./site.ts";
import { examineConversation } from "./site-side.ts";
import { open, type Patience, resolveName } from "./wire.ts";
import {
  judgeClock,
  judgeFiles,
  judgeInternal,
  judgeRedis,
  type RedisHere,
} from "./worker-side.ts";

/** Where nobody should answer, a firewall may swallow the question: not worth a long wait. */
const CLOSED_DEADLINE_MS = 1_000;

/** Where Redis is when its URL does not say. */
const REDIS_PORT = 6379;

/** Looks at everything in turn: one finding for each check, in the order of `CHECKS`. */
export async function* examine(examinee: Examinee): AsyncGenerator<Finding, void> {
  const { api, site, config } = examinee;
  const patience = patienceOf(examinee);
  const result = await readSnapshot(api, examinee.deps.now);
  yield* judgeInternal(result, api);
  if (result.kind === "read") {
    const { snapshot } = result;
    yield judgeClock(snapshot);
    yield judgeRedis(snapshot, await redisHere(snapshot, config, patience));
    yield judgeFiles(snapshot);
  } else {
    for (const id of ["clock", "redis", "files"] as const) {
      yield skipped(id, "the worker does not say how it does");
    }
  }
  const own = ownAddresses();
  const reach = await reachSite(
    site,
    own.some((address) => isIP(address) === 6),
    patience,
  );
  const addresses = isLoopback(api.host) ? [...reach.addresses, ...own] : reach.addresses;
  yield await judgeExposure(
    {
      port: api.port,
      rightHost: api.host,
      addresses: addresses.filter((address) => !isLoopback(address)),
    },
    { ...patience, deadlineMs: CLOSED_DEADLINE_MS },
  );
  yield* reach.findings;
  if (reach.address === undefined) {
    yield* skippedFrom("tls", "the port was not reached");
    return;
  }
  const { host, port, isTls } = site;
  const target = { address: reach.address, port, host, isTls };
  const tls = await judgeTls(examinee, target);
  yield tls.finding;
  if (tls.isOpen) {
    yield* examineConversation(examinee, target, result.kind === "read");
  } else {
    yield* skippedFrom("path", "there is no connection");
  }
}

/** What is seen of Redis from here; a connection is tried only when the worker has none. */
async function redisHere(
  { status }: Snapshot,
  config: Config,
  patience: Patience,
): Promise<RedisHere> {
  const url = URL.parse(config.redisUrl.reveal());
  const here = { isConfigured: url !== null, address: config.redisAddress };
  if (url === null || url.hostname === "" || status["redis"] !== "down") {
    return { ...here, reach: undefined };
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const resolved = await resolveName(host, patience);
  if (!resolved.ok) {
    return { ...here, reach: resolved.why };
  }
  const [address = host] = resolved.addresses;
  const port = url.port === "" ? REDIS_PORT : Number(url.port);
  const opened = await open({ address, port, host, isTls: false }, patience);
  if (opened.ok) {
    opened.socket.destroy();
  }
  return { ...here, reach: opened.ok ? "takes connections" : opened.why };
}
