import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CLOSE } from "./close-codes.ts";
import {
  AUTH_OK_FRAME,
  errorFrame,
  pushFrame,
  readClientFrame,
  refreshedFrame,
  statusFrame,
} from "./frames.ts";

describe("frames to the client, as literal text", () => {
  test("auth_ok", () => {
    expect(AUTH_OK_FRAME).toBe('{"type":"auth_ok"}');
  });

  test("push carries the payload as it is", () => {
    expect(pushFrame('{ "a":1.0,"b":"\\/" }')).toBe(
      '{"type":"push","payload":{ "a":1.0,"b":"\\/" }}',
    );
  });

  test("status", () => {
    expect(statusFrame('{"status":"ok"}')).toBe('{"type":"status","payload":{"status":"ok"}}');
  });

  test("refreshed", () => {
    expect(refreshedFrame(1_900_000_000)).toBe('{"type":"refreshed","expires":1900000000}');
    // PHP_INT_MAX, for a token that never expires: as exact as a double is.
    expect(JSON.parse(refreshedFrame(2 ** 63))).toEqual({ type: "refreshed", expires: 2 ** 63 });
  });

  test("errors have type, code and message, in this order", () => {
    for (const code of ["auth_required", "unauthorized", "auth_expired"] as const) {
      expect(errorFrame(code)).toMatch(
        new RegExp(`^\\{"type":"error","code":"${code}","message":"[^"]+"\\}$`),
      );
    }
  });

  test("close reasons fit into a close frame", () => {
    for (const { reason } of Object.values(CLOSE)) {
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    }
  });
});

describe("frames from the client", () => {
  const CASES: readonly [text: string, frame: ReturnType<typeof readClientFrame>][] = [
    ['{"type":"auth","token":"t"}', { type: "auth", token: "t" }],
    ['{"token":"t","type":"auth","more":1}', { type: "auth", token: "t" }],
    ['{"type":"auth"}', { type: "auth", token: undefined }],
    ['{"type":"auth","token":""}', { type: "auth", token: undefined }],
    ['{"type":"auth","token":null}', { type: "auth", token: undefined }],
    ['{"type":"auth","token":5}', { type: "auth", token: null }],
    ['{"type":"refresh","token":"t"}', { type: "refresh", token: "t" }],
    ['{"type":"refresh"}', { type: "refresh", token: undefined }],
    ['{"type":"refresh","token":5}', { type: "refresh", token: null }],
    ['{"type":"status"}', { type: "status" }],
    ['{"type":"Auth"}', { type: "other" }],
    ['{"type":"push","payload":1}', { type: "other" }],
    ['["auth"]', { type: "other" }],
    ["null", { type: "other" }],
    ["", { type: "other" }],
    ["{", { type: "other" }],
  ];
  for (const [text, frame] of CASES) {
    test(`${text || "nothing"} is ${JSON.stringify(frame)}`, () => {
      expect(readClientFrame(text)).toEqual(frame);
    });
  }

  test("random text never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json()), (text) => {
        expect(readClientFrame(text).type).toMatch(/^(auth|refresh|status|other)$/);
      }),
    );
  });
});
