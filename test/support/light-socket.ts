import { crc32 } from "node:zlib";
import { LOOPBACK } from "./tcp-client.ts";
import { encodeFrame, OPCODE, topicTarget, upgradeRequest, type WsOptions } from "./ws-client.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
const SWITCHING = "HTTP/1.1 101 ";

const SHORT_LENGTH = 125;
const LENGTH_16 = 126;

/** Longest header of a server's frame. */
const MAX_HEADER = 10;

/** How a {@link LightSocket} is opened. */
export interface LightOptions extends Pick<WsOptions, "port" | "topic" | "headers"> {
  readonly token?: string;
  /** `true`: stops reading once it is subscribed, for good. */
  readonly stalls?: boolean;
}

/**
 * A subscribed browser that keeps nothing of what it gets but its number and a checksum, so that a
 * test can have thousands that get megabytes each. Answers pings, as browsers do.
 */
export class LightSocket implements Disposable {
  /** Text frames received, `auth_ok` not counted. */
  frames = 0;
  /** CRC-32 over the text of all of them, one after the other. */
  checksum = 0;
  isClosed = false;
  readonly #options: LightOptions;
  readonly #subscribed = Promise.withResolvers<void>();
  #socket: Bun.Socket | undefined;
  #isUpgraded = false;
  /** The beginning of something: of the HTTP answer, or of a frame's header. */
  #head: Buffer = Buffer.alloc(0);
  /** Bytes of the frame's payload that are still to come; -1 before its header. */
  #left = -1;
  #opcode = 0;
  #isSubscribed = false;

  private constructor(options: LightOptions) {
    this.#options = options;
  }

  /** Opens and authenticates; anything but `auth_ok` is a fault. */
  static async subscribe(options: LightOptions): Promise<LightSocket> {
    const client = new LightSocket(options);
    client.#socket = await Bun.connect({
      hostname: LOOPBACK,
      port: options.port,
      socket: {
        data: (_socket, bytes) => client.#receive(bytes),
        close: () => client.#closed(),
        error: () => client.#closed(),
      },
    });
    client.#socket.write(upgradeRequest(topicTarget(options.topic), options.headers));
    await client.#subscribed.promise;
    return client;
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
  }

  #closed(): void {
    this.isClosed = true;
    this.#subscribed.reject(new Error("the socket was closed before it was subscribed"));
  }

  #receive(bytes: Buffer): void {
    let at = 0;
    if (!this.#isUpgraded) {
      const rest = this.#upgrade(bytes);
      if (rest === undefined) {
        return;
      }
      at = rest;
    }
    while (at < bytes.length) {
      at = this.#left < 0 ? this.#readHeader(bytes, at) : this.#readPayload(bytes, at);
      if (this.#left === 0) {
        this.#frameEnded();
      }
    }
  }

  /** Reads the HTTP answer, and returns where in these bytes frames begin. */
  #upgrade(bytes: Buffer): number | undefined {
    const before = this.#head.length;
    const all = Buffer.concat([this.#head, bytes]);
    const end = all.indexOf(HEAD_END);
    if (end < 0) {
      this.#head = all;
      return undefined;
    }
    const head = all.toString("latin1", 0, end);
    if (!head.startsWith(SWITCHING)) {
      this.#subscribed.reject(new Error(`no upgrade: ${head}`));
    }
    this.#isUpgraded = true;
    this.#head = Buffer.alloc(0);
    this.#send(OPCODE.text, JSON.stringify({ type: "auth", token: this.#options.token }));
    return end + HEAD_END.length - before;
  }

  /** Reads a frame's header, which may come in pieces, and returns where its payload begins. */
  #readHeader(bytes: Buffer, at: number): number {
    const before = this.#head.length;
    const head = Buffer.concat([this.#head, bytes.subarray(at, at + MAX_HEADER - before)]);
    const header = headerOf(head);
    if (header === undefined) {
      this.#head = head;
      return at + head.length - before;
    }
    this.#head = Buffer.alloc(0);
    this.#opcode = (head[0] ?? 0) & 0x0f;
    this.#left = header.length;
    return at + header.bytes - before;
  }

  #readPayload(bytes: Buffer, at: number): number {
    const end = Math.min(at + this.#left, bytes.length);
    if (this.#opcode === OPCODE.text && this.#isSubscribed) {
      this.checksum = crc32(bytes.subarray(at, end), this.checksum);
    }
    this.#left -= end - at;
    return end;
  }

  #frameEnded(): void {
    this.#left = -1;
    if (this.#opcode === OPCODE.ping) {
      this.#send(OPCODE.pong, "");
    } else if (this.#opcode === OPCODE.text && this.#isSubscribed) {
      this.frames += 1;
    } else if (this.#opcode === OPCODE.text) {
      this.#isSubscribed = true;
      if (this.#options.stalls === true) {
        this.#socket?.pause();
      }
      this.#subscribed.resolve();
    }
  }

  #send(opcode: number, payload: string): void {
    this.#socket?.write(encodeFrame({ opcode, payload }));
  }
}

function headerOf(head: Buffer): { bytes: number; length: number } | undefined {
  const short = head[1];
  if (short === undefined || short <= SHORT_LENGTH) {
    return short === undefined ? undefined : { bytes: 2, length: short };
  }
  if (short === LENGTH_16) {
    return head.length < 4 ? undefined : { bytes: 4, length: head.readUInt16BE(2) };
  }
  return head.length < 10 ? undefined : { bytes: 10, length: Number(head.readBigUInt64BE(2)) };
}

/** How many connections are opened at once: fewer than a queue for newcomers holds. */
const OPENING_AT_ONCE = 200;

/** Opens many, some at a time. */
export async function subscribeMany(
  count: number,
  options: (index: number) => LightOptions,
): Promise<LightSocket[]> {
  const sockets: LightSocket[] = [];
  let next = 0;
  const openSome = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      sockets[index] = await LightSocket.subscribe(options(index));
    }
  };
  await Promise.all(Array.from({ length: Math.min(OPENING_AT_ONCE, count) }, openSome));
  return sockets;
}
