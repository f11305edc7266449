import type { Server } from "bun";
import { type ApiError, UPGRADE_ERRORS } from "../protocol/api-errors.ts";
import { MAX_CLIENT_FRAME_BYTES } from "../protocol/frames.ts";
import { READINESS_HEADER, type Readiness } from "../protocol/readiness.ts";
import type { RefusalCause, SocketEvent } from "../protocol/socket-event.ts";
import { isTopicTooLong } from "../protocol/topic.ts";
import { enlargeAcceptQueues } from "./accept-queue.ts";
import type { Admission, Limit } from "./admission.ts";
import { clientAddress } from "./client-address.ts";
import { handshakeFault, UPGRADE_REQUIRED_HEADERS } from "./handshake.ts";
import type { GatewayAddress } from "./link.ts";
import type { GatewayPolicy } from "./policy.ts";
import type { TopicAnswer } from "./questions.ts";
import { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import { SLOW_READER, type SlowReaders } from "./slow-readers.ts";
import { upgradeTarget } from "./upgrade-target.ts";

/**
 * Listeners on the same port in one thread where the accept queue cannot be enlarged: the queues of
 * several add up, so that a storm of reconnecting browsers fits better
 * (docs/decisions/0007-storms.md).
 */
const LISTENERS_WITH_SMALL_QUEUES = 4;

/**
 * How long a connection that has not finished its request may be silent, in seconds: browsers give
 * up after 1.5 s, so this is generous, and short enough that strangers hold little.
 */
const REQUEST_IDLE_SECONDS = 10;

/**
 * Longest URL, in characters. A topic of the longest kind, every byte of it written as `%xx`, takes
 * 3 KiB. Bun itself answers a head of more than 16 KiB with 431 and closes the connection.
 */
const MAX_URL_LENGTH = 8 * 1024;

/**
 * What is closed for a while leaves its sockets behind, each former listener with its own, and each
 * takes a share of every event's time. With more than this many, the one with the fewest sockets is
 * closed with 1001: they come back to one that listens.
 */
const MAX_FORMER_LISTENERS = 16;

/** How long a client should wait that was turned away because there were too many, in seconds. */
const RETRY_AFTER_SECONDS = "1";

/** What the WebSocket server itself says of a frame over the limit, instead of the code 1009. */
const TOO_BIG_REASON = "Received too big message";

/** What a {@link Listener} needs. */
export interface ListenerOptions {
  readonly address: GatewayAddress;
  /** What holds at this moment. */
  readonly policy: () => GatewayPolicy;
  /**
   * Bytes that may wait for one slow reader. Beyond, that socket alone is dropped: it comes back and
   * fetches what it missed, and nobody else waits for it.
   */
  readonly maxBuffered: number;
  readonly sessions: Sessions;
  readonly admission: Admission;
  readonly slowReaders: SlowReaders;
  /** At once while a crowd comes for the topic. */
  readonly lookup: (topic: string) => TopicAnswer | Promise<TopicAnswer>;
  /** Whether the worker can do its work. */
  readonly readiness: () => Readiness;
  readonly report: (event: SocketEvent) => void;
}

/**
 * The WebSocket port of one gateway thread: HTTP up to the upgrade, then frames, handed to
 * {@link Sessions}.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #servers: Server<Session>[] = [];
  /** Servers that accept nobody any more and still have sockets. */
  #former: Server<Session>[] = [];
  #isDraining = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /**
   * Starts listening, at first or after {@link pause}; not after {@link stopListening}. Throws the
   * system's error (`code`: `EADDRINUSE`, `EACCES`, …) if it cannot.
   */
  listen(): void {
    if (this.#isDraining || this.#servers.length > 0) {
      return;
    }
    this.#closeFormer();
    const servers: Server<Session>[] = [];
    try {
      servers.push(this.#serve());
      const isQueueLarge = enlargeAcceptQueues(this.#options.address.port) > 0;
      while (!isQueueLarge && servers.length < LISTENERS_WITH_SMALL_QUEUES) {
        servers.push(this.#serve());
      }
    } catch (fault) {
      for (const server of servers) {
        void server.stop(true);
      }
      throw fault;
    }
    this.#servers = servers;
  }

  /** Sends a text frame to every socket of this thread that is subscribed to the topic. */
  publish(topic: string, frame: string): void {
    for (const server of this.#servers) {
      server.publish(topic, frame);
    }
    for (const server of this.#former) {
      server.publish(topic, frame);
    }
  }

  /** Accepts nobody until {@link listen} is called again; open sockets stay. */
  pause(): void {
    for (const server of this.#servers) {
      void server.stop(false);
    }
    this.#former.push(...this.#servers);
    this.#servers = [];
  }

  /** Accepts nobody any more, and tells balancers so; open sockets stay. */
  stopListening(): void {
    this.#isDraining = true;
    this.pause();
  }

  /** Drops what is still open, with 1001. */
  stop(): void {
    this.stopListening();
    for (const server of this.#former) {
      void server.stop(true);
    }
  }

  /** Forgets former servers that have nobody left, and keeps the number of the others bounded. */
  #closeFormer(): void {
    const used = this.#former.filter((server) => server.pendingWebSockets > 0);
    used.sort((a, b) => b.pendingWebSockets - a.pendingWebSockets);
    for (const server of used.splice(MAX_FORMER_LISTENERS)) {
      void server.stop(true);
    }
    this.#former = used;
  }

  /** A connection may finish its request when its server accepts nobody any more. */
  #upgraded(server: Server<Session>): void {
    if (!this.#servers.includes(server) && !this.#former.includes(server)) {
      this.#former.push(server);
    }
  }

  #serve(): Server<Session> {
    return serve(this.#options, {
      isDraining: () => this.#isDraining,
      upgraded: (server) => this.#upgraded(server),
    });
  }
}

