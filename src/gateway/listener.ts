import type { Server, ServerWebSocket } from "bun";
import { type ApiError, UPGRADE_ERRORS } from "../protocol/api-errors.ts";
import { MAX_CLIENT_FRAME_BYTES } from "../protocol/frames.ts";
import type { SocketEvent } from "../protocol/socket-event.ts";
import { normalizeTopic } from "../protocol/topic.ts";
import { clientAddress } from "./client-address.ts";
import { handshakeFault, UPGRADE_REQUIRED_HEADERS } from "./handshake.ts";
import type { GatewaySettings } from "./link.ts";
import { originCheck } from "./origin.ts";
import type { TopicAnswer } from "./questions.ts";
import { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/**
 * Listeners on the same port in one thread. Bun listens with an accept queue of 512, and what
 * overflows waits a second for its SYN to be sent again; the queues of several listeners add up, so
 * a storm of reconnecting browsers fits (measured: docs/decisions/0002-threads.md).
 */
const LISTENERS_PER_THREAD = 4;

/**
 * How long a connection that has not finished its request may be silent, in seconds: browsers give
 * up after 1.5 s, so this is generous, and short enough that strangers hold little.
 */
const REQUEST_IDLE_SECONDS = 10;

/**
 * Bytes that may wait for one slow reader. Beyond, that socket alone is dropped: it comes back and
 * fetches what it missed, and nobody else waits for it.
 */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** What the WebSocket server itself says of a frame over the limit, instead of the code 1009. */
const TOO_BIG_REASON = "Received too big message";

/** What a {@link Listener} needs. */
export interface ListenerOptions {
  readonly settings: GatewaySettings;
  readonly sessions: Sessions;
  readonly lookup: (topic: string) => Promise<TopicAnswer>;
  readonly report: (event: SocketEvent) => void;
}

/**
 * The WebSocket port of one gateway thread: HTTP up to the upgrade, then frames, handed to
 * {@link Sessions}.
 */
export class Listener {
  readonly #servers: Server<Session>[] = [];

  /** Starts listening. Throws the system's error (`code`: `EADDRINUSE`, `EACCES`, …) if it cannot. */
  constructor(options: ListenerOptions) {
    for (let index = 0; index < LISTENERS_PER_THREAD; index += 1) {
      this.#servers.push(serve(options));
    }
  }

  /** Sends a text frame to every socket of this thread that is subscribed to the topic. */
  publish(topic: string, frame: string): void {
    for (const server of this.#servers) {
      server.publish(topic, frame);
    }
  }

  /** Accepts nobody any more; open sockets stay. */
  stopListening(): void {
    for (const server of this.#servers) {
      void server.stop(false);
    }
  }

  /** Drops what is still open, with 1001. */
  stop(): void {
    for (const server of this.#servers) {
      void server.stop(true);
    }
  }
}

function serve(options: ListenerOptions): Server<Session> {
  const { settings, sessions } = options;
  const upgrade = upgradeHandler(options);
  return Bun.serve<Session>({
    hostname: settings.hostname,
    port: settings.port,
    reusePort: true,
    development: false,
    idleTimeout: REQUEST_IDLE_SECONDS,
    // Nothing is ever posted to this port.
    maxRequestBodySize: 0,
    fetch: upgrade,
    error: () => answer(UPGRADE_ERRORS.internal),
    websocket: {
      maxPayloadLength: MAX_CLIENT_FRAME_BYTES,
      backpressureLimit: MAX_BUFFERED_BYTES,
      closeOnBackpressureLimit: true,
      perMessageDeflate: false,
      // Pings and silence are the sessions' own business, at the contract's times.
      idleTimeout: 0,
      sendPings: false,
      open: (socket) => sessions.opened(socket.data, socket),
      message: (socket, message) => {
        sessions.received(socket.data, typeof message === "string" ? message : undefined);
      },
      ping: (socket) => sessions.seen(socket.data),
      pong: (socket) => sessions.seen(socket.data),
      close: (socket, code, reason) => closed(sessions, socket, code, reason),
    },
  });
}

function closed(
  sessions: Sessions,
  socket: ServerWebSocket<Session>,
  code: number,
  reason: string,
): void {
  if (reason === TOO_BIG_REASON) {
    sessions.closed(socket.data, 1009, "frame over 4 KiB");
    return;
  }
  sessions.closed(socket.data, code, reason);
}

type Upgrade = (request: Request, server: Server<Session>) => Promise<Response | undefined>;

function upgradeHandler({ settings, lookup, report }: ListenerOptions): Upgrade {
  const isAllowed = originCheck(settings.allowedOrigins);
  return async (request, server) => {
    // A request without `Host` has a bare path for its URL.
    const url = URL.parse(request.url, "http://worker");
    const address = clientAddress(
      request.headers.get("x-forwarded-for"),
      request.headers.get("x-real-ip"),
      server.requestIP(request)?.address,
    );
    const topic = normalizeTopic(url?.searchParams.get("topic") ?? "");
    const refuse = (error: ApiError): Response => {
      report({ type: "refused", topic, address, reason: error.text });
      return answer(error);
    };
    if (url?.pathname !== "/ws") {
      return refuse(UPGRADE_ERRORS.notFound);
    }
    if (topic === "") {
      return refuse(UPGRADE_ERRORS.missingTopic);
    }
    if (!isAllowed(request.headers.get("origin"))) {
      return refuse(UPGRADE_ERRORS.originNotAllowed);
    }
    const meta = await lookup(topic);
    if (meta === undefined) {
      return refuse(UPGRADE_ERRORS.topicNotRegistered);
    }
    const fault = handshakeFault(request.method, request.headers);
    if (fault !== undefined) {
      return refuse(fault);
    }
    // The server grants the first subprotocol it is asked for: none is spoken here.
    request.headers.delete("sec-websocket-protocol");
    const session = new Session(topic, meta.requireToken, address);
    // False for a client that has gone meanwhile.
    return server.upgrade(request, { data: session })
      ? undefined
      : refuse(UPGRADE_ERRORS.notAWebSocket);
  };
}

function answer(error: ApiError): Response {
  return new Response(error.text, {
    status: error.status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      ...(error.status === UPGRADE_ERRORS.notAWebSocket.status ? UPGRADE_REQUIRED_HEADERS : {}),
    },
  });
}
