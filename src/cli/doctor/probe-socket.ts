import type { Socket } from "node:net";
import { clientFrame, type Frame, FrameReader, OPCODE } from "./frames.ts";

/** RFC 6455, 7.1.5: what a client says of a connection that ended without a close frame. */
const ABNORMAL = 1006;
const NO_CODE = 1005;
const NORMAL = 1000;

/** A text frame, and when it was complete. */
export interface Arrival {
  readonly text: string;
  /** Milliseconds on the monotonic clock. */
  readonly at: number;
}

/** How a socket ended, and when. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
  readonly at: number;
}

/**
 * A WebSocket client that watches what others hide: when each frame came, and the pings. It answers
 * pings, as browsers do.
 */
export class ProbeSocket {
  readonly arrivals: Arrival[] = [];
  /** When pings came, in milliseconds on the monotonic clock. */
  readonly pings: number[] = [];
  /** `undefined` while it is open. */
  closing: Closing | undefined;
  /** When a frame last came, but for the one that closes. */
  lastHeardAt: number;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #mask: (count: number) => Uint8Array;
  readonly #parts: Buffer[] = [];
  #changed: (() => void) | undefined;

  /**
   * @param rest What came right behind the upgrade's answer.
   * @param mask Makes random bytes.
   */
  constructor(socket: Socket, rest: Buffer, mask: (count: number) => Uint8Array) {
    this.#socket = socket;
    this.#mask = mask;
    this.lastHeardAt = performance.now();
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    const ended = (): void => this.#close(ABNORMAL, "");
    socket.on("end", ended);
    socket.on("close", ended);
    this.#read(rest);
  }

  send(text: string): void {
    this.#write(OPCODE.text, Buffer.from(text, "utf8"));
  }

  /**
   * Waits until `look` sees something.
   *
   * @returns `undefined` when it has not by the deadline or when the socket has ended.
   */
  async until<Seen>(
    look: () => Seen | undefined,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Seen | undefined> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const seen = look();
      const left = end - performance.now();
      if (seen !== undefined || this.closing !== undefined || left <= 0 || signal.aborted) {
        return seen;
      }
      await this.#change(left, signal);
    }
  }

  /** Says good-bye and lets go. */
  end(): void {
    if (this.closing === undefined) {
      this.#write(OPCODE.close, Buffer.from([NORMAL >> 8, NORMAL & 0xff]));
    }
    this.#socket.end();
    this.#socket.destroySoon();
  }

  /** Resolves at the next change, at the deadline, or when aborted. */
  #change(deadlineMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const give = (): void => resolve();
    const timer = setTimeout(give, deadlineMs);
    this.#changed = give;
    signal.addEventListener("abort", give);
    return promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", give);
    });
  }

  #read(bytes: Buffer): void {
    const frames = this.#reader.push(bytes);
    if (frames === undefined) {
      this.#close(ABNORMAL, "no WebSocket frames");
      this.#socket.destroy();
    } else {
      for (const frame of frames) {
        this.#receive(frame);
      }
    }
    this.#changed?.();
  }

  #receive({ opcode, isLast, payload }: Frame): void {
    if (opcode !== OPCODE.close) {
      this.lastHeardAt = performance.now();
    }
    switch (opcode) {
      case OPCODE.text:
      case OPCODE.continuation:
        this.#parts.push(payload);
        if (isLast) {
          const text = Buffer.concat(this.#parts.splice(0)).toString("utf8");
          this.arrivals.push({ text, at: performance.now() });
        }
        return;
      case OPCODE.ping:
        this.pings.push(performance.now());
        this.#write(OPCODE.pong, payload);
        return;
      case OPCODE.close: {
        const code = payload.length < 2 ? NO_CODE : payload.readUInt16BE();
        this.#close(code, payload.subarray(2).toString("utf8"));
        return;
      }
      default:
        return;
    }
  }

  #close(code: number, reason: string): void {
    this.closing ??= { code, reason, at: performance.now() };
    this.#changed?.();
  }

  #write(opcode: number, payload: Uint8Array): void {
    if (this.#socket.writable) {
      this.#socket.write(clientFrame(opcode, payload, this.#mask(4)));
    }
  }
}
