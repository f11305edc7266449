import { describe, expect, test } from "bun:test";
import { bindsOverlap, isAnyAddress, listenAddress, parseBindAddress } from "./bind-address.ts";

describe("a bind address", () => {
  test.each([
    ["", "::"],
    ["::", "::"],
    ["0.0.0.0", "0.0.0.0"],
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
    ["localhost", "localhost"],
    ["worker.example.org", "worker.example.org"],
    ["wavelog_worker", "wavelog_worker"],
    ["1password.example", "1password.example"],
  ])("%p is read as %p", (text, address) => {
    expect(parseBindAddress(text)).toEqual({ ok: true, address });
  });

  test.each([
    ["*", "is no address"],
    ["256.0.0.1", "is no address"],
    ["127.0.0", "is no address"],
    ["9000", "is no address"],
    [" 127.0.0.1", "is no address"],
    ["127.0.0.1\n", "is no address"],
    ["http://localhost", "is no address"],
    ["a..b", "is no address"],
    ["-a", "is no address"],
    ["a.0x", "is no address"],
    ["0x7f000001", "is no address"],
    ["a".repeat(300), "is no address"],
    ["log example", "is no address"],
    ["[::1]", "has brackets"],
    ["0.0.0.0:9000", "has a port"],
  ])("%p is refused: %s", (text, problem) => {
    expect(parseBindAddress(text)).toEqual({
      ok: false,
      problem: expect.stringContaining(problem),
    });
  });

  test.each(["", "::", "::0", "0:0:0:0:0:0:0:0", "::0.0.0.0"])(
    "%p is all interfaces, however it is spelled",
    (text) => {
      expect(parseBindAddress(text)).toEqual({ ok: true, address: "::" });
    },
  );

  test("may stand for all interfaces", () => {
    expect(["::", "0.0.0.0", "127.0.0.1", "localhost"].map(isAnyAddress)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

test.each([
  ["::", "127.0.0.1", true],
  ["::", "::1", true],
  ["0.0.0.0", "127.0.0.1", true],
  ["0.0.0.0", "::", true],
  ["0.0.0.0", "::1", false],
  ["0.0.0.0", "worker.example.org", true],
  ["127.0.0.1", "127.0.0.1", true],
  ["localhost", "127.0.0.1", true],
  ["127.0.0.1", "10.0.0.1", false],
  ["::1", "127.0.0.1", false],
])("%s and %s overlap: %p", (one, other, overlap) => {
  expect(bindsOverlap(one, other)).toBe(overlap);
  expect(bindsOverlap(other, one)).toBe(overlap);
});

test("all interfaces are all of IPv4 where the kernel has no IPv6", () => {
  expect(listenAddress("::", true)).toBe("::");
  expect(listenAddress("::", false)).toBe("0.0.0.0");
  expect(listenAddress("::1", false)).toBe("::1");
  expect(listenAddress("127.0.0.1", false)).toBe("127.0.0.1");
});
