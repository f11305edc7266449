import { createHash, randomBytes } from "node:crypto";
import { type HttpAnswer, parseAnswer } from "./http.ts";
import { LOOPBACK, TcpClient } from "./tcp-client.ts";

/** RFC 6455, 1.3: what a server must mix into its answer. */
const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** RFC 6455, 5.2. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FIN = 0x80;
const MASKED = 0x80;
const SHORT_LENGTH = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MAX_LENGTH_16 = 0xffff;
const HEADER_BYTES = 2;

/** RFC 6455, 7.1.5: what a client says of a connection that ended without a close frame. */
const ABNORMAL = 1006;
const NO_CODE = 1005;

/** A frame to be sent, right or wrong. */
export interface OutFrame {
  readonly opcode: number;
  readonly payload?: string | Uint8Array;
  /** Whether it is the last of its message; it is unless said otherwise. */
  readonly fin?: boolean;
  /** The three reserved bits, 0…7. */
  readonly rsv?: number;
  /** Whether it is masked, as a client's frames must be. */
  readonly mask?: boolean;
}

/** How a socket ended. */
export interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

export interface WsOptions {
  readonly port: number;
  readonly topic: string;
  /** Path and query instead of those that lead to the topic. */
  readonly target?: string;
  readonly hostname?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** `false`: lets pings pass in silence. */
  readonly answersPings?: boolean;
  /** `false`: leaves a close frame unanswered. */
  readonly answersClose?: boolean;
}

