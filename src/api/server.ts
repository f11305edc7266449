import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { API_ERRORS } from "../protocol/api-errors.ts";
import type { Secrets } from "../protocol/secrets.ts";
import { type Answer, type ApiPorts, ROUTES, type Route, requestIdOf } from "./handlers.ts";
import { listenShared } from "./listen-shared.ts";
import { type Body, readBody } from "./read-body.ts";
import { splitTarget } from "./request-target.ts";
import { type SecretCheck, secretCheck } from "./secret-check.ts";

/**
 * How long a client may take for a whole request, head and body, in milliseconds. PHP gives up
 * after one second by default; only a stranger or a stalled network needs more.
 */
const REQUEST_TIMEOUT_MS = 10_000;

/** How often slow requests are looked for, in milliseconds. */
const TIMEOUT_CHECK_MS = 1000;

/**
 * How long a kept-alive connection may be idle, in milliseconds: longer than common proxies keep
 * theirs (nginx: 60 s), so that it is never the worker that closes under a request on its way.
 */
const KEEP_ALIVE_MS = 75_000;

/** Largest head of a request, in bytes. */
const MAX_HEAD_BYTES = 16 * 1024;

const PLAIN_TEXT = "text/plain; charset=utf-8";

/** Whoever takes over connections that ask to be upgraded to WebSockets. */
export interface LiveConnections {
  /** The only path on which upgrades are taken; anywhere else the offer is ignored, as HTTP allows. */
  readonly path: string;
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** What an {@link ApiServer} needs. */
export interface ApiServerOptions {
  readonly hostname: string;
  readonly port: number;
  /** Either is expected in `X-Worker-Secret`. */
  readonly secrets: Secrets;
  /** Whether another process may listen on the port too. */
  readonly reusePort: boolean;
  readonly ports: ApiPorts;
  /** Takes the connections of operators' pages over. */
  readonly live: LiveConnections;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/**
 * The internal HTTP API (contract, "Internal HTTP API"). Built on `node:http`, which, unlike
 * `Bun.serve`, takes requests without `Host` and holds pipelined ones until the answer before them
 * is out (docs/decisions/0003-internal-api-http.md).
 */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #server: Server;
  #secretCheck: SecretCheck;
  /** Requests that have not been answered to the end. */
  readonly #inFlight = new Set<ServerResponse>();
  #idle: (() => void) | undefined;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#secretCheck = secretCheck(options.secrets);
    const { live } = options;
    const isForLive = ({ url, headers }: IncomingMessage): boolean =>
      splitTarget(url ?? "").path === live.path && /^websocket$/i.test(headers.upgrade ?? "");
    this.#server = createServer(
      {
        requireHostHeader: false,
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: TIMEOUT_CHECK_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        maxHeaderSize: MAX_HEAD_BYTES,
        shouldUpgradeCallback: isForLive,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.on("upgrade", (request, socket, head) => live.take(request, socket, head));
  }

  /** Starts listening. Rejects with the system's error (`code`: `EADDRINUSE`, …) if it cannot. */
  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.once("listening", resolve);
    const { port, hostname, reusePort } = this.#options;
    if (reusePort) {
      listenShared(this.#server, port, hostname);
    } else {
      this.#server.listen(port, hostname);
    }
    await promise;
    this.#server.off("error", reject);
  }

  /** Expects other secrets from now on; requests that were checked before go on. */
  reconfigure(secrets: Secrets): void {
    this.#secretCheck = secretCheck(secrets);
  }

  /** Accepts nobody any more; resolves when the requests in flight have been answered. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = resolve;
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.#inFlight.size === 0) {
      resolve();
    }
    await promise;
    // Connections that are kept alive would bring further requests.
    this.#server.closeAllConnections();
  }

  /** Drops every connection, answered or not. */
  abort(): void {
    this.#server.closeAllConnections();
  }

  /** Whether this is the secret, as it is written; for those who do not send it in a header. */
  isSecret(text: string, address: string): boolean {
    // As the HTTP parser would show its bytes.
    return this.#isSecret(Buffer.from(text, "utf8").toString("latin1"), address);
  }

