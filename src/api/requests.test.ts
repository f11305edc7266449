import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ApiError } from "../protocol/api-errors.ts";
import { parsePublish, parseRegister, parseUnregister } from "./requests.ts";

const BAD_REQUEST: ApiError = { status: 400, text: "bad request" };
const MISSING_TOPIC: ApiError = { status: 400, text: "missing topic" };
const MISSING_PAYLOAD: ApiError = { status: 400, text: "missing payload" };

const PARSERS = [
  ["register", parseRegister],
  ["unregister", parseUnregister],
  ["publish", parsePublish],
] as const;

/** JSON with escapes, nesting, astral characters and all kinds of white space around its parts. */
const jsonText = fc
  .tuple(
    fc.oneof(fc.jsonValue({ stringUnit: "binary" }), fc.double({ noNaN: true }), fc.nat()),
    fc.constantFrom("", " ", "\t", "\n", "  "),
    fc.boolean(),
  )
  .map(([value, indent, isEscaped]) => {
    const text = JSON.stringify(value, null, indent);
    // As PHP's json_encode writes it by default: everything outside ASCII as \u, slashes as \/.
    return isEscaped ? escapedAsPhp(text) : text;
  });

function escapedAsPhp(json: string): string {
  return json
    .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replaceAll("/", "\\/");
}

describe.each(PARSERS)("a %s body", (_name, parse) => {
  const FAULTS: readonly [what: string, body: string, error: ApiError][] = [
    ["is empty", "", BAD_REQUEST],
    ["is white space", " \n", BAD_REQUEST],
    ["is cut short", '{"topic":"a","payload":1', BAD_REQUEST],
    ["goes on behind its end", '{"topic":"a","payload":1}}', BAD_REQUEST],
    ["has single quotes", "{'topic':'a','payload':1}", BAD_REQUEST],
    ["has a comma too many", '{"topic":"a","payload":1,}', BAD_REQUEST],
    ["has a comment", '{"topic":"a","payload":1/**/}', BAD_REQUEST],
    ["has a raw line break in a string", '{"topic":"a\n","payload":1}', BAD_REQUEST],
    ["has a number JSON does not know", '{"topic":"a","payload":01}', BAD_REQUEST],
    ["has NaN", '{"topic":"a","payload":NaN}', BAD_REQUEST],
    ["begins with a byte order mark", '\ufeff{"topic":"a","payload":1}', BAD_REQUEST],
    ["is a form", "topic=a&payload=1", BAD_REQUEST],
    ["is null", "null", BAD_REQUEST],
    ["is a number", "1", BAD_REQUEST],
    ["is a string", '"topic"', BAD_REQUEST],
    ["is true", "true", BAD_REQUEST],
    ["is a list", '["topic","payload"]', BAD_REQUEST],
    ["is a list of one body", '[{"topic":"a","payload":1}]', BAD_REQUEST],
    ["has a number for a topic", '{"topic":1,"payload":1}', BAD_REQUEST],
    ["has a list for a topic", '{"topic":["a"],"payload":1}', BAD_REQUEST],
    ["has an object for a topic", '{"topic":{},"payload":1}', BAD_REQUEST],
    ["has true for a topic", '{"topic":true,"payload":1}', BAD_REQUEST],
    ["has false for a topic", '{"topic":false,"payload":1}', BAD_REQUEST],
    ["has no topic", '{"payload":1}', MISSING_TOPIC],
    ["is an empty object", "{}", MISSING_TOPIC],
    ["has an empty topic", '{"topic":"","payload":1}', MISSING_TOPIC],
    ["has null for a topic", '{"topic":null,"payload":1}', MISSING_TOPIC],
    ["has a topic in capitals", '{"Topic":"a","payload":1}', MISSING_TOPIC],
    ["has a topic further down", '{"meta":{"topic":"a"},"payload":1}', MISSING_TOPIC],
    ["has a topic by inheritance", '{"__proto__":{"topic":"a"},"payload":1}', MISSING_TOPIC],
    ["has an empty topic last", '{"topic":"a","topic":"","payload":1}', MISSING_TOPIC],
  ];
  for (const [what, body, error] of FAULTS) {
    test(`that ${what} is refused: ${error.text}`, () => {
      expect(parse(body)).toEqual({ ok: false, error });
    });
  }

  test.each([
    ["with keys in any order", '{"payload":1,"meta":{},"topic":"a"}'],
    ["with unknown keys", '{"x":1,"topic":"a","":[{"topic":"b"}],"payload":1}'],
    ["with white space wherever it may be", ' {\r\n"topic" :\t"a" , "payload": 1 }\n'],
    ["with a doubled topic: the last counts", '{"topic":"b","payload":1,"topic":"a"}'],
    ["with a key spelled in escapes", '{"\\u0074opic":"\\u0061","payload":1}'],
    ["with a prototype of its own", '{"__proto__":null,"topic":"a","payload":1}'],
  ])("%s is read", (_what, body) => {
    expect(parse(body)).toEqual({ ok: true, value: expect.objectContaining({ topic: "a" }) });
  });

  test("keeps any topic as it is", () => {
    const topic = fc.string({ unit: "binary", minLength: 1, maxLength: 250 });
    fc.assert(
      fc.property(topic, fc.boolean(), (name, isEscaped) => {
        const plain = JSON.stringify({ topic: name, payload: null });
        const parsed = parse(isEscaped ? escapedAsPhp(plain) : plain);
        expect(parsed.ok && parsed.value.topic).toBe(name);
      }),
    );
  });

  test("shows half a surrogate pair in a topic as UTF-8 would", () => {
    const parsed = parse('{"topic":"a\\ud83d","payload":1}');
    expect(parsed.ok && parsed.value.topic).toBe("a\ufffd");
  });

  test("of random text or random JSON is read or refused, never a throw", () => {
    const body = fc.oneof(
      fc.string({ unit: "binary" }),
      jsonText,
      fc.tuple(jsonText, jsonText, jsonText).map(([topic, payload, meta]) => {
        return `{"topic":${topic},"payload":${payload},"meta":${meta}}`;
      }),
    );
    fc.assert(
      fc.property(body, (text) => {
        const parsed = parse(text);
        if (!parsed.ok) {
          expect(parsed.error.status).toBe(400);
        }
      }),
    );
  });

  test("that is nested without end is read or refused, never a throw", () => {
    const depth = 300_000;
    const nest = "[".repeat(depth) + "]".repeat(depth);
    expect(() => parse(`{"topic":"a","payload":${nest}}`)).not.toThrow();
    expect(() => parse(nest)).not.toThrow();
  });
});

