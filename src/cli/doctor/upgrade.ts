import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { type HandshakeOutcome, outcomeOf } from "./handshake.ts";
import type { HttpAnswer } from "./http-answer.ts";
import type { Site } from "./site.ts";
import { exchangeHeads, open, type Patience, type Target } from "./wire.ts";

/** RFC 6455, 1.3: what a server must mix into its answer. */
const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** RFC 6455, 4.1: bytes of a key. */
const KEY_BYTES = 16;

export type Upgrade =
  | {
      readonly ok: true;
      readonly outcome: HandshakeOutcome;
      readonly answer: HttpAnswer;
      /** Of an upgraded connection, frames from here on; else of no more use. */
      readonly socket: Socket;
      readonly rest: Buffer;
      /** When the connection was begun, on the monotonic clock. */
      readonly startedAt: number;
      /** From then to the answer, in milliseconds. */
      readonly tookMs: number;
    }
  | { readonly ok: false; readonly why: string };

/** A request to be upgraded. */
export interface UpgradeRequest {
  readonly site: Site;
  readonly target: Target;
  readonly topic: string;
  /** Not sent when absent. */
  readonly origin?: string;
  readonly userAgent: string;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Asks for an upgrade, as a browser does. Never rejects. */
export async function requestUpgrade(
  { site, target, topic, origin, userAgent, randomBytes }: UpgradeRequest,
  patience: Patience,
): Promise<Upgrade> {
  const startedAt = performance.now();
  const opened = await open(target, patience);
  if (!opened.ok) {
    return opened;
  }
  const key = Buffer.from(randomBytes(KEY_BYTES)).toString("base64");
  const lines = [
    `GET ${site.prefix}/ws?topic=${encodeURIComponent(topic)} HTTP/1.1`,
    `Host: ${site.authority}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${key}`,
    `User-Agent: ${userAgent}`,
    ...(origin === undefined ? [] : [`Origin: ${origin}`]),
  ];
  const asked = await exchangeHeads(opened.socket, `${lines.join("\r\n")}\r\n\r\n`, patience);
  if (!asked.ok) {
    return asked;
  }
  const accept = createHash("sha1")
    .update(key + HANDSHAKE_GUID)
    .digest("base64");
  const { answer, rest, socket } = asked;
  const outcome = outcomeOf(answer, accept);
  const tookMs = performance.now() - startedAt;
  return { ok: true, outcome, answer, socket, rest, startedAt, tookMs };
}
