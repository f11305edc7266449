import { Changes } from "./changes.ts";

/** The machine that everything here talks to. */
export const LOOPBACK = "127.0.0.1";

const NOTHING = Buffer.alloc(0);

/** A plain TCP connection: bytes as they are, in both directions. */
export class TcpClient implements Disposable {
  readonly #changes = new Changes();
  /** Everything received and not yet taken. */
  received: Buffer = NOTHING;
  /** The peer has closed its side, or the connection was reset. */
  isEnded = false;
  /** Sees every change before those who wait; what it throws reaches them. */
  onChange: (() => void) | undefined;
  #fault: unknown;
  #socket: Bun.Socket | undefined;
  /** What the peer has not taken yet, in pieces. */
  readonly #unsent: Buffer[] = [];
  #endAfterSending = false;

  static async connect(port: number, hostname: string = LOOPBACK): Promise<TcpClient> {
    const client = new TcpClient();
    await client.#connect(port, hostname);
    return client;
  }

  async #connect(port: number, hostname: string): Promise<void> {
    this.#socket = await Bun.connect({
      hostname,
      port,
      allowHalfOpen: true,
      socket: {
        data: (_socket, bytes) => {
          this.received =
            this.received.length === 0 ? bytes : Buffer.concat([this.received, bytes]);
          this.#changed();
        },
        drain: () => this.#send(),
        end: () => this.#ended(),
        close: () => this.#ended(),
        error: () => this.#ended(),
      },
    });
    this.#socket.setNoDelay(true);
  }

  /** Sends bytes, as fast as the peer takes them. What the peer no longer takes is dropped. */
  write(bytes: string | Uint8Array): void {
    this.#unsent.push(Buffer.from(bytes));
    if (this.#unsent.length === 1) {
      this.#send();
    }
  }

  /** Closes this side once everything is sent; the peer's side stays open. */
  end(): void {
    this.#endAfterSending = true;
    this.#send();
  }

  /** Whether the peer has taken everything. */
  get isSent(): boolean {
    return this.#unsent.length === 0;
  }

  /** Stops reading: what the peer sends stays in the network's buffers. */
  pause(): void {
    this.#socket?.pause();
  }

  /** Ends the connection abruptly, as a process that dies or a cable that is cut. */
  reset(): void {
    this.#socket?.terminate();
  }

  /** Waits until `look` sees something in what was received; it may take bytes away. */
  until<Seen>(
    look: () => Seen | undefined,
    what: string | (() => string),
    deadlineMs?: number,
  ): Promise<Seen> {
    const describe = (): string => {
      const start = this.received.subarray(0, 200).toString("latin1");
      const end = this.isEnded ? ", then the end" : "";
      return `${typeof what === "string" ? what : what()}; there were ${this.received.length} bytes: ${JSON.stringify(start)}${end}`;
    };
    const lookAgain = (): Seen | undefined => {
      if (this.#fault !== undefined) {
        throw this.#fault;
      }
      return look();
    };
    return this.#changes.until(lookAgain, describe, deadlineMs);
  }

  /** Waits until the peer has closed the connection or its side of it. */
  async ended(deadlineMs?: number): Promise<void> {
    await this.until(() => this.isEnded || undefined, "the end of the connection", deadlineMs);
  }

  /** Takes the first bytes out of what was received. */
  take(count: number): Buffer {
    const taken = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return taken;
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
  }

  #send(): void {
    const socket = this.#socket;
    if (socket === undefined) {
      return;
    }
    for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
      const sent = Math.max(socket.write(next), 0);
      if (sent < next.length) {
        this.#unsent[0] = next.subarray(sent);
        break;
      }
      this.#unsent.shift();
    }
    if (this.#endAfterSending && this.#unsent.length === 0) {
      socket.shutdown();
    }
    this.#changes.notify();
  }

  #ended(): void {
    this.isEnded = true;
    this.#changed();
  }

  #changed(): void {
    try {
      this.onChange?.();
    } catch (fault) {
      this.#fault ??= fault;
    }
    this.#changes.notify();
  }
}
