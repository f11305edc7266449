/**
 * What a token costs to check, beside the same signature with its keys derived anew each time:
 *
 *     node_modules/.bin/bun bench/micro/token.ts
 *
 * Both take turns in one process; each figure is the median of the rounds.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { signToken, TokenKey, TokenVerifier } from "../../src/protocol/token.ts";
import { median } from "../stats.ts";
import { newSecret } from "../token.ts";

/** Checks per round: some hundredths of a second each. */
const CHECKS = 50_000;

/** The first rounds are not counted: the code is still being compiled. */
const WARM_UP_ROUNDS = 3;
const ROUNDS = 15;

const TOPIC = "contest_session.42";
const EXPIRES = 1_900_000_000;
const SIGNATURE_LENGTH = 64;
const US_PER_MS = 1000;

const secret = newSecret();
const key = new TokenKey(secret);
const verifier = new TokenVerifier({ current: secret, previous: undefined });
const rotating = new TokenVerifier({ current: newSecret(), previous: secret });
/** Different ones, as they are in life. */
const tokens = Array.from({ length: 1000 }, (_, userId) =>
  signToken({ userId, topic: TOPIC, expires: EXPIRES }, secret),
);

/** The two halves of a token: what is signed, and the signature. */
function halves(token: string): [message: string, signature: Uint8Array] {
  const signature = Uint8Array.fromHex(token.slice(-SIGNATURE_LENGTH));
  return [token.slice(0, -SIGNATURE_LENGTH - 1), signature];
}

function derived(token: string): boolean {
  const [message, signature] = halves(token);
  return timingSafeEqual(signature, createHmac("sha256", secret).update(message).digest());
}

function prepared(token: string): boolean {
  const [message, signature] = halves(token);
  return key.hasSigned(message, signature);
}

const CONTESTANTS: Readonly<Record<string, (token: string) => boolean>> = {
  "signature alone, keys derived each time": derived,
  "signature alone, keys prepared": prepared,
  "whole check, keys prepared": (token) => verifier.verify(token, TOPIC, EXPIRES).ok,
  "whole check, during a rotation (two keys)": (token) => rotating.verify(token, TOPIC, EXPIRES).ok,
};

/** Microseconds per check. */
function time(check: (token: string) => boolean): number {
  const start = performance.now();
  let accepted = 0;
  for (let count = 0; count < CHECKS; count += 1) {
    accepted += check(tokens[count % tokens.length] ?? "") ? 1 : 0;
  }
  if (accepted !== CHECKS) {
    throw new Error(`${CHECKS - accepted} good tokens were refused`);
  }
  return ((performance.now() - start) * US_PER_MS) / CHECKS;
}

const samples = Object.entries(CONTESTANTS).map(([name, check]) => ({
  name,
  check,
  times: [] as number[],
}));
for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round += 1) {
  for (const { check, times } of samples) {
    const us = time(check);
    if (round >= WARM_UP_ROUNDS) {
      times.push(us);
    }
  }
}
const yardstick = median(samples[0]?.times ?? []);
for (const { name, times } of samples) {
  const us = median(times);
  console.log(`${name.padEnd(44)} ${us.toFixed(2)} µs  × ${(us / yardstick).toFixed(2)}`);
}
