import { expect, test } from "bun:test";
import { parseOptions } from "./options.ts";

test("what is said counts", () => {
  const options = parseOptions([
    "--seed",
    "7",
    "--minutes",
    "2.5",
    "--short",
    "--target",
    "source",
  ]);
  expect(options).toEqual({ seed: 7, minutes: 2.5, isShort: true, target: "source" });
});

test("what make leaves empty is as if it was not said", () => {
  const options = parseOptions(["--seed", "", "--minutes", ""]);
  expect(options.minutes).toBeGreaterThan(0);
  expect(Number.isSafeInteger(options.seed)).toBe(true);
});

test.each([
  ["--seed", "1.5"],
  ["--seed", "x"],
  ["--minutes", "0"],
  ["--minutes", "soon"],
  ["--target", "docker"],
])("%s %s is refused", (name, value) => {
  expect(() => parseOptions([name, value])).toThrow(`"${value}"`);
});
