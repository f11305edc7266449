import fc from "fast-check";
import { parseOriginPattern } from "../../../src/config/origin-pattern.ts";
import { originCheck } from "../../../src/gateway/origin.ts";
import { must, mustBeOneLine, mustEqual } from "../check.ts";
import { mutated } from "../generate/mutation.ts";
import { repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

/** An entry of `allowed_origins`, and an origin that asks to be let in. */
interface Case {
  readonly entry: string;
  readonly origin: string;
}

const label = fc.string({
  unit: fc.constantFrom(..."abcXYZ019-_é"),
  minLength: 1,
  maxLength: 5,
});

const host = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(label, { minLength: 1, maxLength: 4 }).map((all) => all.join(".")),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("localhost", "127.0.0.1", "[::1]", "example.org", "1.2"),
  },
);

const port = fc.oneof(
  fc.constant(""),
  fc.constantFrom(":80", ":443", ":8080", ":0", ":65536", ":"),
);

const origin = fc
  .tuple(fc.constantFrom("https://", "http://", "HTTPS://", "app://", "file://", ""), host, port)
  .map((all) => all.join(""));

const wildcard = host.map((name) => `*.${name}`);

const text = fc.oneof(
  { weight: 4, arbitrary: origin },
  { weight: 3, arbitrary: wildcard },
  { weight: 3, arbitrary: mutated(fc.oneof(origin, wildcard)) },
  { weight: 1, arbitrary: wildText() },
);

const cases: fc.Arbitrary<Case> = seldom(
  fc.record({ entry: text, origin: text }),
  500,
  fc.record({
    entry: repeatedText(fc.constantFrom("a.", "a", "*.", "https://", "%"), 0x1_0000),
    origin: repeatedText(fc.constantFrom("a.", "https://", "é"), 0x1_0000),
  }),
);

function check({ entry, origin: asking }: Case): void {
  const result = parseOriginPattern(entry);
  if (!result.ok) {
    mustBeOneLine(result.problem, 200, "a problem");
    return;
  }
  const { pattern } = result;
  mustEqual(parseOriginPattern(pattern), { ok: true, pattern }, "a pattern, read again");
  const isAllowed = originCheck([pattern]);
  must(isAllowed(null), "who has no origin is kept out");
  if (pattern.startsWith("*.")) {
    const below = pattern.slice(2);
    must(isAllowed(`https://a.${below}`), `a host below ${below} is kept out`);
    must(!isAllowed(`https://${below}`), `${below} itself is let in`);
    must(!isAllowed(`https://a${below}`), `a host that ends like ${below} is let in`);
    must(!isAllowed(`https://a.${below}.example.net`), `a host above ${below} is let in`);
  } else {
    must(isAllowed(pattern), `${pattern} itself is kept out`);
    must(isAllowed(pattern.toUpperCase()), `${pattern} in capitals is kept out`);
    must(!isAllowed(`${pattern}.example.net`), `a host that begins like ${pattern} is let in`);
  }
  if (isAllowed(asking)) {
    const host = URL.parse(asking.toLowerCase())?.hostname ?? "";
    const isBelow = pattern.startsWith("*.") && host.endsWith(pattern.slice(1));
    must(isBelow || asking.toLowerCase() === pattern, `${asking} is let in by ${pattern}`);
  }
}

/** `parseOriginPattern` and `originCheck`: an entry lets in what it says, and nothing that looks alike. */
export const origins = pureTarget<Case>({
  name: "origins",
  weight: 2,
  cases,
  check,
  size: (input) => input.entry.length + input.origin.length,
});