/** What a server asks its {@link Listener}. */
interface ServerHost {
  isDraining(): boolean;
  /** A socket has been upgraded on the server. */
  upgraded(server: Server<Session>): void;
}

function serve(options: ListenerOptions, host: ServerHost): Server<Session> {
  const { address, sessions, admission, slowReaders } = options;
  return Bun.serve<Session>({
    hostname: address.hostname,
    port: address.port,
    reusePort: true,
    development: false,
    idleTimeout: REQUEST_IDLE_SECONDS,
    // Nothing is ever posted to this port.
    maxRequestBodySize: 0,
    routes: {
      "/healthz": () => health(host.isDraining()),
      "/readyz": () => ready(host.isDraining() ? "draining" : options.readiness()),
    },
    fetch: upgradeHandler(options, (server) => host.upgraded(server)),
    error: () => answer(UPGRADE_ERRORS.internal),
    websocket: {
      maxPayloadLength: MAX_CLIENT_FRAME_BYTES,
      backpressureLimit: options.maxBuffered,
      closeOnBackpressureLimit: true,
      perMessageDeflate: false,
      // Pings and silence are the sessions' own business, at the contract's times.
      idleTimeout: 0,
      sendPings: false,
      open: (socket) => sessions.opened(socket.data, socket),
      message: ({ data: session }, message) => {
        const wasPending = session.state === "awaiting_auth";
        sessions.received(session, typeof message === "string" ? message : undefined);
        if (wasPending && session.state === "subscribed") {
          session.ticket = admission.subscribed(session.ticket);
          slowReaders.joined(session);
        }
      },
      ping: (socket) => sessions.seen(socket.data),
      pong: (socket) => sessions.seen(socket.data),
      close: ({ data: session }, code, reason) => {
        session.ticket = admission.leave(session.ticket);
        const depth = slowReaders.depthAtEnd(session, code, reason);
        slowReaders.left(session);
        closed(sessions, session, code, depth === undefined ? reason : SLOW_READER, depth);
      },
    },
  });
}

function closed(
  sessions: Sessions,
  session: Session,
  code: number,
  reason: string,
  depth: number | undefined,
): void {
  if (reason === TOO_BIG_REASON) {
    sessions.closed(session, 1009, "frame over 4 KiB");
    return;
  }
  sessions.closed(session, code, reason, depth);
}

type Upgrade = (
  request: Request,
  server: Server<Session>,
) => Response | undefined | Promise<Response | undefined>;

