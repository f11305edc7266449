import { cleanText } from "../../config/fault-text.ts";
import { CLOSE } from "../../protocol/close-codes.ts";
import { AUTH_OK_FRAME, pushFrame } from "../../protocol/frames.ts";
import { type InternalApi, publishPayload } from "../internal-client.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";
import { advice, type Front, type Place } from "./front.ts";
import type { ProbeSocket } from "./probe-socket.ts";

/** From the start of a connection to `auth_ok`, browsers wait so long (contract). */
const BROWSER_PATIENCE_MS = 1_500;

/** Longest wait for a frame that should come at once, in milliseconds. */
const FRAME_DEADLINE_MS = 3_000;

/** A burst: enough for a buffer to be noticed, few enough to be over soon. */
const BURST_EVENTS = 10;

/** Between two events of a burst, in milliseconds. */
const BURST_GAP_MS = 20;

/**
 * An event that takes longer from publish to arrival is held back by something: a buffer does so for
 * seconds, and a machine that is merely busy does not.
 */
const PROMPT_MS = 1_000;

/** Larger than any event of Wavelog's, and than the buffers of proxies. */
const LARGE_BYTES = 200_000;

/** The worker pings as often, the first time at a random moment within it (contract). */
const PING_SECONDS = 30;

const MAX_SHOWN_LENGTH = 100;

/** The socket as the talk uses it. */
export type TalkSocket = Pick<
  ProbeSocket,
  "arrivals" | "pings" | "closing" | "lastHeardAt" | "send" | "until"
>;

