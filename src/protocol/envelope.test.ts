import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  CLUSTER_TOPIC,
  type Envelope,
  EnvelopeWriter,
  keyFingerprint,
  MAX_ENVELOPE_LENGTH,
  type Notice,
  type ProbeWord,
  readEnvelope,
} from "./envelope.ts";

const ORIGIN = "0123456789abcdef";
const KEY = "5eed5eed";
const isOurs = (key: string): boolean => key === KEY;
const writer = new EnvelopeWriter(ORIGIN, KEY);

/** What an envelope says; that it cannot be read is a fault. */
function read(text: string): Envelope {
  const result = readEnvelope(text, isOurs);
  if (!result.ok) {
    throw new Error(`${result.fault}: ${text.slice(0, 200)}`);
  }
  return result.envelope;
}

describe("the fingerprint of an installation", () => {
  // By: printf 'wavelog:events' | openssl dgst -sha256 -hmac "$secret" | cut -c1-8
  const GOLDEN: readonly [secret: string, fingerprint: string][] = [
    ["only for tests, only for tests, only for tests", "a1104852"],
    ["0123456789abcdef".repeat(4), "e16bdd75"],
    ["schl\u00fcssel-f\u00fcr-die-pr\u00fcfung-der-anlage", "c809bef9"],
  ];
  for (const [secret, fingerprint] of GOLDEN) {
    test(`of "${secret}" is ${fingerprint}`, () => {
      expect(keyFingerprint(secret)).toBe(fingerprint);
    });
  }
});

describe("what is written", () => {
  test("of an event: the keys the original knows first, in its order", () => {
    expect(writer.event(7, "contest_session.42", '{ "a":1.0,"b":"\\/ \\u00e9" }')).toBe(
      '{"origin_id":"0123456789abcdef","topic":"contest_session.42",' +
        '"payload":{ "a":1.0,"b":"\\/ \\u00e9" },"seq":7,"key":"5eed5eed"}',
    );
  });

  test("of an event on an odd topic: JSON's own spelling", () => {
    expect(writer.event(1, 'a"\\\n\u{1f4e1}', "null")).toBe(
      '{"origin_id":"0123456789abcdef","topic":"a\\"\\\\\\n\u{1f4e1}",' +
        '"payload":null,"seq":1,"key":"5eed5eed"}',
    );
  });

  test("of a registration: an event for nobody, with a notice", () => {
    const notice = { type: "register", topic: "a", requireToken: true, ttlMs: 3000 } as const;
    expect(writer.notice(8, notice)).toBe(
      '{"origin_id":"0123456789abcdef","topic":"worker.cluster","payload":null,"seq":8,' +
        '"key":"5eed5eed","notice":{"register":"a","require_token":true,"ttl_ms":3000}}',
    );
  });

  test("of a removal: an event for nobody, with a notice", () => {
    expect(writer.notice(9, { type: "unregister", topic: 'a"' })).toBe(
      '{"origin_id":"0123456789abcdef","topic":"worker.cluster","payload":null,"seq":9,' +
        '"key":"5eed5eed","notice":{"unregister":"a\\""}}',
    );
  });

  test("of a probe: an event for nobody, without a count among events", () => {
    expect(writer.probe(3, 0)).toBe(
      '{"origin_id":"0123456789abcdef","topic":"worker.cluster","payload":null,' +
        '"key":"5eed5eed","probe":3}',
    );
  });

  test("begins with what tells it is one's own", () => {
    expect(writer.prefix).toBe('{"origin_id":"0123456789abcdef",');
    const notice = { type: "unregister", topic: "a" } as const;
    for (const text of [writer.event(1, "a", "1"), writer.notice(2, notice), writer.probe(3, 0)]) {
      expect(text).toStartWith(writer.prefix);
    }
  });

  test("is for the original an event on a topic that no socket can watch", () => {
    expect(CLUSTER_TOPIC).toBe("worker.cluster");
    for (const text of [writer.notice(1, { type: "unregister", topic: "a" }), writer.probe(1, 0)]) {
      const { origin_id, topic, payload } = JSON.parse(text);
      expect([origin_id, topic, payload]).toEqual([ORIGIN, CLUSTER_TOPIC, null]);
    }
  });
});

