/** A page's socket, as far as it is used. */
export interface PageSocket {
  /** Bytes that have been given to `send` and not to the network. */
  readonly bufferedAmount: number;
  send(text: string): void;
  ping(): void;
  close(code: number, reason: string): void;
  /** Ends the connection without a word. */
  terminate(): void;
}

/** What may wait for a page, in bytes; it gets nothing more until it has read. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * After how many seconds a page is given up that has given no sign of life, or has not read: longer
 * than a phone is out of reach in a lift.
 */
const MAX_SILENT_SECONDS = 60;

/** How often a page is asked for a sign of life, in seconds. */
const PING_SECONDS = 20;

/** A page that is looked at: gets what it can take, and is given up when it shows no life. */
export class LivePage {
  readonly #socket: PageSocket;
  /** Seconds since its last sign of life. */
  #silent = 0;
  /** Seconds for which it has not been able to take anything. */
  #stuck = 0;
  /** The topics as it knows them. */
  #topics = "";

  constructor(socket: PageSocket) {
    this.#socket = socket;
  }

  /** Sends something, unless too much waits already; whether it was sent. */
  send(text: string): boolean {
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) {
      return false;
    }
    this.#socket.send(text);
    return true;
  }

  /** Sends the topics if it knows them otherwise. */
  tellTopics(topics: string): void {
    if (topics !== this.#topics && this.send(topics)) {
      this.#topics = topics;
    }
  }

  /** It has given a sign of life. */
  heard(): void {
    this.#silent = 0;
  }

  /** To be called once a second. */
  tick(): void {
    this.#silent += 1;
    this.#stuck = this.#socket.bufferedAmount > MAX_BUFFERED_BYTES ? this.#stuck + 1 : 0;
    if (this.#silent > MAX_SILENT_SECONDS || this.#stuck > MAX_SILENT_SECONDS) {
      this.#socket.terminate();
    } else if (this.#silent % PING_SECONDS === 0) {
      this.#socket.ping();
    }
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}
