import { AUTH_OK_FRAME } from "../../protocol/frames.ts";
import { STATUS_TOPIC } from "../../protocol/topic.ts";
import { reachableAt } from "../addresses.ts";
import { type CallResult, registerTopic, unregisterTopic } from "../internal-client.ts";
import { makeToken } from "../token.ts";
import {
  judgeDelivery,
  judgeIdle,
  judgeStream,
  judgeToken,
  otherWorker,
  type Talk,
} from "./conversation.ts";
import { type Examinee, isDirect, patienceOf } from "./examinee.ts";
import { type Finding, ok, problem, skipped, warning } from "./finding.ts";
import { serverOf } from "./front.ts";
import { isInternalApi, judgeHandshake } from "./handshake.ts";
import { ProbeSocket } from "./probe-socket.ts";
import { skippedFrom } from "./reach.ts";
import { requestUpgrade, type UpgradeRequest } from "./upgrade.ts";
import { get, type Target } from "./wire.ts";

/** Random bytes in the name of the topic, so that nobody else uses it. */
const TOPIC_BYTES = 8;

/** The token outlives the examination by far, and ends soon. */
const TOKEN_TTL_MS = 3_600_000;

/** From the handshake on, with a topic of the examination's own where the internal API gives one. */
export async function* examineConversation(
  examinee: Examinee,
  target: Target,
  isApiOpen: boolean,
): AsyncGenerator<Finding, void> {
  const { api, deps } = examinee;
  const topic = `doctor.${Buffer.from(deps.randomBytes(TOPIC_BYTES)).toString("hex")}`;
  const registered = isApiOpen ? await registerTopic(api, topic) : undefined;
  try {
    yield* examineHandshake(examinee, target, topic, registered);
  } finally {
    if (registered?.kind === "accepted") {
      await unregisterTopic(api, topic);
    }
  }
}

async function* examineHandshake(
  examinee: Examinee,
  target: Target,
  ownTopic: string,
  registered: CallResult | undefined,
): AsyncGenerator<Finding, void> {
  const { site, config, deps } = examinee;
  let topic = registered?.kind === "accepted" ? ownTopic : STATUS_TOPIC;
  let upgrade = await requestUpgrade(upgradeRequest(examinee, target, topic), patienceOf(examinee));
  if (upgrade.ok && upgrade.outcome === "unknown_topic" && topic !== STATUS_TOPIC) {
    // Another worker; every one knows this topic, which shows how far one gets there.
    upgrade.socket.destroy();
    topic = STATUS_TOPIC;
    upgrade = await requestUpgrade(upgradeRequest(examinee, target, topic), patienceOf(examinee));
  }
  if (!upgrade.ok) {
    yield problem("path", `${site.endpoint} ${upgrade.why}`, "the web server's error log says why");
    yield* skippedFrom("upgrade", "the worker was not reached");
    return;
  }
  const { outcome, answer, tookMs, startedAt } = upgrade;
  const front = isDirect(examinee) ? "none" : (serverOf(answer) ?? "unknown");
  const place = { prefix: site.prefix, worker: reachableAt(config.wsBind, config.wsPort) };
  const isInternal = outcome === "unknown_path" && (await leadsToApi(examinee, target));
  yield* judgeHandshake({
    ...{ outcome, answer, isInternal, tookMs, front, place, endpoint: site.endpoint },
  });
  if (outcome !== "upgraded") {
    upgrade.socket.destroy();
    yield* skippedFrom("token", "there is no WebSocket");
    return;
  }
  const socket = new ProbeSocket(upgrade.socket, upgrade.rest, deps.randomBytes);
  try {
    yield* converse(examinee, target, {
      ...{ socket, startedAt, topic, front, place },
      ...{ isOwnTopic: topic === ownTopic, registered },
    });
  } finally {
    socket.end();
  }
}

/** An open socket, and what is known of it. */
interface OpenSocket extends Pick<Talk, "socket" | "topic" | "front" | "place"> {
  readonly startedAt: number;
  readonly isOwnTopic: boolean;
  /** What became of the topic's registration; `undefined` when none was tried. */
  readonly registered: CallResult | undefined;
}

