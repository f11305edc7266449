import fc from "fast-check";
import { TcpClient } from "../../../test/support/tcp-client.ts";
import { makeToken } from "../../../test/support/token.ts";
import type { WorkerProcess } from "../../../test/support/worker.ts";
import {
  encodeFrame,
  OPCODE,
  topicTarget,
  upgradeAnswer,
  upgradeRequest,
} from "../../../test/support/ws-client.ts";
import { asRecord, must, mustEqual, parsed } from "../check.ts";
import { valueText } from "../generate/json.ts";
import { cutPlaces, type Edit, edited, edits, pieces } from "../generate/mutation.ts";
import { seldom, wildText } from "../generate/text.ts";
import { readClient, readServer } from "./rfc-reader.ts";
import { openSingle } from "./single.ts";
import { wireTarget } from "./target.ts";

/** A frame as it is written, right or wrong. */
interface Frame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  /** `undefined` leaves the mask out. */
  readonly mask: Uint8Array | undefined;
  /** How many bytes the length takes; the payload decides when it does not fit. */
  readonly lengthBytes: 0 | 2 | 8;
  readonly payload: Uint8Array;
}

/** What a client sends once it is upgraded. */
interface Case {
  readonly isOpen: boolean;
  /** The first message; fragments of it when it is cut. */
  readonly auth: "right" | "none" | "wrong" | "left out";
  readonly authCuts: readonly number[];
  readonly frames: readonly Frame[];
  readonly edits: readonly Edit[];
  readonly cuts: readonly number[];
}

const OPEN = "fuzz.open";
const CLOSED = "fuzz.closed";

const AUTH_OK = '{"type":"auth_ok"}';

/** How long an answer, or the end, may take, in milliseconds. */
const PATIENCE_MS = 10_000;

const FENCE = "fence of this case";
const FENCE_FRAME = encodeFrame({ opcode: OPCODE.ping, payload: FENCE });

const CLOSE_CODES = [
  0, 999, 1000, 1001, 1004, 1005, 1006, 1007, 1011, 1014, 1015, 2999, 3000, 4999,
];

const payload = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  { weight: 4, arbitrary: wildText(10).map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: valueText.map((text) => Buffer.from(text)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('{"type":"auth"}', '{"type":"status"}').map(Buffer.from),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(124, 125, 126, 127, 4095, 4096, 4097, 65_536).map(Buffer.alloc),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...CLOSE_CODES), fc.uint8Array({ maxLength: 4 }), fc.boolean())
      .map(([code, reason, isText]) =>
        Buffer.from([code >> 8, code & 0xff, ...(isText ? Buffer.from("bye") : reason)]),
      ),
  },
);

const frame: fc.Arbitrary<Frame> = fc.record({
  fin: seldom(fc.constant(true), 3, fc.constant(false)),
  rsv: seldom(fc.constant(0), 25, fc.integer({ min: 1, max: 7 })),
  opcode: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom(0, 1, 1, 2, 9, 9, 10) },
    { weight: 2, arbitrary: fc.constant(8) },
    { weight: 1, arbitrary: fc.nat({ max: 15 }) },
  ),
  mask: seldom<Uint8Array | undefined>(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    30,
    fc.constant(undefined),
  ),
  lengthBytes: seldom(fc.constant(0 as const), 10, fc.constantFrom(2 as const, 8 as const)),
  payload,
});

const cases: fc.Arbitrary<Case> = fc.record({
  isOpen: fc.boolean(),
  auth: fc.oneof(
    { weight: 6, arbitrary: fc.constant("right" as const) },
    { weight: 1, arbitrary: fc.constantFrom("none" as const, "wrong" as const) },
    { weight: 2, arbitrary: fc.constant("left out" as const) },
  ),
  authCuts: cutPlaces,
  frames: fc.array(frame, { maxLength: 8 }),
  edits: seldom<readonly Edit[]>(fc.constant([]), 3, edits),
  cuts: cutPlaces,
});

function encode({ fin, rsv, opcode, mask, lengthBytes, payload: content }: Frame): Buffer {
  const { length } = content;
  const needed = length > 0xffff ? 8 : length > 125 ? 2 : 0;
  const bytes = Math.max(lengthBytes, needed);
  const marker = bytes === 8 ? 127 : bytes === 2 ? 126 : length;
  const extended = Buffer.alloc(8);
  extended.writeBigUInt64BE(BigInt(length));
  const masked = content.map((byte, index) => byte ^ (mask?.[index % 4] ?? 0));
  return Buffer.concat([
    Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode, (mask === undefined ? 0 : 0x80) | marker]),
    extended.subarray(8 - bytes),
    mask ?? Buffer.alloc(0),
    masked,
  ]);
}