/** How a limit is answered; all of them pass, so the client may come back. */
const LIMIT_ERRORS: Readonly<Record<Limit, ApiError>> = {
  max_connections: UPGRADE_ERRORS.tooManyConnections,
  max_connections_per_ip: UPGRADE_ERRORS.tooManyConnections,
  max_pending: UPGRADE_ERRORS.tooManyHandshakes,
  max_pending_per_ip: UPGRADE_ERRORS.tooManyHandshakes,
};

function upgradeHandler(
  { policy, admission, lookup, report }: ListenerOptions,
  upgraded: (server: Server<Session>) => void,
): Upgrade {
  return (request, server) => {
    const { limits, isTrustedProxy, isOriginAllowed } = policy();
    const client = clientAddress(
      request.headers.get("x-forwarded-for"),
      request.headers.get("x-real-ip"),
      server.requestIP(request)?.address,
      isTrustedProxy,
    );
    const { address } = client;
    let topic = "";
    const refuse = (cause: RefusalCause, error: ApiError, reason = error.text): Response => {
      report({ type: "refused", topic, address, cause, reason });
      return answer(error);
    };
    const { url } = request;
    if (url.length > MAX_URL_LENGTH) {
      return refuse("url_too_long", UPGRADE_ERRORS.uriTooLong);
    }
    const target = upgradeTarget(url);
    if (target.path !== "/ws") {
      return refuse("bad_request", UPGRADE_ERRORS.notFound);
    }
    topic = target.topic;
    if (client.isHeaderIgnored) {
      report({ type: "header_ignored", topic, address });
    }
    if (topic === "") {
      return refuse("bad_request", UPGRADE_ERRORS.missingTopic);
    }
    if (isTopicTooLong(topic)) {
      return refuse("bad_request", UPGRADE_ERRORS.topicTooLong);
    }
    if (!isOriginAllowed(request.headers.get("origin"))) {
      return refuse("origin", UPGRADE_ERRORS.originNotAllowed);
    }
    const ticket = admission.enter(client.isOneClient ? address : undefined, limits);
    if (typeof ticket === "string") {
      return refuse(ticket, LIMIT_ERRORS[ticket], `${ticket} reached`);
    }
    const settle = (meta: TopicAnswer): Response | undefined => {
      if (meta === undefined) {
        admission.leave(ticket);
        return refuse("topic_not_registered", UPGRADE_ERRORS.topicNotRegistered);
      }
      const fault = handshakeFault(request.method, request.headers);
      if (fault !== undefined) {
        admission.leave(ticket);
        return refuse("bad_request", fault);
      }
      // The server grants the first subprotocol it is asked for: none is spoken here.
      request.headers.delete("sec-websocket-protocol");
      const session = new Session(topic, meta.requireToken, address);
      // From the upgrade on, the ticket is the session's.
      session.ticket = ticket;
      // False for a client that has gone meanwhile.
      if (!server.upgrade(request, { data: session })) {
        admission.leave(ticket);
        return refuse("bad_request", UPGRADE_ERRORS.notAWebSocket);
      }
      upgraded(server);
      return undefined;
    };
    const meta = lookup(topic);
    return meta instanceof Promise ? meta.then(settle) : settle(meta);
  };
}

/** Whether this listener takes browsers: for load balancers. */
function health(isDraining: boolean): Response {
  return isDraining ? answer(UPGRADE_ERRORS.draining) : new Response("ok");
}

/** Whether the worker can do its work, without any detail: for load balancers. */
function ready(readiness: Readiness): Response {
  const response = readyAnswer(readiness);
  response.headers.set(READINESS_HEADER, readiness);
  return response;
}

function readyAnswer(readiness: Readiness): Response {
  switch (readiness) {
    case "ready":
    case "degraded":
      return new Response(readiness);
    case "not_ready":
      return answer(UPGRADE_ERRORS.notReady);
    case "draining":
      return answer(UPGRADE_ERRORS.draining);
  }
}

function answer(error: ApiError): Response {
  const headers: Record<string, string> = { "content-type": "text/plain; charset=utf-8" };
  if (error.status === 503) {
    headers["retry-after"] = RETRY_AFTER_SECONDS;
    // The connection is worth nothing to a browser, and a file to us.
    headers["connection"] = "close";
  }
  if (error.status === UPGRADE_ERRORS.notAWebSocket.status) {
    Object.assign(headers, UPGRADE_REQUIRED_HEADERS);
  }
  return new Response(error.text, { status: error.status, headers });
}
