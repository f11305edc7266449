import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sliceMember } from "./payload-slice.ts";

describe("the payload's own text", () => {
  const CASES: readonly [body: string, payload: string | undefined][] = [
    ['{"topic":"a","payload":{"x":1}}', '{"x":1}'],
    ['{"payload":[1,2],"topic":"a"}', "[1,2]"],
    [' {\n"payload"\t: \r\n null , "topic":"a"} ', "null"],
    ['{"payload":12345678901234567890}', "12345678901234567890"],
    ['{"payload":1.0}', "1.0"],
    ['{"payload":-1E+2 }', "-1E+2"],
    ['{"payload":"\\/ \\u00e9 \\" \\\\"}', '"\\/ \\u00e9 \\" \\\\"'],
    ['{"payload":{"a":1,"a":2}}', '{"a":1,"a":2}'],
    ['{"payload":1,"payload":2}', "2"],
    ['{"payload":1,"pay\\u006coad":2}', "2"],
    ['{"\\u0070ayload":true}', "true"],
    ['{"x":{"payload":1},"payload":2}', "2"],
    ['{"payload":2,"x":{"payload":1}}', "2"],
    ['{"x":"\\"payload\\":1","payload":2}', "2"],
    ['{"payload\\\\":1}', undefined],
    ['{"Payload":1,"payloads":2,"ayload":3}', undefined],
    ["{}", undefined],
    ['{"payload":"}{][,:"}', '"}{][,:"'],
    ['{"payload":[{"a":"]"},"}"]}', '[{"a":"]"},"}"]'],
    ['{"payload":"\u{1f4e1} \u00fc"}', '"\u{1f4e1} \u00fc"'],
    ['{"payload":""}', '""'],
    ['{"payload":{}}', "{}"],
    ['{"":1,"payload":false}', "false"],
  ];
  for (const [body, payload] of CASES) {
    test(`of ${body} is ${payload}`, () => {
      JSON.parse(body);
      expect(sliceMember(body, "payload")).toBe(payload);
    });
  }

  const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });

  /** A character of a string as JSON may write it: plain, short escape, or \u escape. */
  const stringPart = fc.oneof(
    fc.string({ unit: "binary", maxLength: 4 }).map((text) => JSON.stringify(text).slice(1, -1)),
    fc.constantFrom("\\/", "\\u00e9", "\\ud83d\\ude00", '\\"', "\\\\", "\\n", "{", "}", "]", ","),
  );
  const stringText = fc.array(stringPart, { maxLength: 5 }).map((parts) => `"${parts.join("")}"`);
  const numberText = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.constantFrom("-0", "1.0", "1e400", "0.10", "12345678901234567890123", "1E-7"),
  );
  const keyText = fc.oneof(
    stringText,
    fc.constantFrom('"payload"', '"pay\\u006coad"', '"topic"', '"payload\\\\"', '"payload "'),
  );

  /** JSON text with white space, doubled keys and odd spellings wherever the grammar allows them. */
  const { value: valueText } = fc.letrec<{ value: string; list: string; object: string }>(
    (tie) => ({
      value: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        fc.constantFrom("true", "false", "null"),
        numberText,
        stringText,
        tie("list"),
        tie("object"),
      ),
      list: fc
        .tuple(fc.array(tie("value"), { maxLength: 4 }), space)
        .map(([items, gap]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
      object: fc
        .tuple(fc.array(fc.tuple(keyText, tie("value")), { maxLength: 4 }), space)
        .map(
          ([members, gap]) =>
            `{${gap}${members.map(([key, value]) => `${key}${gap}:${gap}${value}`).join(`${gap},`)}${gap}}`,
        ),
    }),
  );

  test("is found in random JSON: what was put in last comes out, byte for byte", () => {
    const member = fc.tuple(keyText, valueText, space);
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), space, (members, gap) => {
        const body = `${gap}{${gap}${members.map(([key, value, inner]) => `${inner}${key}${gap}:${inner}${value}${gap}`).join(",")}}${gap}`;
        JSON.parse(body);
        const expected = members.findLast(([key]) => JSON.parse(key) === "payload")?.[1];
        expect(sliceMember(body, "payload")).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  // A scan that looks beyond each key takes minutes for these, and runs into the test's deadline.
  const MANY = 2_000_000;
  test.each([
    ["short keys", ',"k":1'.repeat(MANY)],
    ["escaped keys", ',"\\u006b":1'.repeat(MANY)],
    ["keys that end in a backslash", ',"k\\\\":1'.repeat(MANY)],
    ["backslashes", `,"k":"${"\\\\".repeat(MANY)}"`],
    ["quotes", `,"k":"${'\\"'.repeat(MANY)}"`],
    ["lists", `,"k":[${"[],".repeat(MANY)}0]`],
    ["white space", " ".repeat(MANY)],
  ])(
    "is found in one pass among millions of %s",
    (_, members) => {
      expect(sliceMember(`{"payload":1${members}}`, "payload")).toBe("1");
    },
    30_000,
  );

  test("ends on any text, valid or not", () => {
    const unit = fc.constantFrom("{", "}", "[", "]", '"', "\\", ",", ":", " ", "payload", "1");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
        try {
          sliceMember(text, "payload");
        } catch (fault) {
          // Only a key that JSON itself refuses may throw; JSON.parse has run before in real use.
          expect(fault).toBeInstanceOf(SyntaxError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
