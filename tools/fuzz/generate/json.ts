import fc from "fast-check";
import { nastyPiece, repeatedText, wildText } from "./text.ts";

/** A member of an object as it is written. */
export interface Member {
  /** The key with its quotes, perhaps spelled with escapes. */
  readonly key: string;
  readonly value: string;
  /** White space around both. */
  readonly gap: string;
}

/** White space that JSON allows, mostly none. */
const gap: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(..." \t\n\r"), maxLength: 3 }) },
);

/** A text in JSON's quotes, some characters escaped that need not be. */
export function spelled(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  // Bits that say which characters are escaped; mostly none.
  const bits = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0x7fff_ffff }));
  return fc.tuple(text, bits).map(([plain, escapes]) => {
    if (escapes === 0) {
      return JSON.stringify(plain);
    }
    let quoted = '"';
    for (let at = 0; at < plain.length; at += 1) {
      const isEscaped = ((escapes >> (at % 31)) & 1) === 1;
      quoted += isEscaped ? escaped(plain.charCodeAt(at)) : JSON.stringify(plain[at]).slice(1, -1);
    }
    return `${quoted}"`;
  });
}

function escaped(unit: number): string {
  const digits = unit.toString(16).padStart(4, "0");
  return `\\u${unit % 2 === 0 ? digits : digits.toUpperCase()}`;
}

/** Any text as JSON may write it. */
export const stringText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: spelled(wildText(12)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('"\\/"', '"\\"\\\\"', '"\\ud83d"', '"}{][,:"', '"\\u0000"', '""'),
  },
);

/** Numbers as JSON may write them, also such as no double holds. */
export const numberText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.integer().map(String) },
  {
    weight: 2,
    arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => `${value}`),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "-0",
      "1.0",
      "0.10",
      "1e400",
      "-1E-400",
      "1E+2",
      "12345678901234567890123",
      "9223372036854775807",
      "0e0",
    ),
  },
  { weight: 1, arbitrary: fc.nat({ max: 400 }).map((digits) => `1${"0".repeat(digits)}`) },
);

const text = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 2, arbitrary: fc.constantFrom("true", "false", "null") },
    { weight: 2, arbitrary: numberText },
    { weight: 3, arbitrary: stringText },
    { weight: 1, arbitrary: tie("list") },
    { weight: 1, arbitrary: tie("object") },
  ),
  list: fc
    .tuple(fc.array(tie("value"), { maxLength: 4 }), gap)
    .map(([items, space]) => `[${space}${items.join(`${space},${space}`)}${space}]`),
  object: fc.array(members(stringText, tie("value")), { maxLength: 4 }).map((all) => object(all)),
}));

/** JSON of every kind, with white space, doubled keys and odd spellings where the grammar has room. */
export const valueText: fc.Arbitrary<string> = text.value;

/** Nested so deep that a recursive reader would run out of stack. */
export const deepText: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom("[", '{"a":', '[{"":'), fc.integer({ min: 1, max: 20_000 }))
  .map(([open, depth]) => {
    const close = [...open].reverse().map((part) => ({ "[": "]", "{": "}" })[part] ?? "");
    return `${open.repeat(depth)}0${close.join("").repeat(depth)}`;
  });

/** Up to 256 KiB of one thing: what is quadratic shows here. */
export const largeText: fc.Arbitrary<string> = fc
  .tuple(
    repeatedText(fc.constantFrom("a", "\\\\", '\\"', "\\u006b", " ", "{}[],", "é"), 0x4_0000),
    fc.boolean(),
  )
  .map(([content, isList]) => (isList ? `["${content}"${',"k"'.repeat(1000)}]` : `"${content}"`));

/** A key from some names, spelled oddly at times, and a value. */
export function members(
  key: fc.Arbitrary<string>,
  value: fc.Arbitrary<string>,
): fc.Arbitrary<Member> {
  return fc.record({ key, value, gap });
}

/**
 * An object that is right but for a detail: its members in any order, one perhaps missing, one or two
 * said again with another value.
 */
export function almost(
  right: Readonly<Record<string, string>>,
  other: fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const all = Object.entries(right).map(([key, value]) => ({ key: `"${key}"`, value, gap: "" }));
  const keys = fc.constantFrom(...all.map(({ key }) => key));
  return fc
    .tuple(
      fc.shuffledSubarray(all, { minLength: all.length - 1 }),
      fc.array(members(keys, other), { maxLength: 2 }),
    )
    .map(([some, again]) => object([...some, ...again]));
}

/** An object's text; what is a key twice stays twice. */
export function object(all: readonly Member[], around = ""): string {
  const inside = all.map(({ key, value, gap: space }) => {
    return `${space}${key}${space}:${space}${value}${space}`;
  });
  return `${around}{${inside.join(",")}}${around}`;
}

/** Text that looks like JSON and mostly is none. */
export const tokenSoup: fc.Arbitrary<string> = fc.string({
  unit: fc.oneof(
    fc.constantFrom("{", "}", "[", "]", '"', "\\", ",", ":", " ", '"topic"', '"payload"', "1"),
    nastyPiece,
  ),
  maxLength: 30,
});
