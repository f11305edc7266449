import { encodeFrame, OPCODE, topicTarget, upgradeRequest } from "../../test/support/ws-client.ts";
import type { Random } from "./random.ts";

/** Which side of a worker a stranger talks to. */
export type Side = "ws" | "internal";

/** More than the header of any request may have. */
const HUGE_HEADER_BYTES = 40_000;

/** Over what a browser may send in one frame. */
const OVERSIZE_BYTES = 5000;

/**
 * What a stranger sends over one connection, in pieces.
 *
 * @param topic One that exists.
 */
export function garbage(random: Random, side: Side, topic: string): readonly Uint8Array[] {
  const pieces = side === "ws" ? wsGarbage(random, topic) : internalGarbage(random, topic);
  return pieces.map((piece) => Buffer.from(piece));
}

/** An address of nobody's (RFC 5737), as a proxy on this machine would name it. */
export function strangerHeader(random: Random): readonly [name: string, value: string] {
  return ["X-Forwarded-For", `198.51.100.${random.whole(1, 254)}`];
}

function bytes(random: Random, atMost: number): Uint8Array {
  const length = random.whole(1, atMost);
  return Uint8Array.from({ length }, () => random.whole(0, 255));
}

function wsGarbage(random: Random, topic: string): readonly (string | Uint8Array)[] {
  const upgrade = upgradeRequest(topicTarget(topic), [strangerHeader(random)]);
  const text = (payload: string): Uint8Array => encodeFrame({ opcode: OPCODE.text, payload });
  return random.oneOf<() => readonly (string | Uint8Array)[]>([
    () => [bytes(random, 3000)],
    () => ["GET /ws?topic=%zz HTTP/1.1\r\n", bytes(random, 500)],
    () => [`GET /ws HTTP/1.1\r\nX: ${"x".repeat(HUGE_HEADER_BYTES)}\r\n\r\n`],
    () => [
      upgradeRequest(topicTarget(`nowhere.${random.whole(1, 1e9)}`), [strangerHeader(random)]),
    ],
    () => [upgradeRequest("/ws"), upgradeRequest("/"), upgrade],
    () => [upgrade, bytes(random, 2000)],
    () => [upgrade, encodeFrame({ opcode: random.whole(0, 15), payload: bytes(random, 125) })],
    () => [upgrade, encodeFrame({ opcode: OPCODE.text, payload: "{}", mask: false })],
    () => [upgrade, text("x".repeat(OVERSIZE_BYTES))],
    () => [upgrade, text('{"type":"auth","token":"00.11"}')],
    () => [upgrade, text("[".repeat(4000))],
    () => [upgrade, encodeFrame({ opcode: OPCODE.text, payload: bytes(random, 125) })],
  ])();
}

function internalGarbage(random: Random, topic: string): readonly (string | Uint8Array)[] {
  const body = `{"topic":"${topic}","payload":"forged"}`;
  const head = (path: string, more: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
  return random.oneOf<() => readonly (string | Uint8Array)[]>([
    () => [bytes(random, 3000)],
    () => [head("/internal/publish", `Content-Length: ${body.length}\r\n`), body],
    () => [head("/internal/publish", "X-Worker-Secret: guess\r\nContent-Length: 2\r\n"), "{}"],
    () => [head("/internal/register", "Transfer-Encoding: chunked\r\n"), bytes(random, 500)],
    () => [head("/internal/register", "Content-Length: 1000000\r\n"), bytes(random, 3000)],
    () => [`PUT /internal/publish HTTP/1.1\r\nHost: a\r\n\r\nDELETE / HTTP/1.1\r\n\r\n`],
    () => [`GET /${"x".repeat(HUGE_HEADER_BYTES)} HTTP/1.1\r\n\r\n`],
  ])();
}
