import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import golden from "./golden-tokens.json";
import { signToken, verifyToken } from "./token.ts";

const { secret, vectors } = golden;
const NOW = 1_800_000_000;
const CLAIMS = { userId: 7, topic: "contest_session.42", expires: NOW };

function signedBy(json: string, key = secret): string {
  const message = Buffer.from(json).toString("hex");
  const mac = new Bun.CryptoHasher("sha256", key).update(message).digest("hex");
  return `${message}.${mac}`;
}

describe("tokens made by PHP (test/php/tokens.php)", () => {
  for (const { token, topic, user_id, expires } of vectors) {
    test(`for ${topic} are accepted`, () => {
      expect(verifyToken(token, topic, expires, secret)).toEqual({
        ok: true,
        userId: user_id,
        expires,
      });
    });
  }

  test("are made here to the byte, given PHP's JSON", () => {
    expect(signToken({ ...CLAIMS, expires: 1_900_000_000 }, secret)).toBe(vectors[0]?.token ?? "");
  });
});

describe("a token", () => {
  test("is valid up to and including the second in which it expires", () => {
    const token = signToken(CLAIMS, secret);
    expect(verifyToken(token, CLAIMS.topic, NOW, secret).ok).toBe(true);
    expect(verifyToken(token, CLAIMS.topic, NOW + 1, secret)).toEqual({
      ok: false,
      fault: "expired",
    });
  });

  test("may be valid for ever: PHP_INT_MAX", () => {
    const token = signedBy('{"user_id":7,"topic":"a","expires":9223372036854775807}');
    expect(verifyToken(token, "a", NOW, secret)).toMatchObject({ ok: true, userId: 7 });
  });

  test("is for one topic", () => {
    const token = signToken(CLAIMS, secret);
    expect(verifyToken(token, "contest_session.43", NOW, secret)).toEqual({
      ok: false,
      fault: "other_topic",
    });
  });

  test("signed with another secret is forged", () => {
    const token = signToken(CLAIMS, `${secret}x`);
    expect(verifyToken(token, CLAIMS.topic, NOW, secret)).toEqual({ ok: false, fault: "forged" });
  });

  test("with any digit changed is refused", () => {
    const token = signToken(CLAIMS, secret);
    for (let at = 0; at < token.length; at += 1) {
      const digit = token[at] === "0" ? "1" : "0";
      const changed = token.slice(0, at) + digit + token.slice(at + 1);
      expect(verifyToken(changed, CLAIMS.topic, NOW, secret).ok).toBe(false);
    }
  });

  const MALFORMED: readonly [string, string][] = [
    ["nothing", ""],
    ["no dot", "7b7d"],
    ["no claims", `.${"0".repeat(64)}`],
    ["odd hex", `7b7.${"0".repeat(64)}`],
    ["upper-case hex", signToken(CLAIMS, secret).toUpperCase()],
    ["a short signature", "7b7d.00"],
    ["two dots", `${signToken(CLAIMS, secret)}.00`],
    ["white space", ` ${signToken(CLAIMS, secret)}`],
    ["over 4 KiB", signedBy(`"${"x".repeat(4096)}"`)],
    ["claims that are no JSON", signedBy("{")],
    ["claims that are no UTF-8", signedBy("\udcff{").replace("efbfbd", "ff")],
    ["claims that are null", signedBy("null")],
    ["claims that are a list", signedBy("[]")],
    ["no user", signedBy(`{"topic":"contest_session.42","expires":${NOW}}`)],
    ["a user that is text", signedBy(`{"user_id":"7","topic":"a","expires":${NOW}}`)],
    ["a user that is a fraction", signedBy(`{"user_id":7.5,"topic":"a","expires":${NOW}}`)],
    ["no topic", signedBy(`{"user_id":7,"expires":${NOW}}`)],
    ["no expiry", signedBy('{"user_id":7,"topic":"contest_session.42"}')],
    ["an expiry beyond all numbers", signedBy('{"user_id":7,"topic":"a","expires":1e999}')],
  ];
  for (const [what, token] of MALFORMED) {
    test(`with ${what} is refused`, () => {
      const check = verifyToken(token, CLAIMS.topic, NOW, secret);
      expect(check.ok).toBe(false);
    });
  }

  test("made here is accepted here, whatever the topic", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.nat(), (topic, userId) => {
        const token = signToken({ userId, topic, expires: NOW }, secret);
        const check = verifyToken(token, topic, NOW, secret);
        expect(check).toEqual({ ok: true, userId, expires: NOW });
      }),
    );
  });

  test("of random text is refused without a throw", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (token) => {
        expect(verifyToken(token, CLAIMS.topic, NOW, secret).ok).toBe(false);
      }),
    );
  });
});
