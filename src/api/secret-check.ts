import { createHash, timingSafeEqual } from "node:crypto";

/**
 * Makes the check of `X-Worker-Secret`, in constant time whatever is given: digests are compared, so
 * neither a difference's place nor the length shows. A missing or empty secret never passes.
 */
export function secretCheck(secret: string): (given: string | undefined) => boolean {
  const expected = digest(Buffer.from(secret, "utf8"));
  return (given) => {
    if (given === undefined || given === "") {
      return false;
    }
    // A header's bytes are shown as Latin-1; a secret outside ASCII was sent as UTF-8.
    return timingSafeEqual(digest(Buffer.from(given, "latin1")), expected);
  };
}

function digest(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