describe("a register body", () => {
  const METAS: readonly [meta: string, requireToken: boolean | undefined][] = [
    ["", false],
    [',"meta":null', false],
    [',"meta":{}', false],
    [',"meta":{"other":true}', false],
    [',"meta":{"require_token":false}', false],
    [',"meta":{"require_token":true}', true],
    [',"meta":{"x":1,"require_token":true,"y":[]}', true],
    [',"meta":{"require_token":false,"require_token":true}', true],
    [',"meta":{"require_token":false},"meta":{"require_token":true}', true],
    [',"require_token":true', false],
    [',"meta":{"require_token":1}', undefined],
    [',"meta":{"require_token":0}', undefined],
    [',"meta":{"require_token":"true"}', undefined],
    [',"meta":{"require_token":""}', undefined],
    [',"meta":{"require_token":[]}', undefined],
    [',"meta":{"require_token":{}}', undefined],
    [',"meta":true', undefined],
    [',"meta":false', undefined],
    [',"meta":0', undefined],
    [',"meta":"require_token"', undefined],
    [',"meta":[]', undefined],
    [',"meta":[{"require_token":true}]', undefined],
  ];
  for (const [meta, requireToken] of METAS) {
    const result = requireToken === undefined ? "bad" : `require_token ${requireToken}`;
    test(`with ${meta.slice(1) || "no meta"} is ${result}`, () => {
      const parsed = parseRegister(`{"topic":"a"${meta}}`);
      expect(parsed).toEqual(
        requireToken === undefined
          ? { ok: false, error: BAD_REQUEST }
          : { ok: true, value: { topic: "a", meta: { requireToken } } },
      );
    });
  }

  test("may name a topic of 1,024 bytes of UTF-8, not of one more", () => {
    const parsed = (topic: string) => parseRegister(JSON.stringify({ topic }));
    const error = { status: 400, text: "topic too long: at most 1024 bytes of UTF-8" };
    expect(parsed("x".repeat(1024)).ok).toBe(true);
    expect(parsed("x".repeat(1025))).toEqual({ ok: false, error });
    expect(parsed("\u{1f4e1}".repeat(256)).ok).toBe(true);
    expect(parsed(`${"\u{1f4e1}".repeat(256)}x`)).toEqual({ ok: false, error });
  });
});

