import fc from "fast-check";
import { cleanPath, cleanText, quoteKey, quoteValue } from "../../../src/config/fault-text.ts";
import { suggestName } from "../../../src/config/suggest.ts";
import { printable } from "../../../src/observability/printable.ts";
import { must, mustBeOneLine } from "../check.ts";
import { hexText, repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

interface Case {
  readonly text: string;
  readonly maxLength: number;
  /** A secret, which may stand within the text. */
  readonly secret: string;
  readonly at: number;
}

const NAMES = ["worker_secret", "ws_port", "redis_url"] as const;

const cases: fc.Arbitrary<Case> = fc.record({
  text: seldom(
    wildText(300),
    300,
    repeatedText(fc.constantFrom("\u202e", "\ud800", "a", "\n", "a\u0301", "\u{1f4e1}"), 0x4_0000),
  ),
  maxLength: fc.integer({ min: 1, max: 250 }),
  secret: hexText(8, 40),
  at: fc.nat({ max: 300 }),
});

function check({ text, maxLength, secret, at }: Case): void {
  mustBeOneLine(printable(text), 201, "a text for the log");
  mustBeOneLine(cleanText(text, maxLength), maxLength, "a text for a message");
  mustBeOneLine(cleanPath(text), 200, "a path");
  const value = text.slice(0, at) + secret + text.slice(at);
  const quoted = quoteValue(value, [secret]);
  mustBeOneLine(quoted, 62, "a value");
  must(!quoted.includes(secret), "a value tells the secret");
  const key = quoteKey(value, [secret]);
  mustBeOneLine(key, 40, "a key");
  must(!key.includes(secret), "a key tells the secret");
  const meant = suggestName(text, NAMES);
  must(meant === undefined || NAMES.includes(meant), "a name that is none");
}

/** What is said of foreign text is one line, short, and without the secret. */
export const logTexts = pureTarget<Case>({
  name: "log-texts",
  weight: 3,
  cases,
  check,
  size: ({ text }) => text.length,
});