  #isSecret(given: string | undefined, address: string, requestId?: string): boolean {
    const age = this.#secretCheck(given);
    if (age === "previous") {
      this.#options.ports.events.previousSecretUsed(address, requestId);
    }
    return age !== undefined;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { events } = this.#options.ports;
    this.#inFlight.add(response);
    response.once("close", () => this.#ended(response));
    const { path, query } = splitTarget(request.url ?? "");
    const route = ROUTES.get(path);
    const call = route?.call ?? "unknown";
    try {
      const answer = await this.#answer(request, route, query);
      send(response, answer);
      events.answered(call, answer.kind === "fault" ? answer.error : undefined);
    } catch (fault) {
      events.failed(fault, requestIdOf(request.headers));
      send(response, { kind: "fault", error: API_ERRORS.internal });
      events.answered(call, API_ERRORS.internal);
    }
  }

  /** A response is out, or its client gone. */
  #ended(response: ServerResponse): void {
    this.#inFlight.delete(response);
    if (this.#inFlight.size === 0) {
      this.#idle?.();
    }
  }

  /** The checks in the contract's order: path, method, secret, body. */
  async #answer(
    request: IncomingMessage,
    route: Route | undefined,
    query: string,
  ): Promise<Answer> {
    const { ports, now } = this.#options;
    const start = now();
    if (route === undefined) {
      return { kind: "fault", error: API_ERRORS.notFound };
    }
    const isHead = route.isOpen === true && request.method === "HEAD";
    if (request.method !== route.method && !isHead) {
      const headers = { Allow: route.method };
      return { kind: "fault", error: API_ERRORS.methodNotAllowed, headers };
    }
    if (route.isOpen === true) {
      return route.handle(ports, "", paramsOf(query), request.headers);
    }
    const requestId = requestIdOf(request.headers);
    if (!this.#isSecret(givenSecret(request, route), addressOf(request), requestId)) {
      ports.events.forbidden(addressOf(request), requestId);
      return { kind: "fault", error: API_ERRORS.forbidden };
    }
    const body = await bodyOf(request, route);
    if (!body.ok) {
      const isTooLarge = body.fault === "too_large";
      const error = isTooLarge ? API_ERRORS.bodyTooLarge : API_ERRORS.badRequest;
      return { kind: "fault", error };
    }
    const answer = await route.handle(ports, body.text, paramsOf(query), request.headers);
    if (route.call === "publish" && answer.kind !== "fault") {
      ports.events.published(body.bytes, now() - start);
    }
    return answer;
  }
}

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? "unknown";
}

/** The secret that a request carries, whichever way. */
function givenSecret({ headers }: IncomingMessage, route: Route): string | undefined {
  const given = headers["x-worker-secret"];
  if (given === undefined && route.takesBearer === true) {
    return /^Bearer +(.+)$/i.exec(headers.authorization ?? "")?.[1];
  }
  return typeof given === "string" ? given : undefined;
}

const NO_BODY: Body = { ok: true, text: "", bytes: 0 };

async function bodyOf(request: IncomingMessage, route: Route): Promise<Body> {
  return route.method === "POST" ? readBody(request) : NO_BODY;
}

const NO_PARAMS = new URLSearchParams();

/** The fields of a query, which nearly no call has. */
function paramsOf(query: string): URLSearchParams {
  return query === "" ? NO_PARAMS : new URLSearchParams(query);
}

function send(response: ServerResponse, answer: Answer): void {
  switch (answer.kind) {
    case "empty":
      response.writeHead(200, { "Content-Length": 0 });
      response.end();
      return;
    case "json":
      setHeaders(response, answer.headers);
      sendText(response, 200, "application/json", JSON.stringify(answer.value));
      return;
    case "text":
      setHeaders(response, answer.headers);
      sendText(response, 200, answer.type ?? PLAIN_TEXT, answer.text);
      return;
    case "fault":
      setHeaders(response, answer.headers);
      if (answer.error === API_ERRORS.bodyTooLarge) {
        // The rest of the body is not worth reading: the connection ends with the answer.
        response.setHeader("Connection", "close");
      }
      if (answer.error.retryAfter !== undefined) {
        response.setHeader("Retry-After", answer.error.retryAfter);
      }
      sendText(response, answer.error.status, PLAIN_TEXT, answer.error.text);
      return;
  }
}

function setHeaders(
  response: ServerResponse,
  headers: Readonly<Record<string, string>> = {},
): void {
  for (const [name, value] of Object.entries(headers)) {
    response.setHeader(name, value);
  }
}

function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(text),
  });
  response.end(text);
}
