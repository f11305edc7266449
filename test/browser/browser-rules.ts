/**
 * What Wavelog's browser code does with a socket (contract, "The parties"): the rules that decide
 * whether a page is still live after the worker was away. Runs in a browser and in Bun alike.
 */

/** How long connect, upgrade and auth may take together, in milliseconds. */
const PATIENCE_MS = 1500;

/** How long it waits after any close, in milliseconds. */
const RETRY_AFTER_MS = 1000;

/** How often it tries again in all; then it gives up until the page is loaded anew. */
const MAX_RETRIES = 4;

/** Where a client stands. */
export type BrowserState = "connecting" | "live" | "waiting" | "given up";

export interface BrowserClientOptions {
  /** The socket's whole address, topic included. */
  readonly url: string;
  readonly token: string;
  /** Told of every published payload. */
  readonly onPush: (payload: unknown) => void;
  readonly onState: (state: BrowserState) => void;
}

/** One topic's socket of a page. */
export class BrowserClient {
  state: BrowserState = "waiting";
  /** How often it has tried again. */
  retries = 0;
  readonly #options: BrowserClientOptions;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: BrowserClientOptions) {
    this.#options = options;
  }

  connect(): void {
    this.#become("connecting");
    const socket = new WebSocket(this.#options.url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(socket), PATIENCE_MS);
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "auth", token: this.#options.token }));
    });
    socket.addEventListener("message", ({ data }) => {
      if (this.#socket === socket) {
        this.#receive(String(data));
      }
    });
    socket.addEventListener("close", () => this.#lost(socket));
  }

  /** Leaves the page. */
  close(): void {
    this.#giveUp();
  }

  #receive(text: string): void {
    const frame = JSON.parse(text) as { type: string; payload?: unknown };
    switch (frame.type) {
      case "auth_ok":
        clearTimeout(this.#timer);
        this.#become("live");
        return;
      case "push":
        this.#options.onPush(frame.payload);
        return;
      case "error":
        this.#giveUp();
        return;
    }
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket) {
      return;
    }
    this.#drop();
    if (this.retries === MAX_RETRIES) {
      this.#become("given up");
      return;
    }
    this.retries += 1;
    this.#become("waiting");
    this.#timer = setTimeout(() => this.connect(), RETRY_AFTER_MS);
  }

  #giveUp(): void {
    this.#drop();
    this.#become("given up");
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #become(state: BrowserState): void {
    this.state = state;
    this.#options.onState(state);
  }
}
