import { request } from "node:http";
import { cleanText } from "../config/fault-text.ts";
import type { Config } from "../config/schema.ts";
import type { Secret } from "../config/secret.ts";
import { API_ERRORS } from "../protocol/api-errors.ts";
import { reachableAt, reachableHost } from "./addresses.ts";

/** Longest a call may take in all, in milliseconds. */
const CALL_DEADLINE_MS = 5_000;

/** Most of an answer that is read, in characters: a cluster's object has up to 256 reports. */
const MAX_ANSWER_LENGTH = 256 * 1024;

/** Most of an answer that a message repeats. */
const MAX_SHOWN_LENGTH = 200;

/** The internal API of one worker. */
export interface InternalApi {
  readonly host: string;
  readonly port: number;
  readonly secret: Secret;
  /** Milliseconds; 5 s unless set. */
  readonly deadlineMs?: number;
  /** Ends calls in flight. */
  readonly signal?: AbortSignal;
}

/** What came of a request. */
export type Exchange =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly text: string;
      /** The `Date` header. */
      readonly date: string | undefined;
      /** From the first byte out to the last one in. */
      readonly tookMs: number;
    }
  /** No answer; trying again later may help. */
  | { readonly kind: "unreachable"; readonly message: string };

export type CallResult =
  | { readonly kind: "accepted" }
  /** The worker does not know the topic (404 `topic not registered`). */
  | { readonly kind: "not_registered" }
  /** The worker, or something else at that address, said no; trying again will not help. */
  | { readonly kind: "refused"; readonly message: string }
  /** No answer; trying again later may help. */
  | { readonly kind: "unreachable"; readonly message: string };

/** The internal API that a worker with this configuration has on this machine. */
export function internalApiOf(config: Config): InternalApi {
  return {
    host: reachableHost(config.internalBind),
    port: config.internalPort,
    secret: config.workerSecret,
  };
}

/**
 * The internal API at an address somebody gave, `http://host:port`.
 *
 * @returns `undefined` when the text is no such address.
 */
export function internalApiAt(address: string, secret: Secret): InternalApi | undefined {
  const url = URL.parse(address);
  if (url === null || url.protocol !== "http:" || url.pathname !== "/" || url.search !== "") {
    return undefined;
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: url.port === "" ? 80 : Number(url.port), secret };
}

/** Where an internal API is, for messages. */
export function internalUrl({ host, port }: InternalApi): string {
  return `http://${reachableAt(host, port)}`;
}

/** Registers a topic that requires a token. */
export function registerTopic(api: InternalApi, topic: string): Promise<CallResult> {
  const body = JSON.stringify({ topic, meta: { require_token: true } });
  return call(api, "/internal/register", body);
}

/** Removes a topic. */
export function unregisterTopic(api: InternalApi, topic: string): Promise<CallResult> {
  return call(api, "/internal/unregister", JSON.stringify({ topic }));
}

/**
 * Publishes.
 *
 * @param payload Valid JSON text; goes into the body byte for byte.
 */
export function publishPayload(
  api: InternalApi,
  topic: string,
  payload: string,
): Promise<CallResult> {
  return call(api, "/internal/publish", `{"topic":${JSON.stringify(topic)},"payload":${payload}}`);
}

async function call(api: InternalApi, path: string, body: string): Promise<CallResult> {
  const exchange = await ask(api, path, body);
  return exchange.kind === "answered" ? readAnswer(exchange.status, exchange.text) : exchange;
}

/**
 * Sends a request: a POST when there is a body. Never rejects. `node:http`, since `fetch` would send
 * the secret through a proxy if one is set.
 */
export function ask(api: InternalApi, path: string, body?: string): Promise<Exchange> {
  const { host, port, secret, deadlineMs = CALL_DEADLINE_MS } = api;
  const start = performance.now();
  return new Promise((resolve) => {
    const bytes = Buffer.from(body ?? "", "utf8");
    const deadline = AbortSignal.timeout(deadlineMs);
    const fail = (error: Error): void => {
      const why = deadline.aborted ? `no answer within ${deadlineMs / 1_000} s` : reason(error);
      const at = internalUrl(api);
      resolve({ kind: "unreachable", message: `cannot reach the worker at ${at}: ${why}` });
    };
    const outgoing = request({
      host,
      port,
      path,
      method: body === undefined ? "GET" : "POST",
      agent: false,
      signal: api.signal === undefined ? deadline : AbortSignal.any([deadline, api.signal]),
      headers: {
        ...(body === undefined
          ? {}
          : { "Content-Type": "application/json", "Content-Length": bytes.length }),
        // Headers are bytes, one per character here: what goes out is the secret's UTF-8, as from PHP.
        "X-Worker-Secret": Buffer.from(secret.reveal(), "utf8").toString("latin1"),
      },
    });
    outgoing.on("error", fail);
    outgoing.on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("error", fail);
      answer.on("data", (part: string) => {
        text = (text + part).slice(0, MAX_ANSWER_LENGTH);
      });
      answer.on("end", () => {
        const { statusCode: status = 0, headers } = answer;
        const tookMs = performance.now() - start;
        resolve({ kind: "answered", status, text, date: headers.date, tookMs });
      });
    });
    outgoing.end(body === undefined ? undefined : bytes);
  });
}

/** What an answer to a POST says. */
function readAnswer(status: number, text: string): CallResult {
  if (status === 200) {
    return { kind: "accepted" };
  }
  if (
    status === API_ERRORS.topicNotRegistered.status &&
    text.trim() === API_ERRORS.topicNotRegistered.text
  ) {
    return { kind: "not_registered" };
  }
  const advice =
    status === API_ERRORS.forbidden.status
      ? "; is worker_secret the one the worker runs with?"
      : "";
  const shown = cleanText(text.trim(), MAX_SHOWN_LENGTH);
  return { kind: "refused", message: `the worker answered ${status} "${shown}"${advice}` };
}

function reason(error: Error): string {
  const code = "code" in error ? error.code : undefined;
  switch (code) {
    case "ECONNREFUSED":
      return "connection refused; is it running?";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host name is not known";
    default:
      return typeof code === "string" ? code : cleanText(error.message, MAX_SHOWN_LENGTH);
  }
}
