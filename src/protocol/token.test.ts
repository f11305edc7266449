import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import golden from "./golden-tokens.json";
import { signToken, TokenVerifier } from "./token.ts";

const { secret, vectors } = golden;
const NOW = 1_800_000_000;
const CLAIMS = { userId: 7, topic: "contest_session.42", expires: NOW };

const verifier = new TokenVerifier({ current: secret, previous: undefined });

function signedBy(json: string, key = secret): string {
  const message = Buffer.from(json).toString("hex");
  const mac = new Bun.CryptoHasher("sha256", key).update(message).digest("hex");
  return `${message}.${mac}`;
}

describe("tokens made by PHP (test/php/tokens.php)", () => {
  for (const { token, topic, user_id, expires } of vectors) {
    test(`for ${topic} are accepted`, () => {
      expect(verifier.verify(token, topic, expires)).toEqual({
        ok: true,
        userId: user_id,
        expires,
        signedWith: "current",
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
    expect(verifier.verify(token, CLAIMS.topic, NOW).ok).toBe(true);
    expect(verifier.verify(token, CLAIMS.topic, NOW + 1)).toEqual({
      ok: false,
      fault: "expired",
    });
  });

  test("may be valid for ever: PHP_INT_MAX", () => {
    const token = signedBy('{"user_id":7,"topic":"a","expires":9223372036854775807}');
    expect(verifier.verify(token, "a", NOW)).toMatchObject({ ok: true, userId: 7 });
  });

  test("is for one topic", () => {
    const token = signToken(CLAIMS, secret);
    expect(verifier.verify(token, "contest_session.43", NOW)).toEqual({
      ok: false,
      fault: "other_topic",
    });
  });

  test("signed with another secret is forged", () => {
    const token = signToken(CLAIMS, `${secret}x`);
    expect(verifier.verify(token, CLAIMS.topic, NOW)).toEqual({ ok: false, fault: "forged" });
  });

  test("with any digit changed is refused", () => {
    const token = signToken(CLAIMS, secret);
    for (let at = 0; at < token.length; at += 1) {
      const digit = token[at] === "0" ? "1" : "0";
      const changed = token.slice(0, at) + digit + token.slice(at + 1);
      expect(verifier.verify(changed, CLAIMS.topic, NOW).ok).toBe(false);
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
      const check = verifier.verify(token, CLAIMS.topic, NOW);
      expect(check.ok).toBe(false);
    });
  }

  test("made here is accepted here, whatever the topic", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.nat(), (topic, userId) => {
        const token = signToken({ userId, topic, expires: NOW }, secret);
        const check = verifier.verify(token, topic, NOW);
        expect(check).toEqual({ ok: true, userId, expires: NOW, signedWith: "current" });
      }),
    );
  });

  test("of random text is refused without a throw", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (token) => {
        expect(verifier.verify(token, CLAIMS.topic, NOW).ok).toBe(false);
      }),
    );
  });
});

describe("the signature", () => {
  test("is HMAC-SHA256, whatever the secret", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 200 }), (any) => {
        const [message = "", signature] = signToken(CLAIMS, any).split(".");
        expect(signature).toBe(createHmac("sha256", any).update(message).digest("hex"));
      }),
    );
  });

  test("of one token says nothing to the next: the key stays as it was", () => {
    const tokens = [CLAIMS, { ...CLAIMS, userId: 8 }].map((claims) => signToken(claims, secret));
    for (const token of [...tokens, ...tokens]) {
      expect(verifier.verify(token, CLAIMS.topic, NOW).ok).toBe(true);
      expect(verifier.verify(`${token.slice(0, -1)}x`, CLAIMS.topic, NOW).ok).toBe(false);
    }
  });
});

describe("while the secret is being changed", () => {
  const previous = `${secret}, the one before`;
  const both = new TokenVerifier({ current: secret, previous });

  test("tokens of either are accepted, and told apart", () => {
    for (const [age, key] of [
      ["current", secret],
      ["previous", previous],
    ] as const) {
      const check = both.verify(signToken(CLAIMS, key), CLAIMS.topic, NOW);
      expect(check).toEqual({ ok: true, userId: 7, expires: NOW, signedWith: age });
    }
  });

  test("the older one is held to everything else too", () => {
    const token = signToken(CLAIMS, previous);
    const fault = (check: ReturnType<typeof both.verify>) => !check.ok && check.fault;
    expect(fault(both.verify(token, "other", NOW))).toBe("other_topic");
    expect(fault(both.verify(token, CLAIMS.topic, NOW + 1))).toBe("expired");
    expect(fault(both.verify(signedBy("{}", previous), CLAIMS.topic, NOW))).toBe("malformed");
  });

  test("a third one is forged, and afterwards so is the older", () => {
    const third = signToken(CLAIMS, `${secret}x`);
    expect(both.verify(third, CLAIMS.topic, NOW)).toEqual({ ok: false, fault: "forged" });
    const old = signToken(CLAIMS, previous);
    expect(verifier.verify(old, CLAIMS.topic, NOW)).toEqual({ ok: false, fault: "forged" });
  });
});
