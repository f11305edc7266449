import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cleanPath, cleanText, quoteKey, quoteValue } from "./fault-text.ts";

describe("a value in a message", () => {
  test.each<[unknown, string]>([
    ["70000", '"70000"'],
    [70_000, '"70000"'],
    [true, '"true"'],
    ["", '""'],
    [{ a: 1 }, "a mapping"],
    [[1], "a list"],
    ["a\nb\tc", '"a?b?c"'],
    ["\u001b[31mred", '"?[31mred"'],
    ["a\u202eb\u2028c\ufeffd", '"a?b?c?d"'],
    ["x y ".repeat(40), `"${"x y ".repeat(15).trimEnd()}…"`],
    ["f".repeat(32), "the value (not shown here)"],
    ["worker_secret: abc", "the value (not shown here)"],
    ["it is: my pass-phrase, and one as long as", "the value (not shown here)"],
  ])("%p is shown as %p", (value, shown) => {
    expect(quoteValue(value, ["", "my pass-phrase, and one as long as"])).toBe(shown);
  });

  test.each([
    ["correct horse! battery, staple :-)", "", "the value (not shown here)"],
    ["correct horse! battery, staple :-)", "too short", "the value (not shown here)"],
    ["correct horse! battery, staple", "", '"correct horse! battery, staple"'],
    ["what is too short", "too short", "the value (not shown here)"],
  ])("%p is, while %p is all that is known of the secret, shown as %p", (value, secret, shown) => {
    expect(quoteValue(value, [secret])).toBe(shown);
  });

  test("is one short printable line, whatever it is", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        // Strings alone convert safely; objects are never looked into.
        const shown = quoteValue(typeof value === "symbol" ? String(value) : value, [""]);
        expect(shown.length).toBeLessThanOrEqual(62);
        expect(shown).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

test.each([
  ["ws_prot", '"ws_prot"'],
  ["worker_secret:abcdef", '"worker_secret…"'],
  ["a".repeat(32), "a key (not shown here)"],
  ["", "a key (not shown here)"],
  ["\u0007", "a key (not shown here)"],
  ["a\nb", '"a…"'],
  ["too-short-a-secret:x", "a key (not shown here)"],
])("an unknown key %p is shown as %p", (key, shown) => {
  expect(quoteKey(key, ["too-short-a-secret"])).toBe(shown);
});

test.each([
  ["\u{10000}b", 2, "…"],
  ["a\u{10000}b", 3, "a…"],
  ["a\u{10000}b", 4, "a\u{10000}b"],
  ["\ud800bc", 2, "?…"],
])("%p is cut to %i characters as %p, never within one", (text, maxLength, cut) => {
  expect(cleanText(text, maxLength)).toBe(cut);
});

test("a file name is cut and cleaned", () => {
  expect(cleanPath("conf\n.yaml")).toBe("conf?.yaml");
  expect(cleanPath("a".repeat(1_000_000))).toHaveLength(200);
});
