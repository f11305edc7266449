import fc from "fast-check";
import {
  type Envelope,
  EnvelopeWriter,
  MAX_ENVELOPE_LENGTH,
  type Notice,
  type ProbeWord,
  readEnvelope,
} from "../../../src/protocol/envelope.ts";
import { asRecord, must, mustBeSameJson, mustEqual, parsed } from "../check.ts";
import {
  almost,
  deepText,
  largeText,
  members,
  object,
  stringText,
  tokenSoup,
  valueText,
} from "../generate/json.ts";
import { mutated, spliced } from "../generate/mutation.ts";
import { hexText, repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

const KEY = "5b1f0a3c";
const MAX_ORIGIN_LENGTH = 64;

/** What one worker writes. */
type Written =
  | { readonly kind: "event"; readonly topic: string; readonly payload: string }
  | { readonly kind: "notice"; readonly notice: Notice }
  | { readonly kind: "probe"; readonly count: number }
  | { readonly kind: "word"; readonly word: ProbeWord };

interface Case {
  readonly text: string;
  /** What must be read from it; absent when it is unknown. */
  readonly meant?: Envelope | "foreign_key";
}

const seq = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 2 ** 53 - 1 }));
const topic = wildText().filter((text) => text !== "");
const payload = seldom(valueText, 400, fc.oneof(deepText, largeText));

const written: fc.Arbitrary<Written> = fc.oneof(
  fc.record({ kind: fc.constant("event" as const), topic, payload }),
  fc.record({
    kind: fc.constant("notice" as const),
    notice: fc.oneof(
      fc.record({
        type: fc.constant("register" as const),
        topic,
        requireToken: fc.boolean(),
        ttlMs: seq,
      }),
      fc.record({ type: fc.constant("unregister" as const), topic }),
    ),
  }),
  fc.record({ kind: fc.constant("probe" as const), count: seq }),
  fc.record({
    kind: fc.constant("word" as const),
    word: fc.oneof(
      fc.constant({ type: "bye" as const }),
      fc.record({ type: fc.constant("trace" as const), id: hexText(16), topic }),
      fc.record({
        type: fc.constant("traced" as const),
        id: hexText(16),
        sockets: fc.nat(),
        handedMs: fc.double({ min: 0, max: 1e6, noNaN: true }).map(Math.abs),
      }),
    ),
  }),
);

const roundTrip: fc.Arbitrary<Case> = fc
  .record({ originId: hexText(16), isOurs: fc.boolean(), seq, said: written })
  .map(({ originId, isOurs, seq: count, said }) => {
    const writer = new EnvelopeWriter(originId, isOurs ? KEY : "00000000");
    const { text, meant } = writtenBy(writer, originId, count, said);
    must(text.startsWith(writer.prefix), "an envelope without its writer's beginning");
    return { text, meant: isOurs ? meant : ("foreign_key" as const) };
  });

function writtenBy(
  writer: EnvelopeWriter,
  originId: string,
  count: number,
  said: Written,
): { text: string; meant: Envelope } {
  switch (said.kind) {
    case "event":
      return {
        text: writer.event(count, said.topic, said.payload),
        meant: {
          kind: "event",
          originId,
          seq: count,
          topic: said.topic.toWellFormed(),
          payload: said.payload,
        },
      };
    case "notice": {
      const { notice } = said;
      return {
        text: writer.notice(count, notice),
        meant: {
          kind: "notice",
          originId,
          seq: count,
          notice: { ...notice, topic: notice.topic.toWellFormed() },
        },
      };
    }
    case "probe":
      return {
        text: writer.probe(said.count, count),
        meant: { kind: "probe", originId, seq: count, word: undefined },
      };
    case "word": {
      const { word } = said;
      const topic = word.type === "trace" ? { topic: word.topic.toWellFormed() } : {};
      return {
        text: writer.word(count, word),
        meant: { kind: "probe", originId, seq: count, word: { ...word, ...topic } },
      };
    }
  }
}

/** What may stand for any field. */
const fieldText = fc.oneof(
  { weight: 3, arbitrary: valueText },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...[`"${KEY}"`, "1", "0", "-1", "1.5", "9007199254740993", '"a"', '""', "null"],
      ...['{"register":"a","require_token":true,"ttl_ms":1}', '{"unregister":"a"}'],
      ...['{"register":"a","require_token":1,"ttl_ms":1}', '{"unregister":""}'],
      ...['{"register":"a","require_token":true,"ttl_ms":0}', '{"register":"a"}'],
      ...['{"type":"bye"}', '{"type":"trace","id":"a","topic":"a"}', '{"type":"trace","id":1}'],
      ...['{"type":"traced","id":"a","sockets":-1,"handedMs":1}', '{"type":"later"}'],
    ),
  },
  { weight: 1, arbitrary: repeatedText(fc.constant("0"), 70).map((digits) => `"${digits}"`) },
);

const EVENT = { origin_id: '"a"', topic: '"a"', payload: "1", seq: "1", key: `"${KEY}"` };