describe("an unregister body", () => {
  test("needs a topic and nothing else", () => {
    expect(parseUnregister('{"topic":"a"}')).toEqual({ ok: true, value: { topic: "a" } });
  });

  test("may name a topic that is too long to exist", () => {
    const topic = "x".repeat(2000);
    expect(parseUnregister(JSON.stringify({ topic }))).toEqual({ ok: true, value: { topic } });
  });
});

describe("a publish body", () => {
  test.each([
    ["null", "null"],
    ["false", "false"],
    ["zero", "0"],
    ["an empty string", '""'],
    ["an empty object", "{}"],
    ["an empty list", "[]"],
    ["a number beyond all doubles", "12345678901234567890"],
    ["a number with a needless fraction", "1.0"],
    ["a number with an odd exponent", "-0E+05"],
    ["escaped slashes", '"\\/a\\/"'],
    ["escaped letters", '"\\u00e9\\u00C9"'],
    ["half a surrogate pair, escaped", '"\\ud83d"'],
    ["letters outside ASCII", '"\u00e9 \u{1f4e1} \u2028"'],
    ["spaces inside", '{ "a" : [ 1 ,\t2 ] ,\r\n"b":{ } }'],
    ["doubled keys", '{"a":1,"a":2}'],
    ["a payload in the payload", '{"payload":1,"topic":"b"}'],
    ["quotes and braces in a string", '"}\\",\\\\"'],
  ])("with %s for a payload keeps it byte for byte", (_what, payload) => {
    expect(parsePublish(`{"topic":"a","payload":${payload}}`)).toEqual({
      ok: true,
      value: { topic: "a", payload },
    });
  });

  test.each([
    ["without a payload", '{"topic":"a"}'],
    ["with a payload in capitals", '{"topic":"a","Payload":1}'],
    ["with a payload further down", '{"topic":"a","x":{"payload":1}}'],
    ["with a payload by inheritance", '{"topic":"a","__proto__":{"payload":1}}'],
    ["with a payload in its topic alone", '{"topic":"\\"payload\\":1"}'],
  ])("%s is refused", (_what, body) => {
    expect(parsePublish(body)).toEqual({ ok: false, error: MISSING_PAYLOAD });
  });

  test("without topic and payload is told of the topic first", () => {
    expect(parsePublish("{}")).toEqual({ ok: false, error: MISSING_TOPIC });
  });

  test("of doubled payloads keeps the last", () => {
    expect(parsePublish('{"payload":1,"topic":"a","pay\\u006coad": 2.0 }')).toEqual({
      ok: true,
      value: { topic: "a", payload: "2.0" },
    });
  });

  test("keeps any payload byte for byte, wherever it stands among whatever other keys", () => {
    const key = fc
      .string({ unit: "binary", maxLength: 8 })
      .filter((name) => name !== "topic" && name !== "payload")
      .map((name) => JSON.stringify(name));
    const others = fc.array(fc.tuple(key, jsonText), { maxLength: 3 });
    const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 2 });
    fc.assert(
      fc.property(jsonText, others, others, others, space, (payload, a, b, c, gap) => {
        const members: readonly (readonly [string, string])[] = [
          ...a,
          ['"topic"', '"a"'],
          ...b,
          ['"payload"', payload],
          ...c,
        ];
        const text = members.map(([name, value]) => `${gap}${name}${gap}:${gap}${value}${gap}`);
        expect(parsePublish(`${gap}{${text.join(",")}}${gap}`)).toEqual({
          ok: true,
          value: { topic: "a", payload },
        });
      }),
      { numRuns: 1000 },
    );
  });
});
