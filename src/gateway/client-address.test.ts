import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { clientAddress } from "./client-address.ts";

const PEER = "192.0.2.1";

describe("the client's address", () => {
  const FORWARDED: readonly [header: string, address: string][] = [
    ["203.0.113.9", "203.0.113.9"],
    ["  203.0.113.9\t", "203.0.113.9"],
    ["203.0.113.9:4711", "203.0.113.9"],
    ["203.0.113.9, 198.51.100.2, 10.0.0.1", "203.0.113.9"],
    ["203.0.113.9,198.51.100.2", "203.0.113.9"],
    ["2001:db8::7", "2001:db8::7"],
    ["2001:db8:0:0:0:0:0:7", "2001:db8:0:0:0:0:0:7"],
    ["[2001:db8::7]", "2001:db8::7"],
    ["[2001:db8::7]:4711", "2001:db8::7"],
    ["fe80::1%eth0", "fe80::1"],
    ["[fe80::1%25eth0]:4711", "fe80::1"],
    ["::1", "::1"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["::FFFF:203.0.113.9", "203.0.113.9"],
    ["[::ffff:203.0.113.9]:4711", "203.0.113.9"],
    ["unknown, 203.0.113.9", "203.0.113.9"],
    [", ,203.0.113.9", "203.0.113.9"],
    ["_hidden, 256.0.0.1, 2001:db8::7", "2001:db8::7"],
  ];
  for (const [header, address] of FORWARDED) {
    test(`in X-Forwarded-For ${JSON.stringify(header)} is ${address}`, () => {
      expect(clientAddress(header, null, PEER)).toBe(address);
      expect(clientAddress(null, header, PEER)).toBe(address);
    });
  }

  const GARBAGE: readonly string[] = [
    "",
    " ",
    ",",
    "unknown",
    "localhost",
    "203.0.113",
    "203.0.113.256",
    "203.0.113.09",
    "203.0.113.9.1",
    "203.0.113.9:",
    "203.0.113.9:port",
    "203.0.113.9 198.51.100.2",
    "203.0.113.9;198.51.100.2",
    "for=203.0.113.9",
    "0x7f000001",
    "2130706433",
    "\uff12\uff10\uff13.0.113.9",
    "2001:db8:::7",
    "2001:db8::7::1",
    "12345::1",
    "[2001:db8::7",
    "2001:db8::7]",
    "[2001:db8::7]x",
    "[2001:db8::7]:",
    "[]",
    "[]:80",
    "%eth0",
    "<script>alert(1)</script>",
    "203.0.113.9\r\nlevel=error forged",
    "203.0.113.9\u001b[2J",
    "203.0.113.9\0",
    "\u202e203.0.113.9",
  ];
  for (const header of GARBAGE) {
    test(`in X-Forwarded-For ${JSON.stringify(header)} is the peer's: that is none`, () => {
      expect(clientAddress(header, null, PEER)).toBe(PEER);
      expect(clientAddress(null, header, PEER)).toBe(PEER);
    });
  }

  test("is the peer's when no proxy says otherwise", () => {
    expect(clientAddress(null, null, PEER)).toBe(PEER);
    expect(clientAddress(null, null, "::ffff:192.0.2.1")).toBe(PEER);
    expect(clientAddress(null, null, "fe80::1%2")).toBe("fe80::1");
  });

  test("is unknown when there is none at all", () => {
    expect(clientAddress(null, null, undefined)).toBe("unknown");
    expect(clientAddress("?", "?", "?")).toBe("unknown");
    expect(clientAddress("", "", "")).toBe("unknown");
  });

  test("is taken from X-Forwarded-For before X-Real-IP", () => {
    expect(clientAddress("203.0.113.9", "198.51.100.2", PEER)).toBe("203.0.113.9");
    expect(clientAddress("unknown", "198.51.100.2", PEER)).toBe("198.51.100.2");
  });

  test("is not looked for in a header that is too long", () => {
    const padded = (length: number): string => "203.0.113.9".padEnd(length, ",");
    expect(clientAddress(padded(256), null, PEER)).toBe("203.0.113.9");
    expect(clientAddress(padded(257), null, PEER)).toBe(PEER);
    expect(clientAddress(padded(257), "198.51.100.2", PEER)).toBe("198.51.100.2");
    expect(clientAddress(null, padded(257), PEER)).toBe(PEER);
  });

  test("without a zone carries nothing that stood in it", () => {
    expect(clientAddress("fe80::1%\r\nforged", null, PEER)).toBe("fe80::1");
    expect(clientAddress("203.0.113.9%\u001b[2J", null, PEER)).toBe("203.0.113.9");
  });

  test("is an address or unknown, whatever the headers are", () => {
    const unit = fc.constantFrom(
      ...["0", "1", "255", "f", "ffff", ":", "::", ".", "[", "]", "%", ",", " ", "\n", "\r"],
      ...["\u001b", "\0", "a", "203.0.113.9", "2001:db8::7", "::ffff:", ":80", "x", '"'],
    );
    const header = fc.option(
      fc.oneof(fc.string({ unit, maxLength: 12 }), fc.string({ unit: "binary" }), fc.ipV6()),
    );
    fc.assert(
      fc.property(header, header, header, (forwardedFor, realIp, peer) => {
        const address = clientAddress(forwardedFor, realIp, peer ?? undefined);
        expect(address === "unknown" || isIP(address) !== 0).toBe(true);
        expect(address).toMatch(/^(unknown|[0-9a-fA-F:.]+)$/);
      }),
      { numRuns: 2000 },
    );
  });

  test("is found with and without brackets and port, for any address", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), fc.nat(65_535), (four, six, port) => {
        expect(clientAddress(four, null, PEER)).toBe(four);
        expect(clientAddress(`${four}:${port}`, null, PEER)).toBe(four);
        expect(clientAddress(`::ffff:${four}`, null, PEER)).toBe(four);
        const bare = clientAddress(six, null, PEER);
        expect(clientAddress(`[${six}]`, null, PEER)).toBe(bare);
        expect(clientAddress(`[${six}]:${port}`, null, PEER)).toBe(bare);
        expect(clientAddress(`${six}%eth0`, null, PEER)).toBe(bare);
      }),
    );
  });
});
