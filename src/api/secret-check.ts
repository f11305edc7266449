import { timingSafeEqual } from "node:crypto";
import type { SecretAge, Secrets } from "../protocol/secrets.ts";

/** Of SHA-256. */
const DIGEST_BYTES = 32;

/** Tells which secret a given text is; `undefined` for none. */
export type SecretCheck = (given: string | undefined) => SecretAge | undefined;

/**
 * Makes the check of `X-Worker-Secret`, in constant time whatever is given: digests are compared, so
 * neither a difference's place nor the length shows, and always all of them. A missing or empty
 * secret never passes.
 */
export function secretCheck({ current, previous }: Secrets): SecretCheck {
  const currentDigest = digest(Buffer.from(current, "utf8"));
  const previousDigest = previous === undefined ? undefined : digest(Buffer.from(previous, "utf8"));
  return (given) => {
    if (given === undefined || given === "") {
      return undefined;
    }
    // A header's bytes are shown as Latin-1; a secret outside ASCII was sent as UTF-8.
    const givenDigest = digest(Buffer.from(given, "latin1"));
    const isCurrent = timingSafeEqual(givenDigest, currentDigest);
    const isPrevious = previousDigest !== undefined && timingSafeEqual(givenDigest, previousDigest);
    if (isCurrent) {
      return "current";
    }
    return isPrevious ? "previous" : undefined;
  };
}

/** SHA-256, by Bun itself: every call is checked, and `node:crypto` takes three times as long. */
function digest(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(DIGEST_BYTES);
  Bun.SHA256.hash(bytes, result);
  return result;
}