describe("what is read", () => {
  test("of the original: an event without a count", () => {
    expect(read('{"origin_id":"fedcba9876543210","topic":"a","payload":{"x":[1]}}')).toEqual({
      kind: "event",
      originId: "fedcba9876543210",
      seq: undefined,
      topic: "a",
      payload: '{"x":[1]}',
    });
  });

  test("of a later version: an event, whatever else it holds", () => {
    const text = `{"v":2,"topic":"a","more":{"payload":9},"payload":1,"origin_id":"b","key":"${KEY}","seq":4}`;
    expect(read(text)).toEqual({ kind: "event", originId: "b", seq: 4, topic: "a", payload: "1" });
  });

  test("of an event: what was written, to the byte", () => {
    expect(read(writer.event(12, "t", '[ 1.0 , "\\u00e9\\/" ]'))).toEqual({
      kind: "event",
      originId: ORIGIN,
      seq: 12,
      topic: "t",
      payload: '[ 1.0 , "\\u00e9\\/" ]',
    });
  });

  const NOTICES: readonly Notice[] = [
    { type: "register", topic: "a", requireToken: true, ttlMs: 1 },
    { type: "register", topic: "a\n\u{1f4e1}", requireToken: false, ttlMs: 86_400_000 },
    { type: "unregister", topic: "__proto__" },
  ];
  for (const notice of NOTICES) {
    test(`of the notice ${JSON.stringify(notice)}: the same`, () => {
      expect(read(writer.notice(3, notice))).toEqual({
        kind: "notice",
        originId: ORIGIN,
        seq: 3,
        notice,
      });
    });
  }

  test("of a probe: that it is one", () => {
    expect(read(writer.probe(12, 0))).toEqual({
      kind: "probe",
      originId: ORIGIN,
      seq: undefined,
      word: undefined,
    });
    expect(read(writer.probe(12, 7))).toEqual({
      kind: "probe",
      originId: ORIGIN,
      seq: 7,
      word: undefined,
    });
  });

  test("of a probe that says something: what it says", () => {
    const words: readonly ProbeWord[] = [
      { type: "bye" },
      { type: "trace", id: "0a", topic: "a/\u{1f4e1}" },
      { type: "traced", id: "0a", sockets: 12, handedMs: 0.42 },
    ];
    for (const word of words) {
      expect(read(writer.word(7, word))).toEqual({ kind: "probe", originId: ORIGIN, seq: 7, word });
    }
  });

  test("of a probe that says what nobody understands, or without our key: a probe", () => {
    const said = (word: unknown, key: string = `"key":"${KEY}",`): unknown =>
      read(
        `{"origin_id":"b","topic":"x","payload":null,${key}"word":${JSON.stringify(word)},"probe":1}`,
      );
    const probe = { kind: "probe", originId: "b", seq: undefined, word: undefined };
    expect(said({ type: "bye" }, "")).toEqual(probe);
    for (const word of [
      7,
      null,
      "bye",
      {},
      { type: "later" },
      { type: "trace", id: 7, topic: "a" },
      { type: "trace", id: "a", topic: "" },
      { type: "trace", id: "a".repeat(65), topic: "a" },
      { type: "traced", id: "a", sockets: -1, handedMs: 1 },
      { type: "traced", id: "a", sockets: 1, handedMs: "fast" },
    ]) {
      expect(said(word)).toEqual(probe);
    }
  });

  test("of a topic with a lone surrogate: what UTF-8 can carry", () => {
    const envelope = read('{"origin_id":"b","topic":"a\\ud800","payload":1}');
    expect(envelope).toEqual(expect.objectContaining({ topic: "a\ufffd" }));
  });

  test("of doubled keys: the last ones", () => {
    const text = '{"origin_id":"b","topic":"x","payload":1,"topic":"y","payload": 2 }';
    expect(read(text)).toEqual(expect.objectContaining({ topic: "y", payload: "2" }));
  });

  test("of a count without our key: nothing, for anybody may write it", () => {
    expect(read('{"origin_id":"b","topic":"a","payload":1,"seq":5}')).toEqual(
      expect.objectContaining({ kind: "event", seq: undefined }),
    );
    expect(read('{"origin_id":"b","topic":"a","payload":1,"seq":"five"}')).toEqual(
      expect.objectContaining({ kind: "event", seq: undefined }),
    );
  });

  test("of a notice without our key: an event, for anybody may write it", () => {
    const text =
      '{"origin_id":"b","topic":"worker.cluster","payload":null,"seq":1,"notice":{"unregister":"a"}}';
    expect(read(text)).toEqual({
      kind: "event",
      originId: "b",
      seq: undefined,
      topic: CLUSTER_TOPIC,
      payload: "null",
    });
  });

  test("of any payload and topic: what was written, to the byte", () => {
    const payload = fc.json({ stringUnit: "binary" });
    const topic = fc.string({ unit: "binary", minLength: 1 });
    fc.assert(
      fc.property(fc.integer({ min: 1 }), topic, payload, (seq, name, bytes) => {
        expect(read(writer.event(seq, name, bytes))).toEqual({
          kind: "event",
          originId: ORIGIN,
          seq,
          topic: name,
          payload: bytes,
        });
      }),
      { numRuns: 1000 },
    );
  });
});

