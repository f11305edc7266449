import { expect, test } from "bun:test";
import { MADE_UP_RESULT } from "./made-up-result.ts";
import { parseResult } from "./types.ts";

test("a result comes back from its own text", () => {
  expect(parseResult(JSON.stringify(MADE_UP_RESULT), "a.json")).toEqual(MADE_UP_RESULT);
});

test("what is no result is refused, with the place and the reason", () => {
  const wrong = JSON.stringify({ ...MADE_UP_RESULT, commit: "../elsewhere" });
  expect(() => parseResult(wrong, "a.json")).toThrow(/"a\.json" is no result.*commit/s);
  expect(() => parseResult("{", "b.json")).toThrow('"b.json" is not JSON');
});

test("an unknown contender, a NaN and a cell without samples are refused", () => {
  const text = JSON.stringify(MADE_UP_RESULT);
  for (const broken of [
    text.replaceAll('"nchan":', '"nobody":'),
    text.replace("90000", "null"),
    text.replace("[6.1,6.3,6.2]", "[]"),
  ]) {
    expect(broken).not.toBe(text);
    expect(() => parseResult(broken, "c.json")).toThrow("is no result");
  }
});
