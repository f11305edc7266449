import { expect, test } from "bun:test";
import { prefersRepresentation } from "./preference.ts";

test.each([
  ["return=representation", true],
  ["Return = Representation", true],
  ['return="representation"', true],
  ["respond-async, wait=10, return=representation; x=1", true],
  ["return=representation, return=minimal", true],
  ["return=minimal, return=representation", false],
  ["return=minimal", false],
  ["return=representational", false],
  ["noreturn=representation", false],
  ["x=return=representation", false],
  ["return", false],
  ["", false],
  [undefined, false],
])("Prefer: %p wants an answer that tells: %p", (prefer, wants) => {
  expect(prefersRepresentation(prefer)).toBe(wants);
});

test("a header of any length is read in no time", () => {
  const start = performance.now();
  expect(prefersRepresentation(`${"return ".repeat(2000)}${" ".repeat(4000)}`)).toBe(false);
  expect(prefersRepresentation(",".repeat(16_000))).toBe(false);
  expect(performance.now() - start).toBeLessThan(1000);
});