describe("what is refused", () => {
  test("as foreign: an envelope with another installation's key, of whatever kind", () => {
    const other = new EnvelopeWriter("fedcba9876543210", "0ther000");
    const notice = { type: "unregister", topic: "a" } as const;
    for (const text of [other.event(1, "a", "1"), other.notice(1, notice), other.probe(1, 0)]) {
      expect(readEnvelope(text, isOurs)).toEqual({ ok: false, fault: "foreign_key" });
    }
  });

  test("as foreign: a key that is no key of ours, whatever it is", () => {
    for (const key of ['""', "null", "0", "{}", '["5eed5eed"]', '"5EED5EED"', '"5eed5eed "']) {
      const text = `{"origin_id":"b","topic":"a","payload":1,"key":${key}}`;
      expect(readEnvelope(text, isOurs)).toEqual({ ok: false, fault: "foreign_key" });
    }
  });

  test("as too large: one unit more than the bound, and not one at the bound", () => {
    const frame = writer.event(1, "a", '""').length;
    const fitting = writer.event(1, "a", `"${"x".repeat(MAX_ENVELOPE_LENGTH - frame)}"`);
    expect(fitting.length).toBe(MAX_ENVELOPE_LENGTH);
    expect(readEnvelope(fitting, isOurs).ok).toBe(true);
    const larger = writer.event(1, "a", `"${"x".repeat(MAX_ENVELOPE_LENGTH - frame + 1)}"`);
    expect(readEnvelope(larger, isOurs)).toEqual({ ok: false, fault: "too_large" });
  });

  const signed = (rest: string): string =>
    `{"origin_id":"b","topic":"a","payload":1,"key":"${KEY}",${rest}}`;
  const UNREADABLE: readonly string[] = [
    "",
    " ",
    "{",
    "null",
    "1",
    '"text"',
    "[]",
    '[{"origin_id":"b","topic":"a","payload":1}]',
    "{}",
    '{"topic":"a","payload":1}',
    '{"origin_id":"","topic":"a","payload":1}',
    '{"origin_id":7,"topic":"a","payload":1}',
    '{"origin_id":null,"topic":"a","payload":1}',
    `{"origin_id":"${"0".repeat(65)}","topic":"a","payload":1}`,
    '{"origin_id":"b","payload":1}',
    '{"origin_id":"b","topic":"","payload":1}',
    '{"origin_id":"b","topic":7,"payload":1}',
    '{"origin_id":"b","topic":["a"],"payload":1}',
    '{"origin_id":"b","topic":"a"}',
    '{"origin_id":"b","topic":"a","payload":1},',
    '{"origin_id":"b","topic":"a","payload":undefined}',
    '{"__proto__":{"origin_id":"b","topic":"a","payload":1}}',
    signed('"seq":0'),
    signed('"seq":-1'),
    signed('"seq":1.5'),
    signed('"seq":null'),
    signed('"seq":"1"'),
    signed('"seq":9007199254740992'),
    signed('"seq":1e400'),
    signed('"seq":1,"notice":null'),
    signed('"seq":1,"notice":[]'),
    signed('"seq":1,"notice":{}'),
    signed('"seq":1,"notice":"unregister"'),
    signed('"seq":1,"notice":{"unregister":""}'),
    signed('"seq":1,"notice":{"unregister":7}'),
    signed('"seq":1,"notice":{"register":"a"}'),
    signed('"seq":1,"notice":{"register":"a","require_token":1,"ttl_ms":1}'),
    signed('"seq":1,"notice":{"register":"a","require_token":true}'),
    signed('"seq":1,"notice":{"register":"a","require_token":true,"ttl_ms":0}'),
    signed('"seq":1,"notice":{"register":"a","require_token":true,"ttl_ms":-1}'),
    signed('"seq":1,"notice":{"register":"a","require_token":true,"ttl_ms":1.5}'),
    signed('"seq":1,"notice":{"register":"a","require_token":true,"ttl_ms":1e400}'),
    signed('"notice":{"unregister":"a"}'),
  ];
  for (const text of UNREADABLE) {
    test(`as unreadable: ${text.slice(0, 120) || "(nothing)"}`, () => {
      expect(readEnvelope(text, isOurs)).toEqual({ ok: false, fault: "unreadable" });
    });
  }

  test("as unreadable, and without another sign: nesting without end", () => {
    const opened = `{"origin_id":"b","topic":"a","payload":${"[".repeat(1_000_000)}`;
    expect(readEnvelope(opened, isOurs)).toEqual({ ok: false, fault: "unreadable" });
    const closed = `${opened}1${"]".repeat(1_000_000)}}`;
    expect(() => readEnvelope(closed, isOurs)).not.toThrow();
  });
});

