import { describe, expect, test } from "bun:test";
import { trustedProxyCheck } from "./trusted-proxies.ts";

describe("a trusted proxy", () => {
  const TABLE: readonly [trusted: string, address: string, isTrusted: boolean][] = [
    ["10.0.0.5", "10.0.0.5", true],
    ["10.0.0.5", "10.0.0.6", false],
    ["10.0.0.0/24", "10.0.0.255", true],
    ["10.0.0.0/24", "10.0.1.0", false],
    ["10.0.0.77/24", "10.0.0.1", true],
    ["127.0.0.0/8", "127.255.0.1", true],
    ["127.0.0.0/8", "128.0.0.1", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["10.0.0.1/32", "10.0.0.1", true],
    ["10.0.0.1/32", "10.0.0.0", false],
    ["::1/128", "::1", true],
    ["::1/128", "0:0:0:0:0:0:0:1", true],
    ["::1/128", "::2", false],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:DB8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/32", "2001:db9::1", false],
    ["::/0", "2001:db9::1", true],
    ["10.0.0.0/24", "unknown", false],
    ["10.0.0.0/24", "", false],
  ];
  for (const [trusted, address, isTrusted] of TABLE) {
    test(`as of ${trusted} ${isTrusted ? "is" : "is not"} ${JSON.stringify(address)}`, () => {
      expect(trustedProxyCheck([trusted])(address)).toBe(isTrusted);
    });
  }

  test("is any of several, and nobody when there are none", () => {
    const check = trustedProxyCheck(["127.0.0.0/8", "::1/128", "10.0.0.5"]);
    expect(["127.0.0.1", "::1", "10.0.0.5"].filter(check).length).toBe(3);
    expect(["10.0.0.6", "::2", "192.0.2.1"].filter(check)).toEqual([]);
    expect(trustedProxyCheck([])("127.0.0.1")).toBe(false);
  });
});
