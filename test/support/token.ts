import { createHmac } from "node:crypto";

const MS_PER_SECOND = 1000;
const AN_HOUR = 3600;

/** What Wavelog's PHP puts into a token. */
export interface Claims {
  readonly user_id: number;
  readonly topic: string;
  readonly expires: number;
}

/** Unix time in whole seconds. */
export function unixNow(): number {
  return Math.floor(Date.now() / MS_PER_SECOND);
}

/** A valid token for a topic, good for an hour unless said otherwise. */
export function makeToken(secret: string, topic: string, more: Partial<Claims> = {}): string {
  const claims = { user_id: 7, topic, expires: unixNow() + AN_HOUR, ...more };
  return signClaims(secret, JSON.stringify(claims));
}

/** A token for any claims at all, rightly signed: written after the contract, not after `src/`. */
export function signClaims(secret: string, claims: string | Uint8Array): string {
  const message = Buffer.from(claims).toString("hex");
  return `${message}.${sign(secret, message)}`;
}

/** HMAC-SHA256 in lower-case hex. */
export function sign(secret: string, message: string | Uint8Array): string {
  return createHmac("sha256", secret).update(message).digest("hex");
}
