import { describe, expect, test } from "bun:test";
import { isUseless, refusesWrites } from "./faults.ts";

describe("an answer of Redis", () => {
  const USELESS: readonly string[] = [
    "READONLY You can't write against a read only replica.",
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "READONLY",
  ];
  for (const message of USELESS) {
    test(`gives the server up: ${message}`, () => {
      expect(isUseless(new Error(message))).toBe(true);
    });
  }

  const BEARABLE: readonly string[] = [
    "OOM command not allowed when used memory > 'maxmemory'.",
    "NOPERM User default has no permissions to run the 'xadd' command",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "MISCONF Redis is configured to save RDB snapshots",
    "ERR READONLY is no command",
    "READONLYX",
    "readonly",
    "",
  ];
  for (const message of BEARABLE) {
    test(`does not: ${message || "(none)"}`, () => {
      expect(isUseless(new Error(message))).toBe(false);
    });
  }
});

describe("a Redis that refuses to write for now", () => {
  test("is full or cannot save", () => {
    expect(
      refusesWrites(new Error("OOM command not allowed when used memory > 'maxmemory'.")),
    ).toBe(true);
    expect(refusesWrites(new Error("MISCONF Redis is configured to save RDB snapshots"))).toBe(
      true,
    );
  });

  test("is none that says anything else", () => {
    for (const message of ["READONLY You can't write", "OOMPH", "Socket closed unexpectedly", ""]) {
      expect(refusesWrites(new Error(message))).toBe(false);
    }
    expect(refusesWrites("OOM")).toBe(false);
  });
});
