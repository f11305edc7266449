import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { type ClientAddress, clientAddress } from "./client-address.ts";

/** A trusted proxy, and somebody who is none. */
const PROXY = "10.0.0.1";
const STRANGER = "192.0.2.1";

/** Trusts what begins with `10.`, and one IPv6 address. */
function isTrusted(address: string): boolean {
  return address.startsWith("10.") || address === "2001:db8::10";
}

function ask(
  forwardedFor: string | null,
  realIp: string | null = null,
  peer: string | undefined = PROXY,
): ClientAddress {
  return clientAddress(forwardedFor, realIp, peer, isTrusted);
}

describe("the client's address, behind a trusted proxy,", () => {
  const FORWARDED: readonly [header: string, address: string][] = [
    ["203.0.113.9", "203.0.113.9"],
    ["  203.0.113.9\t", "203.0.113.9"],
    ["203.0.113.9:4711", "203.0.113.9"],
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
    [", ,203.0.113.9, ,", "203.0.113.9"],
    // What the client has written itself stands before what the proxy has added.
    ["198.51.100.2, 203.0.113.9", "203.0.113.9"],
    ["198.51.100.2,203.0.113.9", "203.0.113.9"],
    ["unknown, 203.0.113.9", "203.0.113.9"],
    ["<script>, 203.0.113.9", "203.0.113.9"],
    // Several proxies, all trusted.
    ["203.0.113.9, 10.0.0.7", "203.0.113.9"],
    ["198.51.100.2, 203.0.113.9, 10.0.0.7, 10.9.9.9", "203.0.113.9"],
    ["203.0.113.9, ::ffff:10.0.0.7", "203.0.113.9"],
    ["203.0.113.9, [2001:db8::10]:443", "203.0.113.9"],
    // A proxy nobody trusts is a client.
    ["203.0.113.9, 10.0.0.7, 198.51.100.3, 10.0.0.8", "198.51.100.3"],
  ];
  for (const [header, address] of FORWARDED) {
    test(`in X-Forwarded-For ${JSON.stringify(header)} is ${address}`, () => {
      expect(ask(header)).toEqual({ address, isOneClient: true, isHeaderIgnored: false });
      expect(ask(null, header).address).toBe(address);
    });
  }

  test("is the first one when all are trusted, and stands for many", () => {
    expect(ask("10.0.0.9, 10.0.0.8")).toEqual({
      address: "10.0.0.9",
      isOneClient: false,
      isHeaderIgnored: false,
    });
  });

  test("is not looked for before what is no address: a proxy did not know it", () => {
    expect(ask("203.0.113.9, unknown").address).toBe(PROXY);
    expect(ask("203.0.113.9, unknown, 10.0.0.7").address).toBe("10.0.0.7");
    expect(ask("203.0.113.9, unknown").isOneClient).toBe(false);
  });

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
    test(`in X-Forwarded-For ${JSON.stringify(header)} is the proxy's: that is none`, () => {
      expect(ask(header)).toEqual({ address: PROXY, isOneClient: false, isHeaderIgnored: false });
      expect(ask(null, header).address).toBe(PROXY);
    });
  }

  test("is the proxy's own when it says nothing, and stands for many", () => {
    expect(ask(null)).toEqual({ address: PROXY, isOneClient: false, isHeaderIgnored: false });
    expect(ask(null, null, "::ffff:10.0.0.1").address).toBe(PROXY);
  });

  test("is taken from X-Real-IP only without X-Forwarded-For", () => {
    expect(ask("203.0.113.9", "198.51.100.2").address).toBe("203.0.113.9");
    expect(ask("unknown", "198.51.100.2").address).toBe(PROXY);
    expect(ask("", "198.51.100.2").address).toBe("198.51.100.2");
    expect(ask(null, "198.51.100.2").address).toBe("198.51.100.2");
  });

  test("is found at the end of a header, however much the client has written before it", () => {
    for (const junk of ["x".repeat(100_000), "198.51.100.2, ".repeat(10_000), ",".repeat(600)]) {
      expect(ask(`${junk}, 203.0.113.9`).address).toBe("203.0.113.9");
    }
    // An entry that is cut in two is no address.
    const tail = "203.0.113.9".padEnd(512, " ");
    expect(ask(`198.51.100.2,1${tail}`).address).toBe(PROXY);
  });

  test("without a zone carries nothing that stood in it", () => {
    expect(ask("fe80::1%\r\nforged").address).toBe("fe80::1");
    expect(ask("203.0.113.9%\u001b[2J").address).toBe("203.0.113.9");
  });

  test("is found with and without brackets and port, for any address", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), fc.nat(65_535), (four, six, port) => {
        fc.pre(!isTrusted(four));
        expect(ask(four).address).toBe(four);
        expect(ask(`${four}:${port}`).address).toBe(four);
        expect(ask(`::ffff:${four}`).address).toBe(four);
        const bare = ask(six).address;
        expect(ask(`[${six}]`).address).toBe(bare);
        expect(ask(`[${six}]:${port}`).address).toBe(bare);
        expect(ask(`${six}%eth0`).address).toBe(bare);
      }),
    );
  });
});

describe("the client's address, not behind a trusted proxy,", () => {
  test("is the peer's", () => {
    const peers: readonly [peer: string, address: string][] = [
      [STRANGER, STRANGER],
      ["::ffff:192.0.2.1", STRANGER],
      ["fe80::1%2", "fe80::1"],
      ["2001:db8::11", "2001:db8::11"],
    ];
    for (const [peer, address] of peers) {
      expect(ask(null, null, peer)).toEqual({
        address,
        isOneClient: true,
        isHeaderIgnored: false,
      });
    }
  });

  test("is the peer's whatever it claims, and that is told", () => {
    const own = { address: STRANGER, isOneClient: true, isHeaderIgnored: true };
    expect(ask("203.0.113.9", null, STRANGER)).toEqual(own);
    expect(ask(null, "203.0.113.9", STRANGER)).toEqual(own);
    expect(ask("10.0.0.7", null, STRANGER)).toEqual(own);
  });

  test("is unknown when there is none at all", () => {
    for (const peer of [undefined, "", "?"]) {
      expect(clientAddress("203.0.113.9", null, peer, () => true)).toEqual({
        address: "unknown",
        isOneClient: false,
        isHeaderIgnored: false,
      });
    }
  });

  test("is an address or unknown, whatever the headers are", () => {
    const unit = fc.constantFrom(
      ...["0", "1", "255", "f", "ffff", ":", "::", ".", "[", "]", "%", ",", " ", "\n", "\r"],
      ...["\u001b", "\0", "a", "203.0.113.9", "2001:db8::7", "::ffff:", ":80", "x", '"', "10."],
    );
    const header = fc.option(
      fc.oneof(fc.string({ unit, maxLength: 12 }), fc.string({ unit: "binary" }), fc.ipV6()),
    );
    const peer = fc.oneof(header, fc.constantFrom(PROXY, STRANGER));
    fc.assert(
      fc.property(header, header, peer, (forwardedFor, realIp, from) => {
        const { address } = clientAddress(forwardedFor, realIp, from ?? undefined, isTrusted);
        expect(address === "unknown" || isIP(address) !== 0).toBe(true);
        expect(address).toMatch(/^(unknown|[0-9a-fA-F:.]+)$/);
      }),
      { numRuns: 2000 },
    );
  });
});
