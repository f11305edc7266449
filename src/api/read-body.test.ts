import { describe, expect, test } from "bun:test";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import fc from "fast-check";
import { type Body, MAX_BODY_BYTES, readBody } from "./read-body.ts";

/** A request whose body is given to it by hand. */
function requestOf(headers: Record<string, string> = {}): Readable & IncomingMessage {
  const stream = new Readable({ read: () => undefined });
  return Object.assign(stream, { headers }) as Readable & IncomingMessage;
}

/** What is read of a body that arrives in these pieces. */
function read(pieces: readonly Uint8Array[], headers: Record<string, string> = {}): Promise<Body> {
  const request = requestOf(headers);
  const body = readBody(request);
  for (const piece of pieces) {
    request.push(piece);
  }
  request.push(null);
  return body;
}

const TOO_LARGE = { ok: false, fault: "too_large" } as const;
const NOT_UTF8 = { ok: false, fault: "not_utf8" } as const;
const CUT_SHORT = { ok: false, fault: "cut_short" } as const;

describe("a body", () => {
  test("that is empty is an empty text", async () => {
    expect(await read([])).toEqual({ ok: true, text: "", bytes: 0 });
  });

  test("is its text, in however many pieces and wherever they are cut", async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), cuts, async (text, lengths) => {
        let rest: Uint8Array = Buffer.from(text);
        const pieces: Uint8Array[] = [];
        for (const length of lengths) {
          pieces.push(rest.subarray(0, length));
          rest = rest.subarray(length);
        }
        const bytes = Buffer.byteLength(text);
        expect(await read([...pieces, rest])).toEqual({ ok: true, text, bytes });
      }),
    );
  });

  test("keeps a byte order mark, which JSON then refuses", async () => {
    expect(await read([Buffer.from("\ufeff{}")])).toEqual({ ok: true, text: "\ufeff{}", bytes: 5 });
  });

  test.each([
    ["a stray byte", [0x22, 0xff, 0x22]],
    ["a character cut short at the end", [0x22, 0xc3]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
  ])("with %s is no UTF-8", async (_what, bytes) => {
    expect(await read([Uint8Array.from(bytes)])).toEqual(NOT_UTF8);
  });

  test("may have 1 MiB, in one piece or many, and not a byte more", async () => {
    expect(MAX_BODY_BYTES).toBe(1_048_576);
    const text = "x".repeat(MAX_BODY_BYTES);
    const half = Buffer.from(text.slice(0, MAX_BODY_BYTES / 2));
    const more = Buffer.from("x");
    const whole = { ok: true, text, bytes: MAX_BODY_BYTES } as const;
    expect(await read([Buffer.from(text)])).toEqual(whole);
    expect(await read([half, half])).toEqual(whole);
    expect(await read([Buffer.from(`${text}x`)])).toEqual(TOO_LARGE);
    expect(await read([half, half, more])).toEqual(TOO_LARGE);
    expect(await read([half, half, more, half, half, half])).toEqual(TOO_LARGE);
  });

  test("that announces more is given up before a byte has come", async () => {
    const request = requestOf({ "content-length": `${MAX_BODY_BYTES + 1}` });
    expect(await readBody(request)).toEqual(TOO_LARGE);
  });

  test("that announces 1 MiB is read", async () => {
    const headers = { "content-length": `${MAX_BODY_BYTES}` };
    expect(await read([Buffer.from("{}")], headers)).toEqual({ ok: true, text: "{}", bytes: 2 });
  });

  test("that grows too large is given up without waiting for its end", async () => {
    const request = requestOf();
    const body = readBody(request);
    request.push(Buffer.alloc(MAX_BODY_BYTES + 1));
    expect(await body).toEqual(TOO_LARGE);
  });

  test.each([
    ["goes away", undefined],
    ["breaks off", new Error("ECONNRESET")],
  ])("of a client that %s is cut short", async (_what, cause) => {
    const request = requestOf({ "content-length": "10" });
    const body = readBody(request);
    request.push(Buffer.from('{"a"'));
    request.destroy(cause);
    expect(await body).toEqual(CUT_SHORT);
  });
});