/** The first message in one frame or several. */
function authFrames(text: string, cuts: readonly number[]): Frame[] {
  const parts = pieces(Buffer.from(text), cuts);
  return parts.map((part, index) => ({
    fin: index === parts.length - 1,
    rsv: 0,
    opcode: index === 0 ? OPCODE.text : OPCODE.continuation,
    mask: Buffer.from("mask"),
    lengthBytes: 0,
    payload: part,
  }));
}

/** What a client sends, and what the worker must say to it. */
class Player {
  readonly #worker: WorkerProcess;
  readonly #token: string;

  constructor(worker: WorkerProcess) {
    this.#worker = worker;
    this.#token = makeToken(worker.secret, CLOSED);
  }

  async attempt(input: Case): Promise<void> {
    const bytes = this.#bytesOf(input);
    const { answers, close, isMidFrame } = readClient(bytes, (message) =>
      this.#answerTo(message, input.isOpen),
    );
    using client = await TcpClient.connect(this.#worker.ports.ws);
    client.write(upgradeRequest(topicTarget(input.isOpen ? OPEN : CLOSED)));
    must((await upgradeAnswer(client)).status === 101, "no upgrade");
    const isWhole = close === undefined && !isMidFrame;
    for (const piece of [...pieces(bytes, input.cuts), ...(isWhole ? [FENCE_FRAME] : [])]) {
      client.write(piece);
      await Promise.resolve();
    }
    if (isWhole) {
      const isHere = () => client.isEnded || client.received.includes(FENCE) || undefined;
      await client.until(isHere, "the fence", PATIENCE_MS);
    }
    if (close === undefined) {
      client.end();
    }
    await client.ended(PATIENCE_MS);
    const heard = readServer(client.received);
    const expected = isWhole ? [...answers, { kind: "pong", payload: FENCE }] : answers;
    mustEqual(heard.answers, expected, "the answers");
    // A frame that is not whole may have been judged by its beginning, or not.
    const codes = close?.codes ?? (isMidFrame ? [1006, 1002, 1009] : [1006]);
    must(
      codes.includes(heard.code),
      () => `closed with ${heard.code}, expected ${codes.join(" or ")}`,
    );
  }

  #bytesOf({ isOpen, auth, authCuts, frames, edits: changes }: Case): Buffer {
    const tokens = { right: isOpen ? undefined : this.#token, none: undefined, wrong: "wrong" };
    const first =
      auth === "left out"
        ? []
        : authFrames(JSON.stringify({ type: "auth", token: tokens[auth] }), authCuts);
    const bytes = Buffer.concat([...first, ...frames].map(encode));
    return Buffer.from(edited(bytes.toString("latin1"), changes), "latin1");
  }

  /** The contract's table of the handshake. */
  #answerTo(message: string | undefined, isOpen: boolean): { text: string; isIn: boolean } {
    const said = asRecord(parsed(message ?? "")?.value);
    if (said?.["type"] !== "auth") {
      return { text: REQUIRED, isIn: false };
    }
    const token = said["token"];
    if (isOpen || token === this.#token) {
      return { text: AUTH_OK, isIn: true };
    }
    const isMissing = token === undefined || token === null || token === "";
    return { text: isMissing ? REQUIRED : UNAUTHORIZED, isIn: false };
  }
}

const REQUIRED =
  '{"type":"error","code":"auth_required","message":"send a valid auth frame with a token first"}';
const UNAUTHORIZED =
  '{"type":"error","code":"unauthorized","message":"the token is not valid for this topic"}';

/** Frames before auth and after it: each case is read by a second reader, written after the RFC. */
export const frames = wireTarget<Case>({
  name: "frames",
  weight: 1.5,
  cases,
  open: async (program) => {
    const { arena, worker } = await openSingle(program);
    await worker.api.register(OPEN, false);
    await worker.api.register(CLOSED, true);
    const player = new Player(worker);
    return { arena, attempt: (value) => player.attempt(value) };
  },
});
