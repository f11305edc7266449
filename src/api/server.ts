import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { API_ERRORS } from "../protocol/api-errors.ts";
import type { Secrets } from "../protocol/secrets.ts";
import { type Answer, type ApiPorts, ROUTES, type Route } from "./handlers.ts";
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

/** What an {@link ApiServer} needs. */
export interface ApiServerOptions {
  readonly hostname: string;
  readonly port: number;
  /** Either is expected in `X-Worker-Secret`. */
  readonly secrets: Secrets;
  /** Whether another process may listen on the port too. */
  readonly reusePort: boolean;
  readonly ports: ApiPorts;
  /** A call was let in by the secret that is being replaced. */
  readonly onPreviousSecret: (address: string) => void;
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
    this.#server = createServer(
      {
        requireHostHeader: false,
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: TIMEOUT_CHECK_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        maxHeaderSize: MAX_HEAD_BYTES,
      },
      (request, response) => void this.#serve(request, response),
    );
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

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#inFlight.add(response);
    response.once("close", () => this.#ended(response));
    try {
      send(response, await this.#answer(request));
    } catch (fault) {
      this.#options.ports.events.failed(fault);
      send(response, { kind: "fault", error: API_ERRORS.internal });
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
  async #answer(request: IncomingMessage): Promise<Answer> {
    const { path, query } = splitTarget(request.url ?? "");
    const route = ROUTES.get(path);
    if (route === undefined) {
      return { kind: "fault", error: API_ERRORS.notFound };
    }
    const isHead = route.isOpen === true && request.method === "HEAD";
    if (request.method !== route.method && !isHead) {
      return { kind: "fault", error: API_ERRORS.methodNotAllowed, allow: route.method };
    }
    if (route.isOpen === true) {
      return route.handle(this.#options.ports, "", new URLSearchParams(query));
    }
    const given = request.headers["x-worker-secret"];
    const secret = this.#secretCheck(typeof given === "string" ? given : undefined);
    if (secret === undefined) {
      this.#options.ports.events.forbidden(request.socket.remoteAddress ?? "unknown");
      return { kind: "fault", error: API_ERRORS.forbidden };
    }
    if (secret === "previous") {
      this.#options.onPreviousSecret(request.socket.remoteAddress ?? "unknown");
    }
    const body = await bodyOf(request, route);
    if (!body.ok) {
      const isTooLarge = body.fault === "too_large";
      const error = isTooLarge ? API_ERRORS.bodyTooLarge : API_ERRORS.badRequest;
      return { kind: "fault", error };
    }
    return route.handle(this.#options.ports, body.text, new URLSearchParams(query));
  }
}

const NO_BODY: Body = { ok: true, text: "" };

async function bodyOf(request: IncomingMessage, route: Route): Promise<Body> {
  return route.method === "POST" ? readBody(request) : NO_BODY;
}

function send(response: ServerResponse, answer: Answer): void {
  switch (answer.kind) {
    case "empty":
      response.writeHead(200, { "Content-Length": 0 });
      response.end();
      return;
    case "json":
      sendText(response, 200, "application/json", JSON.stringify(answer.value));
      return;
    case "text":
      sendText(response, 200, "text/plain; charset=utf-8", answer.text);
      return;
    case "fault":
      if (answer.error === API_ERRORS.bodyTooLarge) {
        // The rest of the body is not worth reading: the connection ends with the answer.
        response.setHeader("Connection", "close");
      }
      if (answer.allow !== undefined) {
        response.setHeader("Allow", answer.allow);
      }
      if (answer.error.retryAfter !== undefined) {
        response.setHeader("Retry-After", answer.error.retryAfter);
      }
      sendText(response, answer.error.status, "text/plain; charset=utf-8", answer.error.text);
      return;
  }
}

function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(text),
  });
  response.end(text);
}
