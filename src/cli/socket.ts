import { cleanText } from "../config/fault-text.ts";
import { UPGRADE_ERRORS } from "../protocol/api-errors.ts";
import { AUTH_OK_FRAME, pushFrame } from "../protocol/frames.ts";
import type { CliDeps } from "./deps.ts";

/** Longest a connection may take until the topic is subscribed, in milliseconds. */
const HANDSHAKE_DEADLINE_MS = 5_000;

const MAX_SHOWN_LENGTH = 100;

/** What stands before the payload in a push frame; one character stands after it. */
const PUSH_START = pushFrame("").slice(0, -1);

/** How a connection came to an end. */
export type Ending =
  | { readonly kind: "interrupted" }
  /** The worker does not know the topic. */
  | { readonly kind: "unknown_topic" }
  /** The worker refuses the token; trying again will not help. */
  | { readonly kind: "refused"; readonly message: string }
  /** Anything that may be better in a second. */
  | { readonly kind: "lost"; readonly message: string };

export interface Following {
  /** The endpoint with its `topic` parameter. */
  readonly url: string;
  readonly token: string;
  readonly interrupted: AbortSignal;
  readonly wait: CliDeps["wait"];
  readonly onSubscribed: () => void;
  /** Gets each published payload exactly as it arrived. */
  readonly onPayload: (payload: string) => void;
}

/** Keeps one WebSocket connection to a topic until it ends; never rejects. */
export async function followTopic(following: Following): Promise<Ending> {
  const { url, token, interrupted, wait, onSubscribed, onPayload } = following;
  const ended = Promise.withResolvers<Ending>();
  const over = new AbortController();
  let isSubscribed = false;
  /** What the failed connection said; the close event that follows says nothing. */
  let failure = "";

  const socket = new WebSocket(url);
  socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token }));
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") {
      return;
    }
    if (isSubscribed && data.startsWith(PUSH_START)) {
      onPayload(data.slice(PUSH_START.length, -1));
    } else if (!isSubscribed && data === AUTH_OK_FRAME) {
      isSubscribed = true;
      onSubscribed();
    } else {
      const ending = errorEnding(data);
      if (ending !== undefined) {
        ended.resolve(ending);
      }
    }
  };
  socket.onerror = (event) => {
    failure = "message" in event ? String(event.message) : "";
  };
  socket.onclose = ({ code, reason }) => ended.resolve(closeEnding(failure, code, reason));
  const interrupt = (): void => ended.resolve({ kind: "interrupted" });
  interrupted.addEventListener("abort", interrupt, { once: true });
  const deadline = wait(HANDSHAKE_DEADLINE_MS, over.signal).then(() => {
    if (!isSubscribed) {
      const seconds = HANDSHAKE_DEADLINE_MS / 1_000;
      ended.resolve({ kind: "lost", message: `no handshake within ${seconds} s` });
    }
  });

  const ending = await ended.promise;
  over.abort();
  interrupted.removeEventListener("abort", interrupt);
  socket.onmessage = null;
  socket.close(1000);
  await deadline;
  return ending;
}

/** What an `error` frame means; `undefined` for any other frame. */
function errorEnding(data: string): Ending | undefined {
  let frame: unknown;
  try {
    frame = JSON.parse(data);
  } catch {
    return undefined;
  }
  if (typeof frame !== "object" || frame === null || !("type" in frame) || frame.type !== "error") {
    return undefined;
  }
  const code = "code" in frame ? String(frame.code) : "";
  switch (code) {
    case "auth_required":
    case "unauthorized":
      return {
        kind: "refused",
        message: `the worker refused the token (${code}); is worker_secret the one it runs with, and are both clocks right?`,
      };
    case "auth_expired":
      return { kind: "lost", message: "the token has expired" };
    default:
      return { kind: "lost", message: `the worker says "${cleanText(code, MAX_SHOWN_LENGTH)}"` };
  }
}

function closeEnding(failure: string, code: number, reason: string): Ending {
  // Bun tells the status of a refused handshake only at the end of this text.
  const status = /Expected 101 status code: (\d{3})$/.exec(failure)?.[1];
  if (status === String(UPGRADE_ERRORS.topicNotRegistered.status)) {
    return { kind: "unknown_topic" };
  }
  if (status !== undefined) {
    return { kind: "lost", message: `the handshake was answered with HTTP ${status}` };
  }
  if (failure !== "") {
    return { kind: "lost", message: "no connection (is the worker running?)" };
  }
  const why = reason === "" ? "" : `, ${cleanText(reason, MAX_SHOWN_LENGTH)}`;
  return { kind: "lost", message: `the connection was closed (${code}${why})` };
}
