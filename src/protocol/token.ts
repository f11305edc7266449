import { timingSafeEqual } from "node:crypto";
import type { SecretAge, Secrets } from "./secrets.ts";
import { normalizeTopic } from "./topic.ts";

/** What a token says. Field order and names are those of the contract ("Token"). */
export interface TokenClaims {
  /** Wavelog's user id; 0 stands for nobody. */
  readonly userId: number;
  readonly topic: string;
  /** Unix seconds; the token is valid up to and including this second. */
  readonly expires: number;
}

/** Why a token is refused. For logs and counts: the client learns no more than `unauthorized`. */
export type TokenFault = "malformed" | "forged" | "expired" | "other_topic";

/** What may come of a check, as it is counted. */
export const TOKEN_RESULTS = [
  "valid",
  "malformed",
  "forged",
  "expired",
  "other_topic",
] as const satisfies readonly ("valid" | TokenFault)[];

/** One of {@link TOKEN_RESULTS}. */
export type TokenResult = (typeof TOKEN_RESULTS)[number];

export type TokenCheck =
  | {
      readonly ok: true;
      readonly userId: number;
      readonly expires: number;
      /** The secret it is signed with. */
      readonly signedWith: SecretAge;
    }
  | { readonly ok: false; readonly fault: TokenFault };

/** No frame over 4 KiB gets in, so nothing longer can be a token; other callers keep the bound too. */
const MAX_TOKEN_LENGTH = 4096;

/** 64 hex digits: a SHA-256 digest. */
const SIGNATURE_LENGTH = 64;

/** Only lower-case hex, in whole bytes, and a signature of exactly one digest. */
const TOKEN_SHAPE = /^(?:[0-9a-f]{2})+\.[0-9a-f]{64}$/;

const claimsDecoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Makes a token: `hex(claims) + "." + hex(HMAC-SHA256(secret, hex(claims)))`, lower-case hex
 * (contract, "Token").
 */
export function signToken(claims: TokenClaims, secret: string): string {
  const json = JSON.stringify({
    user_id: claims.userId,
    topic: claims.topic,
    expires: claims.expires,
  });
  const message = Buffer.from(json, "utf8").toString("hex");
  return `${message}.${new TokenKey(secret).sign(message).toString("hex")}`;
}

/**
 * Checks tokens. To be made once for the secrets and used for every token: deriving keys from a
 * secret costs more than the signature itself (bench/micro/token.ts).
 */
export class TokenVerifier {
  readonly #current: TokenKey;
  readonly #previous: TokenKey | undefined;

  constructor({ current, previous }: Secrets) {
    this.#current = new TokenKey(current);
    this.#previous = previous === undefined ? undefined : new TokenKey(previous);
  }

  /**
   * Checks a token for a topic. Never throws, whatever a stranger sends; the signature is compared
   * in constant time and before anything in the claims is looked at.
   *
   * @param nowSeconds Unix time, whole seconds.
   */
  verify(token: string, topic: string, nowSeconds: number): TokenCheck {
    if (token.length > MAX_TOKEN_LENGTH || !TOKEN_SHAPE.test(token)) {
      return { ok: false, fault: "malformed" };
    }
    const message = token.slice(0, -SIGNATURE_LENGTH - 1);
    const signedWith = this.#signerOf(message, Uint8Array.fromHex(token.slice(-SIGNATURE_LENGTH)));
    if (signedWith === undefined) {
      return { ok: false, fault: "forged" };
    }
    const claims = readClaims(Uint8Array.fromHex(message));
    if (claims === undefined) {
      return { ok: false, fault: "malformed" };
    }
    if (claims.topic !== topic) {
      return { ok: false, fault: "other_topic" };
    }
    if (nowSeconds > claims.expires) {
      return { ok: false, fault: "expired" };
    }
    return { ok: true, userId: claims.userId, expires: claims.expires, signedWith };
  }

  #signerOf(message: string, signature: Uint8Array): SecretAge | undefined {
    // Both are compared, whatever the first says: how long it takes tells nothing.
    const isCurrent = this.#current.hasSigned(message, signature);
    const isPrevious = this.#previous?.hasSigned(message, signature) === true;
    if (isCurrent) {
      return "current";
    }
    return isPrevious ? "previous" : undefined;
  }
}

/** A secret from which HMAC-SHA256's keys have been derived already. */
export class TokenKey {
  /** Has taken in the key and no message; only copies of it do. */
  readonly #keyed: Bun.CryptoHasher;

  constructor(secret: string) {
    this.#keyed = new Bun.CryptoHasher("sha256", secret);
  }

  /** The signature, 32 bytes. */
  sign(message: string): Buffer {
    return this.#keyed.copy().update(message).digest();
  }

  /** Whether this is the message's signature; in constant time. */
  hasSigned(message: string, signature: Uint8Array): boolean {
    return timingSafeEqual(signature, this.sign(message));
  }
}

function readClaims(bytes: Uint8Array): TokenClaims | undefined {
  let value: unknown;
  try {
    value = JSON.parse(claimsDecoder.decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { user_id: userId, topic, expires } = value as Record<string, unknown>;
  // `expires` may be PHP_INT_MAX, which a double rounds: for "never" that is exact enough.
  if (!Number.isSafeInteger(userId) || !Number.isInteger(expires) || typeof topic !== "string") {
    return undefined;
  }
  return {
    userId: userId as number,
    topic: normalizeTopic(topic),
    expires: expires as number,
  };
}
