import {
  type HistoryMessage,
  LIVE_CLOSE,
  LIVE_PATH,
  type LiveMessage,
  type SecretMessage,
  type SnapshotMessage,
  type TopicsMessage,
} from "../messages.ts";
import { type Answers, answers } from "./calls.ts";

/** Snapshots come once a second; after so long without one the connection is given up, in ms. */
const SILENCE_MS = 6000;

/** Pauses between attempts, in milliseconds; the last one is kept. */
const PAUSES_MS = [500, 1000, 2000, 4000, 8000];

/** Where the connection stands. */
export type LinkState =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | {
      readonly state: "lost";
      readonly why: LossReason;
      /** Since when, in Unix milliseconds. */
      readonly since: number;
      /** When it is tried again. */
      readonly nextAt: number;
      readonly tries: number;
    }
  /** The worker does not take the secret, or takes another one from now on. */
  | { readonly state: "refused"; readonly why: "forbidden" | "changed" };

/** Why there is no connection. */
export type LossReason =
  /** Nobody answers. */
  | "no_answer"
  /** The worker has said that it stops. */
  | "restart"
  /** There are as many pages as there may be. */
  | "full"
  /** The worker answers, but not to this: something in between does not let it through. */
  | "blocked";

/** Takes what comes over the connection. */
export interface Receiver {
  state(state: LinkState): void;
  history(message: HistoryMessage): void;
  snapshot(message: SnapshotMessage): void;
  topics(message: TopicsMessage): void;
}

/** The live connection: opened, watched, and opened again for as long as it takes. */
export class Connection {
  readonly #secret: string;
  readonly #receiver: Receiver;
  #socket: WebSocket | undefined;
  #watchdog: number | undefined;
  #retry: number | undefined;
  #tries = 0;
  #lostSince: number | undefined;
  /** Whether the worker has said that it asks for another secret from now on. */
  #hasChanged = false;
  #isEnded = false;

  constructor(secret: string, receiver: Receiver) {
    this.#secret = secret;
    this.#receiver = receiver;
  }

  /** Connects for the first time. */
  open(): void {
    this.#receiver.state({ state: "connecting" });
    this.#connect();
  }

  /** Tries at once, if it is waiting to: the network or somebody's eyes are back. */
  hurry(): void {
    if (this.#retry !== undefined) {
      this.#connect();
    }
  }

  /** Ends for good. */
  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    this.#socket?.close();
  }

  #connect(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const url = new URL(LIVE_PATH.slice(1), document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    let wasOpen = false;
    this.#watch(socket);
    socket.addEventListener("open", () => {
      wasOpen = true;
      const message: SecretMessage = { secret: this.#secret };
      socket.send(JSON.stringify(message));
    });
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.#socket && !this.#isEnded) {
        this.#watch(socket);
        this.#receive(JSON.parse(String(data)));
      }
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket === this.#socket) {
        void this.#closed(code, wasOpen);
      }
    });
  }

  #receive(message: LiveMessage): void {
    switch (message.type) {
      case "history":
        this.#tries = 0;
        this.#lostSince = undefined;
        this.#hasChanged = false;
        this.#receiver.history(message);
        this.#receiver.state({ state: "live" });
        return;
      case "snapshot":
        this.#receiver.snapshot(message);
        return;
      case "topics":
        this.#receiver.topics(message);
        return;
    }
  }

  /** Gives the socket up when nothing comes: a network that has gone tells nobody. */
  #watch(socket: WebSocket): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      // Its own close may take minutes to be told.
      this.#socket = undefined;
      socket.close();
      void this.#closed(0, true);
    }, SILENCE_MS);
  }

  async #closed(code: number, wasOpen: boolean): Promise<void> {
    this.#socket = undefined;
    clearTimeout(this.#watchdog);
    if (this.#isEnded) {
      return;
    }
    if (code === LIVE_CLOSE.forbidden.code) {
      this.#refuse();
      return;
    }
    if (code === LIVE_CLOSE.secretChanged.code) {
      // This one may still be right.
      this.#hasChanged = true;
      this.#connect();
      return;
    }
    this.#lostSince ??= Date.now();
    const pause = PAUSES_MS[Math.min(this.#tries, PAUSES_MS.length - 1)] ?? SILENCE_MS;
    this.#tries += 1;
    const nextAt = Date.now() + pause;
    this.#retry = setTimeout(() => this.#connect(), pause);
    this.#tellLoss(lossOf(code), nextAt);
    // A browser does not tell why a handshake has failed: another call may find out.
    if (!wasOpen) {
      this.#explain(await answers(this.#secret), nextAt);
    }
  }

  #explain(found: Answers, nextAt: number): void {
    if (this.#isEnded || this.#lostSince === undefined) {
      return;
    }
    if (found === "forbidden") {
      this.#refuse();
    } else if (found === "ok" && this.#tries > 1) {
      this.#tellLoss("blocked", nextAt);
    }
  }

  #tellLoss(why: LossReason, nextAt: number): void {
    const since = this.#lostSince ?? Date.now();
    this.#receiver.state({ state: "lost", why, since, nextAt, tries: this.#tries });
  }

  #refuse(): void {
    this.end();
    this.#receiver.state({ state: "refused", why: this.#hasChanged ? "changed" : "forbidden" });
  }
}

function lossOf(code: number): LossReason {
  switch (code) {
    case LIVE_CLOSE.restart.code:
      return "restart";
    case LIVE_CLOSE.full.code:
      return "full";
    default:
      return "no_answer";
  }
}