/** From the token on. */
async function* converse(
  examinee: Examinee,
  target: Target,
  open: OpenSocket,
): AsyncGenerator<Finding, void> {
  const { site, api, config, deps, signal, idleSeconds } = examinee;
  const { startedAt, isOwnTopic, registered, ...rest } = open;
  const talk: Talk = { ...rest, endpoint: site.endpoint, api, signal, wait: deps.wait };
  const request = { topic: open.topic, userId: 0, ttlMs: TOKEN_TTL_MS };
  const token = makeToken(request, config.workerSecret.reveal(), deps.now());
  const accepted = await judgeToken(talk, token, startedAt, registered !== undefined);
  yield accepted;
  yield await judgeOrigin(examinee, target, open.topic);
  if (open.socket.arrivals[0]?.text !== AUTH_OK_FRAME) {
    yield* skippedFrom("delivery", "the token was not accepted");
    return;
  }
  if (isOwnTopic) {
    const delivery = await judgeDelivery(talk);
    yield delivery;
    yield delivery.verdict === "ok"
      ? await judgeStream(talk)
      : skipped("stream", "no event has arrived");
  } else {
    yield judgeMissingTopic(talk, registered);
    yield skipped("stream", "no event has arrived");
  }
  yield idleSeconds === 0
    ? skipped("idle", "left out by --quick")
    : await judgeIdle(talk, idleSeconds);
}

/** Why there is no topic of our own to publish to. */
function judgeMissingTopic(talk: Talk, registered: CallResult | undefined): Finding {
  if (registered === undefined) {
    return skipped("delivery", "nothing can be published without the internal API");
  }
  switch (registered.kind) {
    case "accepted":
      return otherWorker(talk, "a topic that was registered");
    case "not_registered":
      return problem("delivery", "the worker did not register a topic", "its log says why");
    case "refused":
    case "unreachable":
      return problem(
        "delivery",
        `the worker did not register a topic: ${registered.message}`,
        "its log says more; max_topics bounds them",
      );
  }
}

async function judgeOrigin(examinee: Examinee, target: Target, topic: string): Promise<Finding> {
  const { site, origin: given } = examinee;
  const origin = given ?? (isDirect(examinee) ? undefined : site.pageOrigin);
  if (origin === undefined) {
    return skipped("origin", "which one? give --origin https://… as in the browser's address bar");
  }
  const request = { ...upgradeRequest(examinee, target, topic), origin };
  const upgrade = await requestUpgrade(request, patienceOf(examinee));
  if (!upgrade.ok) {
    return problem("origin", `with the origin ${origin} ${site.endpoint} ${upgrade.why}`);
  }
  upgrade.socket.destroy();
  switch (upgrade.outcome) {
    case "upgraded":
      return ok("origin", `pages of ${origin} are let in`);
    case "origin_refused": {
      const fix = `add "${origin}" to allowed_origins, and reload the worker (kill -HUP)`;
      return given === undefined
        ? warning(
            "origin",
            `pages of ${origin} are refused: allowed_origins does not list it`,
            `when Wavelog is at another address, give that as --origin; else ${fix}`,
          )
        : problem(
            "origin",
            `pages of ${origin} are refused: allowed_origins does not list it`,
            fix,
          );
    }
    default:
      return problem(
        "origin",
        `pages of ${origin} are answered HTTP ${upgrade.answer.status}, and not by the worker`,
        "a rule of the web server's, or a firewall module, looks at the header Origin",
      );
  }
}

function upgradeRequest({ site, deps }: Examinee, target: Target, topic: string): UpgradeRequest {
  const userAgent = `wavelog_worker/${deps.version()} (doctor)`;
  return { site, target, topic, userAgent, randomBytes: deps.randomBytes };
}

/** Whether the site's prefix leads to the internal API. */
async function leadsToApi(examinee: Examinee, target: Target): Promise<boolean> {
  const { prefix, authority } = examinee.site;
  const path = `${prefix}/internal/status`;
  const answer = await get(target, authority, path, patienceOf(examinee));
  return answer !== undefined && isInternalApi(answer);
}