/** The bytes of a frame. */
export function encodeFrame({ opcode, payload = "", fin = true, rsv = 0, mask = true }: OutFrame) {
  const content = Buffer.from(payload);
  const flags = (fin ? FIN : 0) | (rsv << 4) | opcode;
  const maskBit = mask ? MASKED : 0;
  let header: Buffer;
  if (content.length <= SHORT_LENGTH) {
    header = Buffer.from([flags, maskBit | content.length]);
  } else if (content.length <= MAX_LENGTH_16) {
    header = Buffer.from([flags, maskBit | LENGTH_16, 0, 0]);
    header.writeUInt16BE(content.length, HEADER_BYTES);
  } else {
    header = Buffer.from([flags, maskBit | LENGTH_64, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.writeBigUInt64BE(BigInt(content.length), HEADER_BYTES);
  }
  if (!mask) {
    return Buffer.concat([header, content]);
  }
  const key = randomBytes(4);
  const masked = Buffer.from(content.map((byte, index) => byte ^ (key[index % 4] ?? 0)));
  return Buffer.concat([header, key, masked]);
}

/** The upgrade request of a WebSocket client. */
export function upgradeRequest(
  target: string,
  headers: WsOptions["headers"] = [],
  key: string = randomBytes(16).toString("base64"),
): string {
  const lines = [
    `GET ${target} HTTP/1.1`,
    `Host: ${LOOPBACK}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The path that leads to a topic, written as browsers write it. */
export function topicTarget(topic: string): string {
  return `/ws?topic=${encodeURIComponent(topic)}`;
}

/**
 * A WebSocket client that is strict with the server, exact about bytes, and sends whatever a test
 * wants, frames no browser would send included. Light enough to have thousands of.
 */
export class WsClient implements Disposable {
  readonly tcp: TcpClient;
  /** Every text frame received, in order. */
  readonly frames: string[] = [];
  /** When pings came, on the monotonic clock, in milliseconds. */
  readonly pingedAt: number[] = [];
  /** Payloads of pongs received. */
  readonly pongs: string[] = [];
  /** How it ended; `undefined` while it is open. */
  close: CloseInfo | undefined;
  #nextUnread = 0;
  readonly #answersPings: boolean;
  readonly #answersClose: boolean;

  private constructor(tcp: TcpClient, options: WsOptions) {
    this.tcp = tcp;
    this.#answersPings = options.answersPings ?? true;
    this.#answersClose = options.answersClose ?? true;
  }

  /** Opens a socket; any answer but a right 101 is a fault. */
  static async open(options: WsOptions): Promise<WsClient> {
    const key = randomBytes(16).toString("base64");
    const tcp = await TcpClient.connect(options.port, options.hostname);
    try {
      const target = options.target ?? topicTarget(options.topic);
      tcp.write(upgradeRequest(target, options.headers, key));
      const answer = await upgradeAnswer(tcp);
      checkUpgrade(answer, key);
      const client = new WsClient(tcp, options);
      client.#listen();
      return client;
    } catch (fault) {
      tcp[Symbol.dispose]();
      throw fault;
    }
  }

  /** Opens a socket and authenticates; with a token unless the topic needs none. */
  static async subscribe(options: WsOptions & { readonly token?: string }): Promise<WsClient> {
    const client = await WsClient.open(options);
    client.sendAuth(options.token);
    const answer = await client.nextFrame();
    if (answer !== '{"type":"auth_ok"}') {
      client[Symbol.dispose]();
      throw new Error(`not let in: ${answer}`);
    }
    return client;
  }

  send(frame: OutFrame): void {
    this.tcp.write(encodeFrame(frame));
  }

  sendText(text: string): void {
    this.send({ opcode: OPCODE.text, payload: text });
  }

  sendAuth(token?: string): void {
    this.sendText(JSON.stringify({ type: "auth", token }));
  }

  /** Says good-bye as a browser does that leaves the page. */
  sendClose(code: number = 1000): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.send({ opcode: OPCODE.close, payload });
  }

  /** Ends the connection without a good-bye. */
  reset(): void {
    this.tcp.reset();
  }

  /** The next text frame that was not asked for yet; an end before it is a fault. */
  async nextFrame(deadlineMs?: number): Promise<string> {
    const frame = await this.until(
      () => this.frames[this.#nextUnread] ?? this.#throwIfClosed("a frame"),
      "a frame",
      deadlineMs,
    );
    this.#nextUnread += 1;
    return frame;
  }

  /** Waits until so many text frames have come in all. */
  async framesReach(count: number, deadlineMs?: number): Promise<readonly string[]> {
    return await this.until(
      () => (this.frames.length >= count ? this.frames : this.#throwIfClosed(`${count} frames`)),
      () => `${count} frames (has ${this.frames.length})`,
      deadlineMs,
    );
  }

  /** Waits for the end. */
  async closed(deadlineMs?: number): Promise<CloseInfo> {
    return await this.until(() => this.close, "the close", deadlineMs);
  }

  /** Waits for the end, and returns what came since the last frame asked for, the end last. */
  async restAndClose(deadlineMs?: number): Promise<readonly (string | CloseInfo)[]> {
    const close = await this.closed(deadlineMs);
    const rest = this.frames.slice(this.#nextUnread);
    this.#nextUnread = this.frames.length;
    return [...rest, close];
  }

  until<Seen>(
    look: () => Seen | undefined,
    what: string | (() => string),
    deadlineMs?: number,
  ): Promise<Seen> {
    return this.tcp.until(look, what, deadlineMs);
  }

  [Symbol.dispose](): void {
    this.tcp[Symbol.dispose]();
  }

  #throwIfClosed(awaited: string): undefined {
    if (this.close !== undefined) {
      throw new Error(`closed (${this.close.code} ${this.close.reason}) instead of ${awaited}`);
    }
    return undefined;
  }

  /** Takes frames out of the bytes as they come; faults of the server reach whoever waits. */
  #listen(): void {
    this.tcp.onChange = () => {
      while (this.#takeFrame()) {
        // Every whole frame is taken.
      }
      if (this.tcp.isEnded) {
        this.close ??= { code: ABNORMAL, reason: "" };
      }
    };
    this.tcp.onChange();
  }

  #takeFrame(): boolean {
    const bytes = this.tcp.received;
    const [first, second] = bytes;
    if (first === undefined || second === undefined) {
      return false;
    }
    const header = headerOf(bytes, second);
    if (header === undefined || bytes.length < header.bytes + header.length) {
      return false;
    }
    if ((first & 0x70) !== 0 || (first & FIN) === 0 || (second & MASKED) !== 0) {
      throw new Error(
        `the server sent a frame beginning ${first.toString(16)} ${second.toString(16)}`,
      );
    }
    const payload = Buffer.from(this.tcp.take(header.bytes + header.length)).subarray(header.bytes);
    this.#receive(first & 0x0f, payload);
    return true;
  }

  #receive(opcode: number, payload: Buffer): void {
    if (this.close !== undefined) {
      throw new Error(`the server sent a frame with opcode ${opcode} behind its close frame`);
    }
    switch (opcode) {
      case OPCODE.text:
        this.frames.push(
          new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload),
        );
        return;
      case OPCODE.ping:
        this.pingedAt.push(performance.now());
        if (this.#answersPings) {
          this.send({ opcode: OPCODE.pong, payload });
        }
        return;
      case OPCODE.pong:
        this.pongs.push(payload.toString("utf8"));
        return;
      case OPCODE.close:
        this.close ??= {
          code: payload.length === 0 ? NO_CODE : payload.readUInt16BE(),
          reason: payload.subarray(2).toString("utf8"),
        };
        if (this.#answersClose) {
          this.send({ opcode: OPCODE.close, payload: payload.subarray(0, 2) });
          this.tcp.end();
        }
        return;
      default:
        throw new Error(`the server sent a frame with opcode ${opcode}`);
    }
  }
}

/** Reads the answer to an upgrade request; what follows it stays for the frames. */
export function upgradeAnswer(tcp: TcpClient): Promise<HttpAnswer> {
  const look = (): HttpAnswer | undefined => {
    const parsed = parseAnswer(tcp.received, tcp.isEnded);
    if (parsed !== undefined) {
      tcp.take(parsed.length);
    } else if (tcp.isEnded) {
      throw new Error("the connection ended instead of an answer to the upgrade");
    }
    return parsed?.answer;
  };
  return tcp.until(look, "an answer to the upgrade");
}

function checkUpgrade({ status, headers, body }: HttpAnswer, key: string): void {
  if (status !== 101) {
    throw new Error(`no upgrade: ${status} ${body}`);
  }
  const accept = createHash("sha1")
    .update(key + HANDSHAKE_GUID)
    .digest("base64");
  if (headers.get("sec-websocket-accept") !== accept) {
    throw new Error("the upgrade's answer does not fit its question");
  }
  if (headers.has("sec-websocket-extensions") || headers.has("sec-websocket-protocol")) {
    throw new Error("the upgrade grants what was not asked for");
  }
}

function headerOf(bytes: Buffer, second: number): { bytes: number; length: number } | undefined {
  const short = second & 0x7f;
  if (short === LENGTH_16) {
    return bytes.length < 4 ? undefined : { bytes: 4, length: bytes.readUInt16BE(2) };
  }
  if (short === LENGTH_64) {
    return bytes.length < 10 ? undefined : { bytes: 10, length: Number(bytes.readBigUInt64BE(2)) };
  }
  return { bytes: HEADER_BYTES, length: short };
}
