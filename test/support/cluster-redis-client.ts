import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { LOOPBACK } from "./tcp-client.ts";

const CRLF = Buffer.from("\r\n");

/** What Redis answers, as RESP2 has it; a refusal is an `Error`. */
export type RedisReply = string | number | null | Error | readonly RedisReply[];

/** A word of a command; bytes go out as they are. */
export type RedisWord = string | number | Uint8Array;

/** Where a server is and who comes. */
export interface RedisAddress {
  readonly port?: number;
  /** A Unix socket instead of a port. */
  readonly path?: string;
  readonly user?: string;
  readonly password?: string;
  /** PEM text of the authority, when the server speaks TLS. */
  readonly ca?: string;
}

/** The bytes of a command. */
export function encodeCommand(words: readonly RedisWord[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = typeof word === "object" ? Buffer.from(word) : Buffer.from(String(word));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(parts);
}

/** One connection to Redis that does what it is told and nothing by itself: the hand of a test. */
export class RedisClient implements Disposable {
  readonly #socket: Socket;
  readonly #waiting: ((reply: RedisReply) => void)[] = [];
  #received: Buffer = Buffer.alloc(0);
  #onMessage: ((message: string, channel: string) => void) | undefined;
  #isEnded = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    const end = (): void => {
      this.#isEnded = true;
      for (const resolve of this.#waiting.splice(0)) {
        resolve(new Error("connection ended"));
      }
    };
    socket.on("close", end);
    socket.on("error", end);
  }

  static async connect({ port, path, user, password, ca }: RedisAddress): Promise<RedisClient> {
    const where = path === undefined ? { host: LOOPBACK, port: port ?? 0 } : { path };
    const socket = ca === undefined ? connectPlain(where) : connectTls({ ...where, ca });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once(ca === undefined ? "connect" : "secureConnect", resolve);
    socket.once("error", reject);
    await promise;
    const client = new RedisClient(socket);
    if (password !== undefined) {
      await client.do("AUTH", ...(user === undefined ? [] : [user]), password);
    }
    return client;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Sends a command; Redis' refusal is an answer like any other. */
  ask(...words: readonly RedisWord[]): Promise<RedisReply> {
    const { promise, resolve } = Promise.withResolvers<RedisReply>();
    if (this.#isEnded) {
      resolve(new Error("connection ended"));
      return promise;
    }
    this.#waiting.push(resolve);
    this.#socket.write(encodeCommand(words));
    return promise;
  }

  /** Sends a command; Redis' refusal is a fault. */
  async do(...words: readonly RedisWord[]): Promise<RedisReply> {
    const reply = await this.ask(...words);
    if (reply instanceof Error) {
      throw new Error(`${words[0]}: ${reply.message}`, { cause: reply });
    }
    return reply;
  }

  /** As `do`, for what answers with text. */
  async text(...words: readonly RedisWord[]): Promise<string> {
    return String(await this.do(...words));
  }

  /** As `do`, for what answers with a number. */
  async number(...words: readonly RedisWord[]): Promise<number> {
    return Number(await this.do(...words));
  }

  /** Subscribes; from then on this connection hears and commands nothing. */
  async subscribe(channel: string, onMessage: (message: string) => void): Promise<void> {
    this.#onMessage = onMessage;
    await this.do("SUBSCRIBE", channel);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    let at = 0;
    for (;;) {
      const parsed = parseReply(this.#received, at);
      if (parsed === undefined) {
        break;
      }
      at = parsed.end;
      this.#take(parsed.reply);
    }
    this.#received = this.#received.subarray(at);
  }

  #take(reply: RedisReply): void {
    if (this.#onMessage !== undefined && Array.isArray(reply) && reply[0] === "message") {
      this.#onMessage(String(reply[2]), String(reply[1]));
      return;
    }
    this.#waiting.shift()?.(reply);
  }
}

/** The reply that begins at `at`, and where it ends; `undefined` while it is incomplete. */
function parseReply(bytes: Buffer, at: number): { reply: RedisReply; end: number } | undefined {
  const lineEnd = bytes.indexOf(CRLF, at);
  if (lineEnd < 0) {
    return undefined;
  }
  const line = bytes.toString("utf8", at + 1, lineEnd);
  const next = lineEnd + CRLF.length;
  switch (bytes[at]) {
    case 0x2b: // +
      return { reply: line, end: next };
    case 0x2d: // -
      return { reply: new Error(line), end: next };
    case 0x3a: // :
      return { reply: Number(line), end: next };
    case 0x24: {
      // $
      const length = Number(line);
      if (length < 0) {
        return { reply: null, end: next };
      }
      const end = next + length + CRLF.length;
      return bytes.length < end
        ? undefined
        : { reply: bytes.toString("utf8", next, next + length), end };
    }
    case 0x2a: {
      // *
      const items: RedisReply[] = [];
      let end = next;
      for (let count = Number(line); count > 0; count -= 1) {
        const item = parseReply(bytes, end);
        if (item === undefined) {
          return undefined;
        }
        items.push(item.reply);
        end = item.end;
      }
      return { reply: items, end };
    }
    default:
      throw new Error(`no RESP2: ${JSON.stringify(line)}`);
  }
}
