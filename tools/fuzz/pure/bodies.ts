import fc from "fast-check";
import {
  type Parsed,
  parsePublish,
  parseRegister,
  parseUnregister,
} from "../../../src/api/requests.ts";
import { asRecord, must, mustBeSameJson, mustEqual, parsed } from "../check.ts";
import {
  deepText,
  largeText,
  type Member,
  members,
  object,
  spelled,
  stringText,
  tokenSoup,
  valueText,
} from "../generate/json.ts";
import { mutated, spliced } from "../generate/mutation.ts";
import { repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

/** A body; `all` is what it was made of, when it is as it was made. */
interface Case {
  readonly text: string;
  readonly all?: readonly Member[];
}

/** Longest topic that is registered, in bytes. */
const MAX_TOPIC_BYTES = 1024;

const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('"topic"', '"payload"', '"meta"') },
  { weight: 2, arbitrary: spelled(fc.constantFrom("topic", "payload", "meta")) },
  { weight: 1, arbitrary: fc.constantFrom('"payload\\\\"', '"payloads"', '"__proto__"', '""') },
  { weight: 1, arbitrary: stringText },
);

const meta = fc
  .array(
    members(
      fc.constantFrom('"require_token"', '"__proto__"', '"x"'),
      fc.oneof(fc.constantFrom("true", "false", "null", "1", '"true"'), valueText),
    ),
    { maxLength: 2 },
  )
  .map((all) => object(all));

const value = seldom(
  fc.oneof(
    { weight: 4, arbitrary: valueText },
    { weight: 3, arbitrary: stringText },
    { weight: 1, arbitrary: meta },
    { weight: 1, arbitrary: fc.constantFrom("null", '""', "{}", "[]") },
    // Just about too long, in bytes that a topic's length in characters does not show.
    { weight: 1, arbitrary: repeatedText(fc.constantFrom("a", "é", "語"), 1100).map(quoted) },
  ),
  400,
  fc.oneof(deepText, largeText),
);

function quoted(text: string): string {
  return `"${text}"`;
}

const made: fc.Arbitrary<Case> = fc
  .tuple(fc.array(members(key, value), { maxLength: 5 }), fc.constantFrom("", " ", "\n\t"))
  .map(([all, around]) => ({ text: object(all, around), all }));

const text = made.map((body) => body.text);

const cases: fc.Arbitrary<Case> = seldom(
  fc.oneof(
    { weight: 6, arbitrary: made },
    { weight: 2, arbitrary: mutated(text).map((damaged) => ({ text: damaged })) },
    { weight: 1, arbitrary: spliced(text).map((damaged) => ({ text: damaged })) },
    { weight: 1, arbitrary: tokenSoup.map((soup) => ({ text: soup })) },
    { weight: 1, arbitrary: valueText.map((json) => ({ text: json })) },
    { weight: 1, arbitrary: wildText().map((wild) => ({ text: wild })) },
  ),
  2000,
  repeatedText(
    fc.constantFrom(
      ',"k":1',
      ',"\\u006b":1',
      ',"payload\\\\":1',
      ',"payload":1',
      ',"":[]',
      ',"a":{"payload":[]}',
    ),
    0x8_0000,
  ).map((all) => ({ text: `{"topic":"a","payload":1${all}}` })),
);

const BAD = { status: 400, text: "bad request" };
const MISSING_TOPIC = { status: 400, text: "missing topic" };
const MISSING_PAYLOAD = { status: 400, text: "missing payload" };
const TOO_LONG = { status: 400, text: "topic too long: at most 1024 bytes of UTF-8" };

/** The fault of a body without a topic, or the topic it names, after the contract. */
function topicOf(said: Readonly<Record<string, unknown>> | undefined) {
  if (said === undefined) {
    return { error: BAD };
  }
  const topic = Object.hasOwn(said, "topic") ? said["topic"] : undefined;
  if (topic === undefined || topic === null || topic === "") {
    return { error: MISSING_TOPIC };
  }
  return typeof topic === "string" ? { topic: topic.toWellFormed() } : { error: BAD };
}

/** Bodies as text, right and wrong. */
export const bodyText: fc.Arbitrary<string> = cases.map((body) => body.text);

/**
 * How the API must answer a body: the text of a 400, or `undefined` for one that is in order.
 *
 * @param call The last part of the path.
 */
export function bodyFault(call: "register" | "unregister" | "publish", body: string) {
  const said = asRecord(parsed(body)?.value);
  const { topic, error } = topicOf(said);
  if (topic === undefined) {
    return error.text;
  }
  if (call === "publish") {
    return said !== undefined && Object.hasOwn(said, "payload") ? undefined : MISSING_PAYLOAD.text;
  }
  if (call === "register") {
    const result = registerAnswer(topic, said?.["meta"]);
    return result.ok ? undefined : result.error.text;
  }
  return undefined;
}

function refused<Value>(error: object): Parsed<Value> {
  return { ok: false, error } as Parsed<Value>;
}

function check({ text: body, all }: Case): void {
  const said = asRecord(parsed(body)?.value);
  const { topic, error } = topicOf(said);
  const publish = parsePublish(body);
  const register = parseRegister(body);
  const unregister = parseUnregister(body);
  if (topic === undefined) {
    for (const result of [publish, register, unregister]) {
      mustEqual(result, refused(error), "the answer to a body without a topic");
    }
    return;
  }
  mustEqual(unregister, { ok: true, value: { topic } }, "an unregister body");
  mustEqual(register, registerAnswer(topic, said?.["meta"]), "a register body");
  if (said === undefined || !Object.hasOwn(said, "payload")) {
    mustEqual(publish, refused(MISSING_PAYLOAD), "a publish body without a payload");
    return;
  }
  must(publish.ok, "a good publish body is refused");
  mustEqual(publish.value.topic, topic, "the topic of a publish body");
  const { payload } = publish.value;
  must(payload.trim() === payload, "a payload has white space around it");
  mustBeSameJson(parsed(payload)?.value, said["payload"], "a payload's meaning");
  if (all !== undefined) {
    const last = all.findLast((member) => JSON.parse(member.key) === "payload");
    mustEqual(payload, last?.value, "a payload's own text");
  }
}

function registerAnswer(topic: string, meta: unknown): ReturnType<typeof parseRegister> {
  if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES) {
    return refused(TOO_LONG);
  }
  const fields = meta === undefined || meta === null ? {} : asRecord(meta);
  const requireToken = fields?.["require_token"] ?? false;
  return fields !== undefined && typeof requireToken === "boolean"
    ? { ok: true, value: { topic, meta: { requireToken } } }
    : refused(BAD);
}

/** `parsePublish`, `parseRegister`, `parseUnregister`: what `JSON.parse` says, the payload as sent. */
export const bodies = pureTarget<Case>({
  name: "bodies",
  weight: 5,
  cases,
  check,
  size: (body) => body.text.length,
});
