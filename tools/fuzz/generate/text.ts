import fc from "fast-check";

/** Pieces that steer terminals, break lines, are half of something, or mean something to a parser. */
const NASTY_PIECES = [
  ..."\0\u0007\b\t\n\r\u001b\u007f\u0080\u0085\u00a0\u00ad\u200b\u200e\u2028\u2029\u202e\ufeff\ufffd\uffff",
  ..."\"\\/{}[],:;%?#&=@*!|>-_.+'`$()<> 019aeEzßéİ",
  "\u001b[2J",
  "\r\n",
  "\ud800",
  "\udbff",
  "\udc00",
  "\udfff",
  "\u{1f4e1}",
  "\u{10ffff}",
  "e\u0301",
] as const;

/** Words that mean something to a language, a parser, or this program. */
const NASTY_WORDS = [
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "null",
  "undefined",
  "NaN",
  "-0",
  "1e999",
  "9007199254740993",
  "0x10",
  "true",
  "~",
  "..",
  "/../",
  "%00",
  "%c0%af",
  "%",
  "worker.status",
  "worker.cluster",
  "topic",
  "payload",
  "::1",
  "[::1]:80",
  "::ffff:1.2.3.4",
  "redis://a:b@c",
] as const;

/** One of {@link NASTY_PIECES}. */
export const nastyPiece: fc.Arbitrary<string> = fc.constantFrom(...NASTY_PIECES);

/** Text as a stranger may choose it: any UTF-16, lone surrogates and control characters included. */
export function wildText(maxLength = 30): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength }) },
    { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength }) },
    { weight: 3, arbitrary: fc.string({ unit: nastyPiece, maxLength }) },
    { weight: 1, arbitrary: fc.constantFrom<string>(...NASTY_WORDS) },
  );
}

/** So many hex digits, in lower case. */
export function hexText(minLength: number, maxLength = minLength): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength, maxLength });
}

/** A fragment again and again, up to so many UTF-16 units: what is quadratic shows here. */
export function repeatedText(
  fragment: fc.Arbitrary<string>,
  maxLength: number,
): fc.Arbitrary<string> {
  return fc.tuple(fragment, fc.double({ min: 0, max: 1, noNaN: true })).map(([text, share]) => {
    return text === "" ? "" : text.repeat(Math.ceil((share * maxLength) / text.length));
  });
}

/** Mostly the first, and in one of so many cases the other. */
export function seldom<Value>(
  usual: fc.Arbitrary<Value>,
  oneIn: number,
  other: fc.Arbitrary<Value>,
): fc.Arbitrary<Value> {
  return fc.oneof({ weight: oneIn - 1, arbitrary: usual }, { weight: 1, arbitrary: other });
}