describe("strangers' envelopes", () => {
  const VALID: readonly string[] = [
    writer.event(1, "contest_session.42", '{"a":[1,2.50,{"b":null}],"c":"\\ud83d\\ude00 \\" x"}'),
    writer.notice(2, { type: "register", topic: "a", requireToken: true, ttlMs: 86_400_000 }),
    writer.notice(3, { type: "unregister", topic: "radio.user.7" }),
    writer.probe(4, 0),
    '{"origin_id":"fedcba9876543210","topic":"worker.status","payload":[true,false,-1E-7]}',
    ' { "pay\\u006coad" : 1 , "topic" : "a" , "origin_id" : "b" , "payload" : "}" } ',
  ];

  /** Pieces that change the meaning of what is around them. */
  const PIECES: readonly string[] = [
    ...['"', "\\", "{", "}", "[", "]", ":", ",", "null", "-", "0", "1e999", "\u0000", "\ud800"],
    ...['"key":', '"seq":', '"notice":', '"payload":', '"__proto__":', "\\u0022", "\ufeff", " "],
  ];

  /** What becomes of a text through one random change. */
  function mutated(text: string, dice: () => number): string {
    const at = Math.floor(dice() * (text.length + 1));
    const length = Math.floor(dice() * 12);
    const piece = PIECES[Math.floor(dice() * PIECES.length)] ?? "";
    const other = VALID[Math.floor(dice() * VALID.length)] ?? "";
    switch (Math.floor(dice() * 6)) {
      case 0:
        return text.slice(0, at) + text.slice(at + length);
      case 1:
        return text.slice(0, at) + piece + text.slice(at);
      case 2:
        return text.slice(0, at) + piece + text.slice(at + length);
      case 3:
        return text.slice(0, at) + text.slice(at, at + length).repeat(2) + text.slice(at);
      case 4:
        return text.slice(0, at) + other.slice(Math.floor(dice() * other.length));
      default:
        return text.slice(0, at) + String.fromCharCode(dice() * 0x1_0000) + text.slice(at + 1);
    }
  }

  /** A random number generator that a failing run can be repeated with. */
  function diceOf(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 0x1_0000_0000;
    };
  }

  /** Holds a result to its shape; cheap, since it runs a hundred thousand times. */
  function isSound(text: string): boolean {
    const result = readEnvelope(text, isOurs);
    if (!result.ok) {
      return ["too_large", "unreadable", "foreign_key"].includes(result.fault);
    }
    const { envelope } = result;
    if (envelope.originId === "" || envelope.originId.length > 64) {
      return false;
    }
    switch (envelope.kind) {
      case "probe":
        return true;
      case "notice":
        return envelope.seq > 0 && envelope.notice.topic.isWellFormed();
      case "event":
        // The payload can be put into a frame as it is.
        JSON.parse(envelope.payload);
        return envelope.topic !== "" && (envelope.seq === undefined || envelope.seq > 0);
    }
  }

  test("50,000 changed from valid ones do not throw, and give sound results alone", () => {
    const seed = Math.floor(Math.random() * 0x1_0000_0000);
    const dice = diceOf(seed);
    let readable = 0;
    for (let run = 0; run < 50_000; run += 1) {
      let text = VALID[run % VALID.length] ?? "";
      for (let changes = 1 + Math.floor(dice() * 3); changes > 0; changes -= 1) {
        text = mutated(text, dice);
      }
      if (!isSound(text)) {
        throw new Error(`seed ${seed}: unsound result of ${JSON.stringify(text)}`);
      }
      readable += readEnvelope(text, isOurs).ok ? 1 : 0;
    }
    // Some changes do no harm: the other half of the reader has been run as well.
    expect(readable).toBeGreaterThan(1000);
  });

  test("50,000 made of random parts do not throw, and give sound results alone", () => {
    const value = fc.oneof(
      fc.json({ maxDepth: 2 }),
      fc.constantFrom(
        `"${KEY}"`,
        '"a"',
        "1",
        "null",
        "{}",
        '{"register":"a"}',
        '{"unregister":"a"}',
      ),
    );
    const name = fc.constantFrom(
      ...["origin_id", "topic", "payload", "seq", "key", "notice", "probe", "__proto__", "x"],
    );
    const member = fc.tuple(name, value).map(([key, text]) => `"${key}":${text}`);
    const object = fc
      .array(member, { maxLength: 8 })
      .map((members) => `{"origin_id":"b","topic":"a","payload":0,${members.join(",")}}`);
    const text = fc.oneof(
      { weight: 8, arbitrary: object },
      { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
      { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
    );
    fc.assert(fc.property(text, isSound), { numRuns: 50_000 });
  }, 60_000);
});
