import { within } from "./changes.ts";
import { LOOPBACK } from "./tcp-client.ts";
import { topicTarget } from "./ws-client.ts";

/** The browser's rules (contract, "The parties"), in milliseconds. */
const PATIENCE_MS = 1500;
const PAUSE_MS = 1000;
const RETRIES = 4;

const AUTH_OK = '{"type":"auth_ok"}';

/** One socket from `auth_ok` to its end, and what came over it. */
export interface Connection {
  readonly port: number;
  readonly frames: string[];
}

export interface ListenerOptions {
  readonly topic: string;
  /** Where each attempt goes, as a load balancer decides it. */
  readonly port: () => number;
  readonly token?: string;
  /** Whether it comes back as the browser's client does. */
  readonly comesBack?: boolean;
}

/** A browser's client: one topic, one socket after the other. */
export class Listener implements Disposable {
  /** Every connection that was let in, the current one last. */
  readonly connections: Connection[] = [];
  readonly #options: ListenerOptions;
  #socket: WebSocket | undefined;
  #retries = 0;
  #isOver = false;
  #hasGivenUp = false;
  #isConnected = false;

  private constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Connects and waits until it is let in. */
  static async open(options: ListenerOptions): Promise<Listener> {
    const listener = new Listener(options);
    const letIn = Promise.withResolvers<void>();
    listener.#connect(letIn.resolve);
    try {
      await within(letIn.promise, "a listener to be let in");
      return listener;
    } catch (fault) {
      listener[Symbol.dispose]();
      throw fault;
    }
  }

  /** Whether it has used up its retries: until the page is reloaded nothing arrives any more. */
  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** Whether it is let in now. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Everything that came, over all connections, in order. */
  get frames(): readonly string[] {
    return this.connections.flatMap(({ frames }) => frames);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#socket?.close();
  }

  #connect(onLetIn?: () => void): void {
    const { topic, token } = this.#options;
    const port = this.#options.port();
    const socket = new WebSocket(`ws://${LOOPBACK}:${port}${topicTarget(topic)}`);
    this.#socket = socket;
    const connection: Connection = { port, frames: [] };
    let isIn = false;
    let hasEnded = false;
    const end = (): void => {
      clearTimeout(patience);
      if (!hasEnded) {
        hasEnded = true;
        this.#isConnected = false;
        this.#retry();
      }
    };
    const patience = setTimeout(() => {
      socket.close();
      end();
    }, PATIENCE_MS);
    socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token }));
    socket.onmessage = ({ data }) => {
      const text = String(data);
      if (isIn) {
        connection.frames.push(text);
      } else if (text === AUTH_OK) {
        isIn = true;
        this.#isConnected = true;
        clearTimeout(patience);
        this.connections.push(connection);
        onLetIn?.();
      }
    };
    socket.onclose = end;
    socket.onerror = end;
  }

  #retry(): void {
    if (this.#isOver || this.#options.comesBack !== true) {
      return;
    }
    if (this.#retries === RETRIES) {
      this.#hasGivenUp = true;
      return;
    }
    this.#retries += 1;
    setTimeout(() => {
      if (!this.#isOver) {
        this.#connect();
      }
    }, PAUSE_MS);
  }
}
