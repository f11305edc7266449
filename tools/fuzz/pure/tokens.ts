import fc from "fast-check";
import { signToken, type TokenClaims, TokenVerifier } from "../../../src/protocol/token.ts";
import { sign, signClaims } from "../../../test/support/token.ts";
import { asRecord, must, mustEqual, parsed } from "../check.ts";
import { almost, valueText } from "../generate/json.ts";
import { type Edit, edited, edits, mutated, mutatedBytes, spliced } from "../generate/mutation.ts";
import { hexText, repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

const SECRET = "only for the fuzzer, only for it";

/** Longest token that is read; no frame brings a longer one. */
const MAX_LENGTH = 4096;

const NOW = 1_800_000_000;

const NOBODYS_TOPIC = "a topic that no token here is for";

const claims: fc.Arbitrary<TokenClaims> = fc.record({
  userId: fc.oneof(fc.nat(), fc.maxSafeInteger()),
  topic: wildText(),
  expires: fc.oneof(fc.integer({ min: NOW - 2, max: NOW + 2 }), fc.maxSafeInteger()),
});

/** Claims as text that may lack something, or have it of another type. */
const claimsText = almost(
  { user_id: "7", topic: '"a"', expires: String(NOW + 9) },
  fc.oneof(
    valueText,
    fc.constantFrom("7.5", '"7"', "-1", "[7]", "true", `${NOW}.5`, `"${NOW + 9}"`, String(NOW)),
  ),
);

const good = claims.map((all) => signToken(all, SECRET));

type Case =
  /** Rightly made; `topic` is asked for. */
  | { readonly kind: "right"; readonly claims: TokenClaims; readonly topic: string }
  /** Rightly signed, whatever it says. */
  | { readonly kind: "signed"; readonly claims: Uint8Array; readonly topic: string }
  /** Rightly made, then changed on its way. */
  | { readonly kind: "damaged"; readonly claims: TokenClaims; readonly edits: readonly Edit[] }
  /** Any text. */
  | { readonly kind: "unsigned"; readonly token: string }
  | { readonly kind: "other secret"; readonly claims: TokenClaims; readonly secret: string };

const cases: fc.Arbitrary<Case> = fc.oneof(
  fc
    .tuple(claims, fc.option(wildText()))
    .map(([all, topic]) => ({ kind: "right" as const, claims: all, topic: topic ?? all.topic })),
  fc.record({
    kind: fc.constant("signed" as const),
    claims: fc.oneof(
      claimsText.map((text) => Buffer.from(text)),
      mutatedBytes(claimsText.map((text) => Buffer.from(text))),
      valueText.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 60 }),
    ),
    topic: fc.constantFrom("a", ""),
  }),
  fc.record({ kind: fc.constant("damaged" as const), claims, edits }),
  fc.record({
    kind: fc.constant("unsigned" as const),
    token: seldom(
      fc.oneof(
        wildText(80),
        // Two halves may be of the same token: that one is for another topic.
        spliced(good),
        fc.tuple(hexText(0, 200), hexText(64)).map(([message, end]) => `${message}.${end}`),
        fc.tuple(hexText(2), hexText(0, 70)).map(([message, end]) => `${message}.${end}`),
      ),
      300,
      repeatedText(fc.constantFrom("0", "0.", "00.0", `${"0".repeat(64)}.`), 0x2_0000),
    ),
  }),
  fc
    .record({
      kind: fc.constant("other secret" as const),
      claims,
      secret: fc.oneof(wildText(40), mutated(fc.constant(SECRET))),
    })
    // Zeros at the end are no part of a key to HMAC; no configuration has such a secret.
    .filter(({ secret }) => secret.replace(/\0+$/, "") !== SECRET),
);

const verifier = new TokenVerifier({ current: SECRET, previous: undefined });

/** What is said of a token; a well-formed topic is asked for, as everywhere. */
function verify(token: string, topic: string) {
  return verifier.verify(token, topic.toWellFormed(), NOW);
}

function check(value: Case): void {
  switch (value.kind) {
    case "right": {
      const { userId, topic, expires } = value.claims;
      const token = signToken(value.claims, SECRET);
      const result = verify(token, value.topic);
      const isTopic = topic.toWellFormed() === value.topic.toWellFormed();
      if (token.length > MAX_LENGTH) {
        mustEqual(result, { ok: false, fault: "malformed" }, "an overlong token");
      } else if (!isTopic) {
        mustEqual(result, { ok: false, fault: "other_topic" }, "a token for another topic");
      } else if (expires < NOW) {
        mustEqual(result, { ok: false, fault: "expired" }, "an expired token");
      } else {
        mustEqual(result, { ok: true, userId, expires, signedWith: "current" }, "a right token");
      }
      return;
    }
    case "signed": {
      const token = signClaims(SECRET, value.claims);
      const result = verify(token, value.topic);
      if (result.ok) {
        const text = new TextDecoder("utf-8", { fatal: true }).decode(value.claims);
        const said = asRecord(parsed(text)?.value) ?? {};
        mustEqual(said["user_id"], result.userId, "the user of a signed token");
        mustEqual(said["expires"], result.expires, "the expiry of a signed token");
        mustEqual(said["topic"], value.topic, "the topic of a signed token");
        must(Number.isSafeInteger(result.userId), "a user id that is no whole number");
        must(result.expires >= NOW, "an expired token was let in");
      } else {
        must(result.fault !== "forged", "a rightly signed token counts as forged");
      }
      return;
    }
    case "damaged": {
      const whole = signToken(value.claims, SECRET);
      const token = edited(whole, value.edits);
      const isWhole = token === whole;
      must(!verify(token, value.claims.topic).ok || isWhole, "a damaged token was let in");
      return;
    }
    case "unsigned":
      must(!verify(value.token, NOBODYS_TOPIC).ok, "a token that nobody signed was let in");
      return;
    case "other secret": {
      const token = signToken(value.claims, value.secret);
      const result = verify(token, value.claims.topic);
      const fault = token.length > MAX_LENGTH ? "malformed" : "forged";
      mustEqual(result, { ok: false, fault }, "a token of another secret");
      // Both makers of tokens must agree, or the cases above show nothing.
      const [message = "", signature] = token.split(".");
      mustEqual(signature, sign(value.secret, message), "a signature");
    }
  }
}

/** `TokenVerifier`: only what was signed with the secret, for this topic and time, gets in. */
export const tokens = pureTarget<Case>({
  name: "tokens",
  weight: 4,
  cases,
  check,
  size: (value) => (value.kind === "unsigned" ? value.token.length : 0),
});
