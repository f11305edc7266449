import { Changes } from "../support/changes.ts";
import { makeToken } from "../support/token.ts";

/** Where a browser connects to, and as whom. */
export interface BrowserOptions {
  /** The endpoint, without `?topic=`. */
  readonly endpoint: string;
  readonly topic: string;
  readonly secret: string;
  /** PEM text of the one authority it trusts. */
  readonly ca: string;
}

/** A browser's socket through a load balancer with TLS. */
export class Browser implements Disposable {
  /** Every frame received, in order. */
  readonly frames: string[] = [];
  readonly #socket: WebSocket;
  readonly #changes = new Changes();
  #closeCode: number | undefined;

  private constructor({ endpoint, topic, secret, ca }: BrowserOptions) {
    const url = `${endpoint}?topic=${encodeURIComponent(topic)}`;
    this.#socket = new WebSocket(url, { tls: { ca } });
    const token = makeToken(secret, topic);
    this.#socket.onopen = () => this.#socket.send(JSON.stringify({ type: "auth", token }));
    this.#socket.onmessage = ({ data }) => {
      this.frames.push(String(data));
      this.#changes.notify();
    };
    this.#socket.onclose = ({ code }) => {
      this.#closeCode = code;
      this.#changes.notify();
    };
  }

  /** Opens a socket and waits until it is subscribed. */
  static async subscribe(options: BrowserOptions): Promise<Browser> {
    const browser = new Browser(options);
    try {
      await browser.framesReach(1);
      if (browser.frames[0] !== '{"type":"auth_ok"}') {
        throw new Error(`not let in: ${browser.frames[0]}`);
      }
      browser.frames.length = 0;
      return browser;
    } catch (fault) {
      browser[Symbol.dispose]();
      throw fault;
    }
  }

  /** Waits until so many frames have come in all. */
  async framesReach(count: number): Promise<readonly string[]> {
    const look = (): readonly string[] | undefined => {
      if (this.frames.length >= count) {
        return this.frames;
      }
      if (this.#closeCode !== undefined) {
        throw new Error(`closed (${this.#closeCode}) instead of ${count} frames`);
      }
      return undefined;
    };
    return await this.#changes.until(look, () => `${count} frames, has ${this.frames.length}`);
  }

  /** Whether the connection has ended. */
  get isClosed(): boolean {
    return this.#closeCode !== undefined;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
