import { expect, test } from "bun:test";
import { parseOptions } from "./options.ts";

test("both runs unless it is said which", () => {
  expect(parseOptions([]).modes).toEqual(["plain", "pi"]);
  expect(parseOptions(["--pi", ""]).modes).toEqual(["plain", "pi"]);
  expect(parseOptions(["--pi", "1"]).modes).toEqual(["pi"]);
  expect(parseOptions(["--pi", "0"]).modes).toEqual(["plain"]);
});

test.each([
  ["--minutes", "0"],
  ["--minutes", "soon"],
  ["--pi", "yes"],
  ["--target", "docker"],
])("%s %s is refused", (name, value) => {
  expect(() => parseOptions([name, value])).toThrow(`"${value}"`);
});
