import fc from "fast-check";
import { nastyPiece, wildText } from "./text.ts";

/** A text as YAML may write it: in either quotes, as a block, or bare when it has one line. */
export function scalar(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const style = fc.constantFrom("bare", "double", "single", "block", "folded");
  return fc.tuple(text, style).map(([content, how]) => {
    switch (how) {
      case "bare":
        return content.replaceAll(/[\r\n]/g, " ");
      case "double":
        return JSON.stringify(content);
      case "single":
        return `'${content.replaceAll("'", "''")}'`;
      case "block":
        return `|-\n  ${content.replaceAll(/\r?\n/g, "\n  ")}`;
      default:
        return `>\n  ${content.replaceAll(/\r?\n/g, "\n  ")}`;
    }
  });
}

/** Values of every type YAML has, and some that look like another one. */
export const anyValue: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: scalar(wildText(20)) },
  { weight: 2, arbitrary: fc.integer().map(String) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...["", "~", "null", "true", "no", "0x1F", "0o17", "1_000", "1e3", ".inf", ".nan", "-0"],
      ...["2026-01-01", "12:30:45", "[]", "{}", "[1, [2]]", "{a: {b: c}}", "*a", "&a 1", "!!str 1"],
      ...["!!binary aGk=", "? x", "- x", "\n  - a\n  - b", "\n  a: 1", "|", ">", "%x", "@x", "`x"],
      ...["<<", "---", "...", "# x", '"', "'", "'it''s'", '"\\x41\\u00e9\\U0001F4E1"', "9001 # x"],
    ),
  },
);

/** A line that is no entry, or that changes what the others mean. */
export const oddLine: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("---", "...", "# a comment", "", "  ", "\t", "- a", "a", ":", "%YAML 1.2", "}"),
  fc.constantFrom("x: &x [1]", "y: *x", "<<: *x", "x: &x {y: *x}", "? [a]\n: b", "a: b: c"),
  fc.string({ unit: nastyPiece, maxLength: 8 }),
);

/** Ten times ten times ten: short to write, and without end to whoever looks at each. */
export const aliasBomb: fc.Arbitrary<string> = fc.integer({ min: 1, max: 12 }).map((levels) => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level <= levels; level += 1) {
    const before = `*a${level - 1}`;
    lines.push(`a${level}: &a${level} [${Array(10).fill(before).join(", ")}]`);
  }
  return `${lines.join("\n")}\nallowed_origins: *a${levels}`;
});
