import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { printable } from "./printable.ts";

describe("text of foreign origin", () => {
  test.each([
    "",
    "contest_session.42",
    "radio user 7 / \u00fc \u4e2d \u05d0",
    "\u{1f4e1}",
    'quotes " and \\ backslashes, {"json":1}',
    "combining e\u0301",
    "\u00a0",
  ])("that is harmless is kept: %p", (text) => {
    expect(printable(text)).toBe(text);
  });

  test.each([
    ["a line feed", "\n"],
    ["a carriage return", "\r"],
    ["a tab", "\t"],
    ["a zero character", "\0"],
    ["an escape, which drives terminals", "\u001b"],
    ["a delete", "\u007f"],
    ["a next line", "\u0085"],
    ["an escape of eight bits", "\u009b"],
    ["a line separator", "\u2028"],
    ["a paragraph separator", "\u2029"],
    ["a change to right-to-left", "\u202e"],
    ["an isolate", "\u2066"],
    ["a right-to-left mark", "\u200f"],
    ["a space without width", "\u200b"],
    ["a byte order mark", "\ufeff"],
    ["a soft hyphen", "\u00ad"],
    ["an invisible tag beyond the basic plane", "\u{e0041}"],
    ["half a surrogate pair", "\ud83d"],
    ["the other half", "\udce1"],
  ])("shows %s as a sign that something was there", (_what, char) => {
    expect(printable(`a${char}b`)).toBe("a\ufffdb");
    expect(printable(`${char}${char}`)).toBe("\ufffd\ufffd");
  });

  test("of 200 units is kept whole, longer is cut and shows it", () => {
    expect(printable("x".repeat(200))).toBe("x".repeat(200));
    expect(printable("x".repeat(201))).toBe(`${"x".repeat(200)}\u2026`);
    expect(printable("x".repeat(1_000_000))).toBe(`${"x".repeat(200)}\u2026`);
  });

  test("cut within a surrogate pair stays well-formed", () => {
    expect(printable(`${"x".repeat(199)}\u{1f4e1}`)).toBe(`${"x".repeat(199)}\ufffd\u2026`);
  });

  test("is one short well-formed line, whatever it was", () => {
    const nasty = fc.constantFrom(
      "\n",
      "\r",
      "\u001b",
      "\u2028",
      "\u202e",
      "\ud83d",
      "a",
      "\u00e9",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.string({ unit: nasty, maxLength: 300, size: "max" }),
    );
    fc.assert(
      fc.property(text, (foreign) => {
        const shown = printable(foreign);
        expect(shown.length).toBeLessThanOrEqual(201);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(printable(shown).slice(0, 200)).toBe(shown.slice(0, 200));
      }),
    );
  });
});
