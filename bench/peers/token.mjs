import { createHmac, timingSafeEqual } from "node:crypto";

const MS_PER_SECOND = 1000;

/**
 * Whether a token lets its bearer subscribe to a topic: hex(claims) "." hex(HMAC-SHA256 of the
 * first half), the claims being JSON with `topic` and `expires` in seconds since 1970.
 *
 * @param {string} secret
 * @param {string} topic
 * @param {unknown} token whatever the client sent
 * @returns {boolean}
 */
export function isTokenFor(secret, topic, token) {
  if (typeof token !== "string") return false;
  const [encoded = "", signature = ""] = token.split(".");
  const expected = createHmac("sha256", secret).update(encoded).digest();
  const actual = Buffer.from(signature, "hex");
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) return false;
  const claims = JSON.parse(Buffer.from(encoded, "hex").toString());
  return claims.topic === topic && Date.now() <= claims.expires * MS_PER_SECOND;
}