/** What the talk over an open socket needs. */
export interface Talk {
  readonly socket: TalkSocket;
  readonly endpoint: string;
  readonly api: InternalApi;
  readonly topic: string;
  readonly front: Front;
  readonly place: Place;
  readonly signal: AbortSignal;
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Authenticates.
 *
 * @param startedAt When the connection was begun, on the monotonic clock.
 * @param isSecretRight Whether the internal API has taken the secret that the token is signed with.
 */
export async function judgeToken(
  { socket, endpoint, signal }: Talk,
  token: string,
  startedAt: number,
  isSecretRight: boolean,
): Promise<Finding> {
  socket.send(JSON.stringify({ type: "auth", token }));
  const answer = await socket.until(() => socket.arrivals[0], FRAME_DEADLINE_MS, signal);
  if (answer === undefined) {
    const { closing } = socket;
    return closing === undefined
      ? problem(
          "token",
          `no answer to the auth frame within ${FRAME_DEADLINE_MS / 1_000} s`,
          "the upgrade was passed on, but frames are not: look for what inspects or buffers them",
        )
      : problem(
          "token",
          `the connection was closed instead of an answer (${closing.code}${closing.reason === "" ? "" : `, ${cleanText(closing.reason, MAX_SHOWN_LENGTH)}`})`,
          "the worker's log says why, if it was the worker",
        );
  }
  if (answer.text !== AUTH_OK_FRAME) {
    return isSecretRight
      ? problem(
          "token",
          `the worker at ${endpoint} refuses a token that is signed with worker_secret`,
          "it is another one than that of the internal API, with another worker_secret, or its clock",
          "is ahead by hours; give all workers the same secret (docs/operations.md)",
        )
      : problem(
          "token",
          "the worker refuses a token that is signed with the worker_secret read here",
          "worker_secret must be the same text in the worker's configuration, in Wavelog's and here",
        );
  }
  const ms = Math.round(answer.at - startedAt);
  const text = `accepted ${ms} ms after the connection was begun`;
  if (ms < BROWSER_PATIENCE_MS / 2) {
    return ok("token", text);
  }
  const fix = `browsers give up after ${BROWSER_PATIENCE_MS} ms: is the machine overloaded, or the way long?`;
  return ms < BROWSER_PATIENCE_MS ? warning("token", text, fix) : problem("token", text, fix);
}

/** Publishes an event and waits for it. */
export async function judgeDelivery(talk: Talk): Promise<Finding> {
  const sent = await publishAndWait(talk, `{"doctor":"hello"}`);
  switch (sent.kind) {
    case "arrived":
      return ok("delivery", `an event arrives ${Math.round(sent.ms)} ms after it is published`);
    case "refused":
      return problem(
        "delivery",
        `the worker did not take an event: ${sent.message}`,
        "wavelog_worker status shows how it does, its log says more",
      );
    case "lost":
      return otherWorker(talk, "an event that was published");
  }
}

/** The internal API and the address of browsers lead to workers that do not know of each other. */
export function otherWorker(
  { api, endpoint }: Pick<Talk, "api" | "endpoint">,
  what: string,
): Finding {
  return problem(
    "delivery",
    `${what} at port ${api.port} of ${api.host} is not known at ${endpoint}`,
    "these are two workers that don't hear each other: give both the same redis_url, or let the web",
    "server and PHP use the same one (an old worker that still runs, perhaps?)",
  );
}

type Sent =
  | { readonly kind: "arrived"; readonly ms: number }
  | { readonly kind: "lost" }
  | { readonly kind: "refused"; readonly message: string };

async function publishAndWait(talk: Talk, payload: string): Promise<Sent> {
  const { socket, api, topic, signal } = talk;
  const start = performance.now();
  const result = await publishPayload(api, topic, payload);
  if (result.kind !== "accepted") {
    return {
      kind: "refused",
      message: result.kind === "not_registered" ? "topic not registered" : result.message,
    };
  }
  const frame = pushFrame(payload);
  const arrival = await socket.until(
    () => socket.arrivals.find(({ text }) => text === frame),
    FRAME_DEADLINE_MS,
    signal,
  );
  return arrival === undefined ? { kind: "lost" } : { kind: "arrived", ms: arrival.at - start };
}

/** Publishes a burst and a large event: do they come at once, one by one, and whole? */
export async function judgeStream(talk: Talk): Promise<Finding> {
  const { socket, api, topic, signal, wait } = talk;
  const sentAt = new Map<string, number>();
  for (let number = 0; number < BURST_EVENTS; number += 1) {
    const payload = `{"doctor":${number}}`;
    sentAt.set(pushFrame(payload), performance.now());
    const result = await publishPayload(api, topic, payload);
    if (result.kind !== "accepted") {
      const why = result.kind === "not_registered" ? "topic not registered" : result.message;
      return problem("stream", `the worker did not take an event: ${why}`, "its log says why");
    }
    await wait(BURST_GAP_MS, signal);
  }
  const burst = () => socket.arrivals.filter(({ text }) => sentAt.has(text));
  await socket.until(() => burst().length === sentAt.size || undefined, FRAME_DEADLINE_MS, signal);
  const arrived = burst();
  const isInOrder = arrived.every(({ text }, index) => text === [...sentAt.keys()][index]);
  if (arrived.length < sentAt.size || !isInOrder) {
    return problem(
      "stream",
      `of ${sentAt.size} events ${arrived.length} arrived${isInOrder ? "" : ", not in order"}`,
      "frames get lost or are held back on the way: look for what inspects or buffers them;",
      ...advice(talk.front, "upgrade", talk.place),
    );
  }
  const slowest = Math.max(...arrived.map(({ text, at }) => at - (sentAt.get(text) ?? at)));
  if (slowest > PROMPT_MS) {
    return problem(
      "stream",
      `events are held back for up to ${Math.round(slowest)} ms`,
      "something on the way collects them before it passes them on, or the machine is overloaded;",
      "a proxy must not buffer: WebSockets are to be upgraded, not taken as an answer of HTTP",
      ...advice(talk.front, "upgrade", talk.place),
    );
  }
  const large = await publishAndWait(talk, `"${"x".repeat(LARGE_BYTES)}"`);
  if (large.kind === "arrived") {
    return ok(
      "stream",
      `${sentAt.size} events one by one, the slowest after ${Math.round(slowest)} ms; ${LARGE_BYTES / 1_000} KB whole after ${Math.round(large.ms)} ms`,
    );
  }
  const { closing } = socket;
  const end = closing === undefined ? "" : `; the connection was closed (${closing.code})`;
  return large.kind === "refused"
    ? problem(
        "stream",
        `an event of ${LARGE_BYTES / 1_000} KB was not taken: ${large.message}`,
        "a proxy before the internal API limits bodies: nginx needs client_max_body_size 2m;",
      )
    : problem(
        "stream",
        `small events arrive, one of ${LARGE_BYTES / 1_000} KB does not${end}`,
        "something on the way limits the size of frames or takes them apart: a firewall, a scanner, a CDN",
      );
}

/** Stays silent and looks whether the connection lives. */
export async function judgeIdle(talk: Talk, seconds: number): Promise<Finding> {
  const { socket, front, place, signal } = talk;
  const start = performance.now();
  const pingsBefore = socket.pings.length;
  await socket.until(() => undefined, seconds * 1_000, signal);
  const pings = socket.pings.length - pingsBefore;
  const { closing } = socket;
  if (closing !== undefined) {
    const silence = Math.max(closing.at - Math.max(start, socket.lastHeardAt), 0) / 1_000;
    const isWorkers = Object.values(CLOSE).some(
      ({ code, reason }) => code === closing.code && reason === closing.reason,
    );
    if (isWorkers) {
      return problem(
        "idle",
        `the worker closed the connection (${closing.code}, ${closing.reason})`,
        "docs/protocol.md says what that code means; did the worker restart meanwhile?",
      );
    }
    return problem(
      "idle",
      `closed after ${silence.toFixed(1)} s of silence, not by the worker: it pings every ${PING_SECONDS} s`,
      "a time limit on the way is shorter than that;",
      ...advice(front, "timeout", place),
    );
  }
  const what = `open after ${seconds} s of silence`;
  if (pings > 0) {
    return ok("idle", `${what}, ${pings === 1 ? "one ping" : `${pings} pings`} of the worker's`);
  }
  return seconds > PING_SECONDS + 1
    ? problem(
        "idle",
        `${what}, but no ping of the worker's has come, which should every ${PING_SECONDS} s`,
        "something on the way swallows pings; the worker then takes browsers for dead after 60 s",
      )
    : ok("idle", `${what}; --idle 65 waits for two pings of the worker's as well`);
}
