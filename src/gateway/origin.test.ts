import { describe, expect, test } from "bun:test";
import { originCheck } from "./origin.ts";

const EXACT = "https://log.example.org";
const PORT = "http://log.example.net:8080";
const WILD = "*.example.com";

describe("with no list, any origin may connect", () => {
  const isAllowed = originCheck([]);
  test.each([null, "", "null", EXACT, "http://evil.test", "no origin at all"])("%p", (origin) => {
    expect(isAllowed(origin)).toBe(true);
  });
});

describe("with a list", () => {
  const isAllowed = originCheck([EXACT, PORT, WILD]);

  const TABLE: readonly [origin: string | null, allowed: boolean, why: string][] = [
    [null, true, "only browsers send an origin"],
    [EXACT, true, "listed"],
    ["HTTPS://LOG.Example.ORG", true, "case does not count"],
    [PORT, true, "listed with its port"],
    ["http://log.example.org", false, "other scheme"],
    ["https://log.example.org:8443", false, "other port"],
    ["http://log.example.net", false, "port missing"],
    ["https://www.log.example.org", false, "an exact origin has no sub-domains"],
    ["https://example.org", false, "parent of an exact origin"],
    ["https://log.example.org.evil.test", false, "listed one as a prefix"],
    ["https://log.example.org@evil.test", false, "listed one as a user name"],
    ["https://evil.test/https://log.example.org", false, "listed one as a path"],
    ["https://a.example.com", true, "sub-domain"],
    ["http://a.example.com", true, "sub-domain, any scheme"],
    ["https://a.example.com:8443", true, "sub-domain, any port"],
    ["https://a.b.example.com", true, "sub-domain of a sub-domain"],
    ["https://A.EXAMPLE.COM", true, "sub-domain in capitals"],
    ["https://example.com", false, "the wildcard's own domain"],
    ["https://.example.com", false, "an empty label"],
    ["https://evilexample.com", false, "the same ending without a dot"],
    ["https://a.example.com.evil.test", false, "wildcard in the middle"],
    ["https://evil.test/a.example.com", false, "wildcard in the path"],
    ["https://evil.test?a.example.com", false, "wildcard in the query"],
    ["https://evil.test#a.example.com", false, "wildcard in the fragment"],
    ["https://a.example.com@evil.test", false, "wildcard in the user name"],
    ["https://evil.test\\.example.com", false, "backslash, which browsers take for a slash"],
    ["*.example.com", false, "the pattern itself"],
    ["a.example.com", false, "no scheme"],
    ["null", false, "opaque: a sandboxed frame or a file"],
    ["", false, "empty"],
    ["https://", false, "no host"],
    [`${EXACT} ${EXACT}`, false, "two origins"],
  ];
  for (const [origin, allowed, why] of TABLE) {
    test(`${JSON.stringify(origin)} is ${allowed ? "allowed" : "refused"}: ${why}`, () => {
      expect(isAllowed(origin)).toBe(allowed);
    });
  }

  test("of wildcards alone, a request without an origin may still connect", () => {
    expect(originCheck([WILD])(null)).toBe(true);
    expect(originCheck([WILD])(EXACT)).toBe(false);
  });
});
