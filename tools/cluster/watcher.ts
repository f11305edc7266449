import { AUTH_OK_FRAME, pushFrame } from "../../src/protocol/frames.ts";
import { signToken } from "../../src/protocol/token.ts";

/** As long as the browser's code waits, in milliseconds. */
const RECONNECT_MS = 1000;

/** Seconds for which a token is good. */
const TOKEN_SECONDS = 24 * 3600;

/** What stands before the payload in a push frame; one character stands after it. */
const PUSH_START = pushFrame("").slice(0, -1);

/** What a watcher watches, and whom it tells. */
export interface WatcherOptions {
  /** The WebSocket endpoint, without `?topic=`. */
  readonly endpoint: string;
  readonly topic: string;
  readonly secret: string;
  /** PEM text of the authority for `wss://`. */
  readonly ca?: string;
  readonly onSubscribed: () => void;
  readonly onPayload: (payload: string) => void;
  /** Once per loss, however long it lasts. */
  readonly onLost: (code: number) => void;
}

/** A browser's stand-in: keeps a socket to one topic, and comes back when it is lost. */
export class Watcher implements Disposable {
  readonly #options: WatcherOptions;
  #socket: WebSocket | undefined;
  #timer: Timer | undefined;
  #isSubscribed = false;
  #isClosed = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#connect();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.close(1000);
  }

  #connect(): void {
    const { endpoint, topic, secret, ca, onLost } = this.#options;
    const expires = Math.floor(Date.now() / 1000) + TOKEN_SECONDS;
    const token = signToken({ userId: 1, topic, expires }, secret);
    const url = `${endpoint}?topic=${encodeURIComponent(topic)}`;
    const socket = new WebSocket(url, ca === undefined ? {} : { tls: { ca } });
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token }));
    socket.onmessage = ({ data }) => this.#received(String(data));
    socket.onclose = ({ code }) => {
      if (this.#isClosed) {
        return;
      }
      if (this.#isSubscribed) {
        this.#isSubscribed = false;
        onLost(code);
      }
      this.#timer = setTimeout(() => this.#connect(), RECONNECT_MS);
    };
  }

  #received(frame: string): void {
    if (frame === AUTH_OK_FRAME) {
      this.#isSubscribed = true;
      this.#options.onSubscribed();
    } else if (frame.startsWith(PUSH_START)) {
      this.#options.onPayload(frame.slice(PUSH_START.length, -1));
    }
  }
}
