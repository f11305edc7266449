import { cleanText } from "../config/fault-text.ts";
import type { Config } from "../config/schema.ts";
import { reachableAt, webSocketEndpoint } from "./addresses.ts";
import { type CliDeps, FAILED, MISUSED, OK } from "./deps.ts";
import { internalApiOf, registerTopic } from "./internal-client.ts";
import { type Ending, followTopic } from "./socket.ts";
import { makeToken, type TokenRequest } from "./token.ts";

/** Pause before connecting again, in milliseconds; the browser code waits as long. */
const RECONNECT_MS = 1_000;

const MAX_SHOWN_LENGTH = 100;

/**
 * Prints what is published to a topic, one payload per line, until interrupted. Registers the topic
 * when the worker does not know it, and connects again whenever the connection is lost.
 *
 * @param url The worker's WebSocket address; from the configuration when not given.
 * @returns 0 when interrupted, 1 when the worker will not have us, 2 for a bad address.
 */
export async function listen(
  request: TokenRequest,
  url: string | undefined,
  config: Config,
  deps: Pick<CliDeps, "io" | "now" | "wait" | "interrupted">,
): Promise<number> {
  const { io } = deps;
  const endpoint = webSocketEndpoint(url ?? `ws://${reachableAt(config.wsBind, config.wsPort)}`);
  if (endpoint === undefined) {
    io.err("--url is no WebSocket address; give one such as wss://log.example.org/worker");
    return MISUSED;
  }
  const where = endpoint.href;
  endpoint.search = `?topic=${encodeURIComponent(request.topic)}`;
  const name = `"${cleanText(request.topic, MAX_SHOWN_LENGTH)}"`;
  const tell = tellOnce(io);
  const interrupted = deps.interrupted();
  let hasRegistered = false;

  while (!interrupted.aborted) {
    const ending = await followTopic({
      url: endpoint.href,
      token: makeToken(request, config.workerSecret.reveal(), deps.now()),
      interrupted,
      wait: deps.wait,
      onSubscribed: () => tell(`listening to ${name} at ${where} (Ctrl-C ends it)`),
      onPayload: (payload) => io.out(payloadLine(payload, io.isTty)),
    });
    if (ending.kind === "interrupted") {
      break;
    }
    const next = ending.kind === "unknown_topic" ? await register(config, request.topic) : ending;
    if (next.kind === "refused") {
      io.err(next.message);
      return FAILED;
    }
    if (next.kind === "lost") {
      tell(`${next.message}; trying again every second`);
    } else if (next.kind === "registered") {
      tell(`${name} was not registered: registered it (token required)`);
    }
    // A topic that is unknown again right after it was registered is not registered without a pause.
    if (next.kind !== "registered" || hasRegistered) {
      await deps.wait(RECONNECT_MS, interrupted);
    }
    hasRegistered = next.kind === "registered";
  }
  return OK;
}

type NextStep = Extract<Ending, { kind: "refused" | "lost" }> | { readonly kind: "registered" };

async function register(config: Config, topic: string): Promise<NextStep> {
  const result = await registerTopic(internalApiOf(config), topic);
  switch (result.kind) {
    case "accepted":
      return { kind: "registered" };
    case "unreachable":
      return { kind: "lost", message: `the topic is not registered, and ${result.message}` };
    case "refused":
      return result;
    case "not_registered":
      return { kind: "lost", message: "the worker would not register the topic" };
  }
}

/** Says the same thing only once in a row: a worker that is away for an hour is one line. */
function tellOnce(io: CliDeps["io"]): (line: string) => void {
  let last = "";
  return (line) => {
    if (line !== last) {
      io.err(line);
    }
    last = line;
  };
}

/**
 * A payload as one line. Line breaks in JSON can only be spacing, and become spaces; on a terminal
 * the few control characters that JSON allows unescaped are escaped, which means the same.
 */
function payloadLine(payload: string, isTty: boolean): string {
  const line = payload.replaceAll(/[\r\n]/g, " ");
  return isTty
    ? line.replaceAll(
        /[\u007f-\u009f]/g,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
      )
    : line;
}
