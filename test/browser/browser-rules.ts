/**
 * What Wavelog's browser code does with a socket (contract, "The parties"): the rules that decide
 * whether a page is still live after the worker was away. Runs in a browser and in Bun alike.
 */

/** How long connect, upgrade and auth may take together, in milliseconds. */
const PATIENCE_MS = 1500;

/** How long it waits after any close, in milliseconds. */
const RETRY_AFTER_MS = 1000;

/**
 * How often it tries again, counted anew from each success on; then it gives up until the page is
 * loaded anew.
 */
const MAX_RETRIES = 4;

/** Where a client stands. */
export type BrowserState = "connecting" | "live" | "waiting" | "given up";

export interface BrowserClientOptions {
  /** The socket's whole address, topic included. */
  readonly url: string;
  readonly token: string;
  /** Told of every published payload. */
  readonly onPush: (payload: unknown) => void;
  /** Told of every change, and why a socket was lost or the client has given up. */
  readonly onState: (state: BrowserState, why: string) => void;
  /** Opens a socket that needs more than the address, such as an authority to trust. */
  readonly open?: (url: string) => WebSocket;
}

/** One topic's socket of a page. */
export class BrowserClient {
  state: BrowserState = "waiting";
  /** How often it has tried again in all. */
  retries = 0;
  readonly #options: BrowserClientOptions;
  /** How often it has tried again since it was live. */
  #retriesInARow = 0;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: BrowserClientOptions) {
    this.#options = options;
  }

  connect(): void {
    this.#become("connecting");
    const { url, open } = this.#options;
    const socket = open?.(url) ?? new WebSocket(url);
    this.#socket = socket;
    const late = `not let in within ${PATIENCE_MS} ms`;
    this.#timer = setTimeout(() => this.#lost(socket, late), PATIENCE_MS);
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "auth", token: this.#options.token }));
    });
    socket.addEventListener("message", ({ data }) => {
      if (this.#socket === socket) {
        this.#receive(String(data));
      }
    });
    socket.addEventListener("close", ({ code }) => this.#lost(socket, `closed ${code}`));
  }

  /** Leaves the page. */
  close(): void {
    this.#giveUp("the page was left");
  }

  #receive(text: string): void {
    const frame = JSON.parse(text) as { type: string; code?: string; payload?: unknown };
    switch (frame.type) {
      case "auth_ok":
        clearTimeout(this.#timer);
        this.#retriesInARow = 0;
        this.#become("live");
        return;
      case "push":
        this.#options.onPush(frame.payload);
        return;
      case "error":
        this.#giveUp(`error "${frame.code}"`);
        return;
    }
  }

  #lost(socket: WebSocket, why: string): void {
    if (this.#socket !== socket) {
      return;
    }
    this.#drop();
    if (this.#retriesInARow === MAX_RETRIES) {
      this.#become("given up", `${why}, and ${MAX_RETRIES} retries before it failed`);
      return;
    }
    this.retries += 1;
    this.#retriesInARow += 1;
    this.#become("waiting", why);
    this.#timer = setTimeout(() => this.connect(), RETRY_AFTER_MS);
  }

  #giveUp(why: string): void {
    this.#drop();
    this.#become("given up", why);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #become(state: BrowserState, why = ""): void {
    this.state = state;
    this.#options.onState(state, why);
  }
}
