/** RFC 6455, 5.2. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FIN = 0x80;
const MASKED = 0x80;
const OPCODE_BITS = 0x0f;
const RESERVED_BITS = 0x70;

/** RFC 6455, 5.2: lengths above this follow in 16 or 64 bits. */
const SHORT_LENGTH = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** Bytes that wait for the rest of a frame at most; the worker takes no larger body (contract). */
const MAX_FRAME_BYTES = 2 * 1024 * 1024;

/** A frame as a server sends it. */
export interface Frame {
  readonly opcode: number;
  /** Whether its message ends with it. */
  readonly isLast: boolean;
  readonly payload: Buffer;
}

/** Takes frames out of bytes as they come. */
export class FrameReader {
  #bytes: Buffer = Buffer.alloc(0);

  /**
   * The frames that these bytes complete.
   *
   * @returns `undefined` when this is no WebSocket stream; nothing after it makes sense then.
   */
  push(bytes: Uint8Array): readonly Frame[] | undefined {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const frames: Frame[] = [];
    for (;;) {
      const next = this.#take();
      if (next === "incomplete") {
        return frames;
      }
      if (next === "broken") {
        return undefined;
      }
      frames.push(next);
    }
  }

  #take(): Frame | "incomplete" | "broken" {
    const bytes = this.#bytes;
    const [first, second] = bytes;
    if (first === undefined || second === undefined) {
      return "incomplete";
    }
    const head = headOf(bytes, second & ~MASKED);
    if (head === undefined) {
      return "incomplete";
    }
    const isBroken =
      (first & RESERVED_BITS) !== 0 || (second & MASKED) !== 0 || head.length > MAX_FRAME_BYTES;
    if (isBroken) {
      return "broken";
    }
    const end = head.bytes + head.length;
    if (bytes.length < end) {
      return "incomplete";
    }
    this.#bytes = bytes.subarray(end);
    return {
      opcode: first & OPCODE_BITS,
      isLast: (first & FIN) !== 0,
      payload: bytes.subarray(head.bytes, end),
    };
  }
}

/** Length of a frame's head, and of its payload; `undefined` while the head is incomplete. */
function headOf(bytes: Buffer, short: number): { bytes: number; length: number } | undefined {
  switch (short) {
    case LENGTH_16:
      return bytes.length < 4 ? undefined : { bytes: 4, length: bytes.readUInt16BE(2) };
    case LENGTH_64:
      return bytes.length < 10
        ? undefined
        : { bytes: 10, length: Number(bytes.readBigUInt64BE(2)) };
    default:
      return { bytes: 2, length: short };
  }
}

/**
 * A frame as clients send it, masked.
 *
 * @param payload At most 65,535 bytes.
 * @param mask Four random bytes.
 */
export function clientFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Buffer {
  const { length } = payload;
  const head =
    length <= SHORT_LENGTH
      ? [FIN | opcode, MASKED | length]
      : [FIN | opcode, MASKED | LENGTH_16, length >> 8, length & 0xff];
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from(head), mask, masked]);
}
