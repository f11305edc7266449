import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { LivePage } from "./live-page.ts";
import { LIVE_CLOSE, LIVE_PATH, type LiveMessage, SECRET_DEADLINE_MS } from "./messages.ts";

/** Pages that are served at a time, and connections that have not sent the secret yet. */
export const MAX_PAGES = 20;
const MAX_STRANGERS = 20;

/** Largest frame of a page, in bytes: it sends the secret, and nothing else. */
const MAX_FRAME_BYTES = 8 * 1024;

/** How often it is looked whether topics have changed, in seconds. */
const TOPICS_SECONDS = 3;

/** What {@link LivePages} needs. */
export interface LivePagesOptions {
  /** Whether this is the secret; takes as long whatever it is. */
  readonly isSecret: (text: string, address: string) => boolean;
  /** Somebody has sent no secret, or a wrong one. */
  readonly onForbidden: (address: string) => void;
  readonly history: () => LiveMessage;
  readonly snapshot: () => LiveMessage;
  /** Must not reject. */
  readonly topics: () => Promise<LiveMessage>;
}

/**
 * The live connections of operators' pages, on the port of the internal API: the secret comes in the
 * first frame, since a browser can send no header with a handshake and the URL is no place for it.
 * Then everybody gets the same snapshot, once a second; it is only made while somebody looks.
 */
export class LivePages {
  readonly path = LIVE_PATH;
  readonly #options: LivePagesOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    clientTracking: false,
  });
  readonly #pages = new Set<LivePage>();
  /** Those who have not sent the secret, in the order of their coming. */
  readonly #strangers = new Set<WebSocket>();
  #ticks = 0;

  constructor(options: LivePagesOptions) {
    this.#options = options;
  }

  /** How many pages are looked at. */
  get size(): number {
    return this.#pages.size;
  }

  /** Takes over a connection that asks to be upgraded. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    if (!isSameOrigin(request)) {
      const text = "origin not allowed: it differs from Host; a proxy has to pass Host on";
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
      );
      return;
    }
    const address = request.socket.remoteAddress ?? "unknown";
    this.#server.handleUpgrade(request, socket, head, (opened) => this.#opened(opened, address));
  }

  /** To be called once a second: sends a snapshot to every page. */
  tick(): void {
    this.#ticks += 1;
    if (this.#pages.size === 0) {
      return;
    }
    const snapshot = JSON.stringify(this.#options.snapshot());
    for (const page of this.#pages) {
      page.send(snapshot);
      page.tick();
    }
    if (this.#ticks % TOPICS_SECONDS === 0) {
      void this.#sendTopics();
    }
  }

  /** Has every page send the secret again, since it may be another one. */
  reauthenticate(): void {
    this.#closeAll(LIVE_CLOSE.secretChanged);
  }

  /** Sends everybody away, for the worker stops. */
  close(): void {
    this.#closeAll(LIVE_CLOSE.restart);
  }

  #opened(socket: WebSocket, address: string): void {
    this.#strangers.add(socket);
    const [oldest] = this.#strangers;
    if (this.#strangers.size > MAX_STRANGERS && oldest !== undefined) {
      this.#turnAway(oldest, LIVE_CLOSE.late);
    }
    const deadline = setTimeout(() => this.#turnAway(socket, LIVE_CLOSE.late), SECRET_DEADLINE_MS);
    let page: LivePage | undefined;
    socket.on("message", (data, isBinary) => {
      if (page === undefined && this.#strangers.has(socket)) {
        clearTimeout(deadline);
        page = this.#enter(socket, isBinary ? undefined : readSecret(data), address);
      }
    });
    socket.on("pong", () => {
      page?.heard();
    });
    // Nothing to be done about a broken connection, and a close follows.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(deadline);
      this.#strangers.delete(socket);
      if (page !== undefined) {
        this.#pages.delete(page);
      }
    });
  }

  #enter(socket: WebSocket, secret: string | undefined, address: string): LivePage | undefined {
    if (!this.#options.isSecret(secret ?? "", address)) {
      this.#options.onForbidden(address);
      this.#turnAway(socket, LIVE_CLOSE.forbidden);
      return undefined;
    }
    if (this.#pages.size >= MAX_PAGES) {
      this.#turnAway(socket, LIVE_CLOSE.full);
      return undefined;
    }
    this.#strangers.delete(socket);
    const page = new LivePage(socket);
    this.#pages.add(page);
    page.send(JSON.stringify(this.#options.history()));
    page.send(JSON.stringify(this.#options.snapshot()));
    void this.#sendTopics();
    return page;
  }

  #turnAway(socket: WebSocket, { code, reason }: { code: number; reason: string }): void {
    if (this.#strangers.delete(socket)) {
      socket.close(code, reason);
    }
  }

  async #sendTopics(): Promise<void> {
    const topics = JSON.stringify(await this.#options.topics());
    for (const page of this.#pages) {
      page.tellTopics(topics);
    }
  }

  #closeAll({ code, reason }: { code: number; reason: string }): void {
    for (const one of [...this.#strangers, ...this.#pages]) {
      one.close(code, reason);
    }
    this.#strangers.clear();
  }
}

/** The secret of a page's first frame; `undefined` when there is none. */
function readSecret(data: Buffer): string | undefined {
  try {
    const message: unknown = JSON.parse(data.toString("utf8"));
    const secret =
      typeof message === "object" && message !== null && "secret" in message
        ? message.secret
        : undefined;
    return typeof secret === "string" ? secret : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether the page that asks is ours, as far as a browser tells: programs send no Origin. Another
 * site's page has no secret, and should not get as far as to be asked for it.
 */
function isSameOrigin({ headers }: IncomingMessage): boolean {
  const { origin, host } = headers;
  return (
    origin === undefined ||
    (host !== undefined && URL.parse(origin)?.host === URL.parse(`http://${host}`)?.host) ||
    (host !== undefined && URL.parse(origin)?.host === URL.parse(`https://${host}`)?.host)
  );
}
