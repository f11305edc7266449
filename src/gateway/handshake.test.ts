import { describe, expect, test } from "bun:test";
import { UPGRADE_ERRORS } from "../protocol/api-errors.ts";
import { handshakeFault } from "./handshake.ts";

const GOOD = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
} as const;

/** The headers of a good handshake, some of them otherwise; `null` leaves one out. */
function headersWith(other: Readonly<Record<string, string | null>>): Headers {
  const all = Object.entries<string | null>({ ...GOOD, ...other });
  return new Headers(all.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

describe("an opening handshake", () => {
  test.each<[what: string, other: Readonly<Record<string, string | null>>]>([
    ["as browsers send it", {}],
    ["with other cases", { Upgrade: "WebSocket", Connection: "upgrade" }],
    ["with lists", { Upgrade: "h2c, websocket", Connection: "keep-alive,\tUpgrade ,x" }],
    ["with any 16 bytes for a key", { "Sec-WebSocket-Key": "+/AZaz09AAAAAAAAAAAAAA==" }],
  ])("%s is in order", (_what, other) => {
    expect(handshakeFault("GET", headersWith(other))).toBeUndefined();
  });

  test.each(["POST", "HEAD", "get", ""])("with the method %p is none", (method) => {
    expect(handshakeFault(method, headersWith({}))).toBe(UPGRADE_ERRORS.notAWebSocket);
  });

  test.each<[name: string, value: string | null]>([
    ["Upgrade", null],
    ["Upgrade", ""],
    ["Upgrade", "h2c"],
    ["Upgrade", "websocket/13"],
    ["Upgrade", "websockets"],
    ["Upgrade", "web socket"],
    ["Connection", null],
    ["Connection", ""],
    ["Connection", "close"],
    ["Connection", "keep-alive, Upgraded"],
    ["Connection", '"Upgrade"'],
  ])("whose %s is %p is none", (name, value) => {
    expect(handshakeFault("GET", headersWith({ [name]: value }))).toBe(
      UPGRADE_ERRORS.notAWebSocket,
    );
  });

  test.each([null, "", "12", "14", "8", "013", "+13", "13, 13", "13, 8"])(
    "of version %p is not spoken",
    (version) => {
      const headers = headersWith({ "Sec-WebSocket-Version": version });
      expect(handshakeFault("GET", headers)).toBe(UPGRADE_ERRORS.unsupportedVersion);
    },
  );

  test.each([
    null,
    "",
    "x",
    "dGhlIHNhbXBsZSBub25jZQ",
    "dGhlIHNhbXBsZSBub25jZQ=",
    "dGhlIHNhbXBsZSBub25jZQ==x",
    "dGhlIHNhbXBsZSBub25jZTE=",
    "dGhlIHNhbXBsZSBub25jZTEyMzQ1Ng==",
    "!!!!!!!!!!!!!!!!!!!!!!==",
    "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
  ])("with the key %p is faulty", (key) => {
    const headers = headersWith({ "Sec-WebSocket-Key": key });
    expect(handshakeFault("GET", headers)).toBe(UPGRADE_ERRORS.badKey);
  });
});