/** Right but for a detail, or made of the known keys with any values. */
const madeUp = fc.oneof(
  almost(EVENT, fieldText),
  almost({ ...EVENT, notice: '{"unregister":"a"}' }, fieldText),
  almost({ ...EVENT, probe: "1" }, fieldText),
  almost({ ...EVENT, word: '{"type":"trace","id":"a","topic":"a"}', probe: "0" }, fieldText),
  fc
    .array(
      members(
        fc.oneof(
          fc.constantFrom(
            ...["origin_id", "topic", "payload", "seq", "key", "probe", "notice", "word"].map(
              (name) => `"${name}"`,
            ),
          ),
          stringText,
        ),
        fieldText,
      ),
      { maxLength: 8 },
    )
    .map((all) => object(all)),
);

const text = fc.oneof(
  roundTrip.map((made) => made.text),
  madeUp,
);

const cases: fc.Arbitrary<Case> = seldom(
  fc.oneof(
    { weight: 4, arbitrary: roundTrip },
    { weight: 3, arbitrary: madeUp.map((made) => ({ text: made })) },
    { weight: 3, arbitrary: mutated(text).map((damaged) => ({ text: damaged })) },
    { weight: 1, arbitrary: spliced(text).map((damaged) => ({ text: damaged })) },
    { weight: 1, arbitrary: tokenSoup.map((soup) => ({ text: soup })) },
    { weight: 1, arbitrary: wildText().map((wild) => ({ text: wild })) },
  ),
  20_000,
  repeatedText(fc.constantFrom("[", " ", "z"), MAX_ENVELOPE_LENGTH + 2).map((all) => ({
    text: all,
  })),
);

function check({ text: envelope, meant }: Case): void {
  const result = readEnvelope(envelope, (key) => key === KEY);
  if (meant === "foreign_key") {
    mustEqual(result, { ok: false, fault: "foreign_key" }, "another installation's envelope");
    return;
  }
  if (meant !== undefined) {
    mustEqual(result.ok ? result.envelope : result, meant, "an envelope of our own");
    return;
  }
  const isTooLarge = envelope.length > MAX_ENVELOPE_LENGTH;
  const said = isTooLarge ? undefined : asRecord(parsed(envelope)?.value);
  if (!result.ok) {
    must(said === undefined || !isOriginals(said), "an envelope of the original is not read");
    must((result.fault === "too_large") === isTooLarge, `a fault of ${result.fault}`);
    must(
      result.fault !== "foreign_key" || (said?.["key"] !== undefined && said["key"] !== KEY),
      "our own key counts as foreign",
    );
    return;
  }
  must(said !== undefined, "an envelope was read from what is no object");
  checkRead(result.envelope, said);
}

/** Whether the original worker may have written it: it knows three keys, and ignores all others. */
function isOriginals(said: Readonly<Record<string, unknown>>): boolean {
  const { origin_id: origin, topic: name } = said;
  const isOrigin =
    typeof origin === "string" && origin !== "" && origin.length <= MAX_ORIGIN_LENGTH;
  return (
    isOrigin &&
    typeof name === "string" &&
    name !== "" &&
    Object.hasOwn(said, "payload") &&
    !Object.hasOwn(said, "key")
  );
}

/** What was read must be what stands there, of the types that those who act on it rely on. */
function checkRead(read: Envelope, said: Readonly<Record<string, unknown>>): void {
  mustEqual(read.originId, said["origin_id"], "an origin");
  must(
    read.originId !== "" && read.originId.length <= MAX_ORIGIN_LENGTH,
    "an origin that is none or too long",
  );
  must(said["key"] === undefined || said["key"] === KEY, "a foreign envelope was let in");
  if (read.seq !== undefined) {
    must(Number.isSafeInteger(read.seq) && read.seq > 0, "a count that is none");
    mustEqual(read.seq, said["seq"], "a count");
    must(said["key"] === KEY, "a count without our key");
  }
  switch (read.kind) {
    case "event":
      must(read.topic !== "" && read.topic.isWellFormed(), "a topic that is none");
      mustEqual(read.topic, String(said["topic"]).toWellFormed(), "a topic");
      mustBeSameJson(parsed(read.payload)?.value, said["payload"], "a payload's meaning");
      return;
    case "notice":
      must(said["key"] === KEY, "a notice without our key");
      must(read.notice.topic !== "" && read.notice.topic.isWellFormed(), "a topic that is none");
      must(
        read.notice.type === "unregister" ||
          (typeof read.notice.requireToken === "boolean" && read.notice.ttlMs > 0),
        "a notice of wrong types",
      );
      return;
    case "probe":
      if (read.word !== undefined) {
        must(said["key"] === KEY, "a word without our key");
        checkWord(read.word);
      }
      return;
  }
}

/** A word must be of the types that whoever acts on it relies on. */
function checkWord(word: ProbeWord): void {
  switch (word.type) {
    case "bye":
      return;
    case "trace":
      must(word.topic !== "" && word.topic.isWellFormed(), "a topic that is none");
      must(word.id.length <= MAX_ORIGIN_LENGTH, "an id that is too long");
      return;
    case "traced":
      must(Number.isSafeInteger(word.sockets) && word.sockets >= 0, "a count that is none");
      must(word.handedMs >= 0, "a time that is none");
      return;
  }
}

/** `EnvelopeWriter` and `readEnvelope`: what a worker writes is read, and nothing else acted on. */
export const envelopes = pureTarget<Case>({
  name: "envelopes",
  weight: 5,
  cases,
  check,
  size: (input) => input.text.length,
});
