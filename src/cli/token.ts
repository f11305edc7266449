import { parseGoDuration } from "../config/go-duration.ts";
import { signToken } from "../protocol/token.ts";
import { isTopicTooLong, MAX_TOPIC_BYTES, normalizeTopic } from "../protocol/topic.ts";
import type { Options } from "./arguments.ts";

/** How long a token is valid unless somebody says otherwise. */
const DEFAULT_TOKEN_TTL = "24h";

const SECOND_MS = 1_000;

/** Whom a token is for and for how long; checked words of the command line. */
export interface TokenRequest {
  readonly topic: string;
  readonly userId: number;
  readonly ttlMs: number;
}

export type TokenRequestResult =
  | { readonly ok: true; readonly request: TokenRequest }
  /** One line: the option and what is wrong with it. */
  | { readonly ok: false; readonly problem: string };

/** Reads `--topic`, `--user` and `--ttl`. */
export function readTokenRequest({
  topic: name = "",
  user = "0",
  ttl = DEFAULT_TOKEN_TTL,
}: Options): TokenRequestResult {
  const topic = normalizeTopic(name);
  if (isTopicTooLong(topic)) {
    return problem(`--topic is too long; at most ${MAX_TOPIC_BYTES} bytes of UTF-8`);
  }
  const userId = Number(user);
  if (!/^[0-9]+$/.test(user) || !Number.isSafeInteger(userId)) {
    return problem("--user is no user id; give a whole number");
  }
  const duration = parseGoDuration(ttl);
  if (!duration.ok || duration.ms < SECOND_MS) {
    return problem("--ttl is no duration; give one of at least 1s, such as 24h, 90m or 1h30m");
  }
  return { ok: true, request: { topic, userId, ttlMs: duration.ms } };
}

/**
 * Makes a token.
 *
 * @param nowMs Unix time in milliseconds.
 */
export function makeToken(request: TokenRequest, secret: string, nowMs: number): string {
  const { topic, userId, ttlMs } = request;
  const expires = Math.floor((nowMs + ttlMs) / SECOND_MS);
  return signToken({ userId, topic, expires }, secret);
}

function problem(text: string): TokenRequestResult {
  return { ok: false, problem: text };
}
