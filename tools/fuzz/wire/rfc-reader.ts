import { must } from "../check.ts";

/** What a server must make of a client's bytes, after RFC 6455 and the contract. */
export interface Reading {
  /** Everything that must be answered, in order: pongs by their payload, texts as they are. */
  readonly answers: readonly Answer[];
  /** How the connection must end; `undefined` while it goes on. */
  readonly close: Close | undefined;
  /** The bytes end within a frame, of which the server may have judged the beginning. */
  readonly isMidFrame: boolean;
}

export type Answer =
  | { readonly kind: "pong"; readonly payload: string }
  | { readonly kind: "text"; readonly text: string };

/** The close frame that is to come: one of these codes, where more than one rule is broken. */
export interface Close {
  readonly codes: readonly number[];
}

/** How a first message is answered: a text, and whether the client is in. */
export type Authenticate = (message: string | undefined) => {
  readonly text: string;
  readonly isIn: boolean;
};

/** Largest message that is read, in bytes (contract). */
const MAX_MESSAGE_BYTES = 4096;

const MAX_CONTROL_BYTES = 125;

const HANDSHAKE_FAILED: Close = { codes: [1008] };

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

interface Frame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly isMasked: boolean;
  readonly length: bigint;
  /** Whether the length stands in the first two bytes. */
  readonly isShort: boolean;
  /** Where it ends; beyond the bytes when it is not whole. */
  readonly end: bigint;
  readonly payload: Buffer;
}

/** Reads all of a client's bytes from its first frame on. */
export function readClient(bytes: Buffer, authenticate: Authenticate): Reading {
  const answers: Answer[] = [];
  let message: { readonly isText: boolean; readonly parts: Buffer[] } | undefined;
  let isIn = false;
  let at = 0;
  const end = (close: Close): Reading => ({ answers, close, isMidFrame: false });
  while (at < bytes.length) {
    const frame = frameAt(bytes, at);
    if (frame === undefined) {
      return { answers, close: undefined, isMidFrame: true };
    }
    const known = message?.parts.reduce((sum, part) => sum + part.length, 0) ?? 0;
    const codes = brokenRules(frame, message !== undefined, known);
    if (frame.end > BigInt(bytes.length)) {
      return { answers, close: undefined, isMidFrame: true };
    }
    if (codes.length > 0) {
      return end({ codes });
    }
    at = Number(frame.end);
    const { opcode, payload } = frame;
    if (opcode === OPCODE.close) {
      return end({ codes: closeAnswers(payload) });
    }
    if (opcode === OPCODE.ping) {
      answers.push({ kind: "pong", payload: payload.toString("latin1") });
      continue;
    }
    if (opcode === OPCODE.pong) {
      continue;
    }
    message ??= { isText: opcode === OPCODE.text, parts: [] };
    message.parts.push(payload);
    if (!frame.fin) {
      continue;
    }
    const content = Buffer.concat(message.parts);
    const text = message.isText ? utf8(content) : undefined;
    if (message.isText && text === undefined) {
      return end({ codes: [1007] });
    }
    message = undefined;
    if (!isIn) {
      const answer = authenticate(text);
      answers.push({ kind: "text", text: answer.text });
      if (!answer.isIn) {
        return end(HANDSHAKE_FAILED);
      }
      isIn = true;
    }
  }
  return { answers, close: undefined, isMidFrame: false };
}

/**
 * What a client has heard: answers and the code of the close frame (1005 for one without, 1006 for no
 * such frame). Throws when a server may not write so: masked, fragmented, cut short, or behind a close.
 */
export function readServer(bytes: Buffer): { answers: Answer[]; code: number } {
  const answers: Answer[] = [];
  let code = 1006;
  for (let at = 0; at < bytes.length; ) {
    const frame = frameAt(bytes, at);
    must(frame !== undefined && frame.end <= BigInt(bytes.length), "a frame is cut short");
    must(frame.fin && frame.rsv === 0 && !frame.isMasked, "a frame that no server may send");
    must(code === 1006, "a frame behind the close frame");
    const { opcode, payload } = frame;
    if (opcode === OPCODE.pong) {
      answers.push({ kind: "pong", payload: payload.toString("latin1") });
    } else if (opcode === OPCODE.text) {
      answers.push({ kind: "text", text: utf8(payload) ?? "no UTF-8" });
    } else {
      must(opcode === OPCODE.close && payload.length !== 1, `a frame with opcode ${opcode}`);
      must(utf8(payload.subarray(2)) !== undefined, "a close reason that is no UTF-8");
      code = payload.length === 0 ? 1005 : payload.readUInt16BE();
    }
    at = Number(frame.end);
  }
  return { answers, code };
}

/** The codes of all rules that a frame breaks by its header (5.1, 5.2, 5.4, 5.5) and its size. */
function brokenRules(frame: Frame, isWithinMessage: boolean, known: number): number[] {
  const { fin, rsv, opcode, isMasked, length, isShort } = frame;
  const isControl = opcode >= OPCODE.close;
  const isUnknown = opcode > OPCODE.pong || (opcode > OPCODE.binary && !isControl);
  const isOutOfPlace = !isControl && (opcode === OPCODE.continuation) !== isWithinMessage;
  const isBadControl = isControl && (!fin || length > MAX_CONTROL_BYTES || !isShort);
  const codes: number[] = [];
  if (!isMasked || rsv !== 0 || isUnknown || isOutOfPlace || isBadControl) {
    codes.push(1002);
  }
  if (!isControl && length + BigInt(known) > MAX_MESSAGE_BYTES) {
    codes.push(1009);
  }
  return codes;
}

/** The code that answers a close frame (5.5.1, 7.4); 1005 stands for none. */
function closeAnswers(payload: Buffer): number[] {
  if (payload.length === 0) {
    return [1005];
  }
  if (payload.length === 1) {
    return [1002];
  }
  const code = payload.readUInt16BE();
  const isText = utf8(payload.subarray(2)) !== undefined;
  const isKnown =
    (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
    (code >= 3000 && code <= 4999);
  if (isKnown) {
    return [isText ? code : 1007];
  }
  return isText ? [1002] : [1002, 1007];
}

/** The frame at a place, perhaps without all of its payload; `undefined` without its whole header. */
function frameAt(bytes: Buffer, at: number): Frame | undefined {
  if (bytes.length < at + 2) {
    return undefined;
  }
  const [first, second] = [bytes.readUInt8(at), bytes.readUInt8(at + 1)];
  const short = second & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const isMasked = (second & 0x80) !== 0;
  const start = at + 2 + lengthBytes + (isMasked ? 4 : 0);
  if (bytes.length < start) {
    return undefined;
  }
  const length =
    lengthBytes === 0
      ? BigInt(short)
      : lengthBytes === 2
        ? BigInt(bytes.readUInt16BE(at + 2))
        : bytes.readBigUInt64BE(at + 2);
  const end = BigInt(start) + length;
  const whole = end > BigInt(bytes.length) ? bytes.length : Number(end);
  const payload = Buffer.from(bytes.subarray(start, whole));
  if (isMasked) {
    for (let index = 0; index < payload.length; index += 1) {
      payload[index] = (payload[index] ?? 0) ^ (bytes[start - 4 + (index % 4)] ?? 0);
    }
  }
  return {
    fin: (first & 0x80) !== 0,
    rsv: (first >> 4) & 7,
    opcode: first & 0x0f,
    isMasked,
    length,
    isShort: lengthBytes === 0,
    end,
    payload,
  };
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
