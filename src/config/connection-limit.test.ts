import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { resolveConnectionLimit } from "./connection-limit.ts";

function connectionsOf(setting: "auto" | number, files: number | undefined): number {
  const limit = resolveConnectionLimit(setting, files);
  if (!limit.ok) {
    throw new Error(limit.problem);
  }
  return limit.connections;
}

function warningOf(setting: "auto" | number, files: number | undefined): string | undefined {
  const limit = resolveConnectionLimit(setting, files);
  return limit.ok ? limit.warning : limit.problem;
}

describe("the number of connections", () => {
  test.each([
    ["auto", 1024, 832],
    ["auto", 3840, 3648],
    ["auto", 10_000, 9500],
    ["auto", 20_000, 19_000],
    ["auto", 65_536, 64_512],
    ["auto", 1_048_576, 1_047_552],
    ["auto", 193, 1],
    [100, 1024, 100],
    [832, 1024, 832],
    [833, 1024, 832],
    [5000, 1024, 832],
  ] as const)("%p with %p files is %p", (setting, files, connections) => {
    expect(connectionsOf(setting, files)).toBe(connections);
  });

  test("is what was set, or a guess, where nobody knows the file limit", () => {
    expect(connectionsOf(50_000, undefined)).toBe(50_000);
    expect(connectionsOf("auto", undefined)).toBe(10_000);
    expect(warningOf(50_000, undefined)).toBeUndefined();
  });

  test("comes with nothing to say when the file limit is enough", () => {
    expect(warningOf("auto", 1024)).toBeUndefined();
    expect(warningOf(832, 1024)).toBeUndefined();
    expect(warningOf(100, 512)).toBeUndefined();
  });

  test("that the file limit does not allow comes with the limit that does", () => {
    expect(warningOf(5000, 1024)).toBe(
      "the file limit of 1024 leaves room for 832 browsers, less than max_connections (5000); " +
        'raise it to 5264: LimitNOFILE=5264 in the systemd unit, "ulimit -n 5264" in a shell, ' +
        'or "ulimits: {nofile: 5264}" in a compose file',
    );
  });

  test("of auto with few files comes with advice", () => {
    expect(warningOf("auto", 1023)).toStartWith(
      "the file limit of 1023 leaves room for 831 browsers; raise it to 65536: LimitNOFILE=65536",
    );
  });

  test("is no number when there is not even room for one", () => {
    for (const setting of ["auto", 10] as const) {
      expect(resolveConnectionLimit(setting, 192)).toEqual({
        ok: false,
        problem: expect.stringMatching(/^the file limit of 192 leaves room for no browser; raise/),
      });
    }
  });

  test("that is advised is the smallest that is enough", () => {
    fc.assert(
      fc.property(fc.integer({ min: 900, max: 200_000 }), (setting) => {
        const files = Number(/raise it to (\d+):/.exec(warningOf(setting, 1024) ?? "")?.[1] ?? 0);
        expect(warningOf(setting, files)).toBeUndefined();
        expect(connectionsOf(setting, files)).toBe(setting);
        expect(connectionsOf(setting, files - 1)).toBeLessThan(setting);
      }),
    );
  });

  test("never takes what is kept back for PHP and the worker", () => {
    fc.assert(
      fc.property(fc.integer({ min: 193, max: 10_000_000 }), (files) => {
        const kept = files - connectionsOf("auto", files);
        expect(kept).toBeWithin(192, 1025);
      }),
    );
  });
});
