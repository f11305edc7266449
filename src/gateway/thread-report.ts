import type { TokenResult } from "../protocol/token.ts";

/** How often tokens were checked, by what came of it. */
export type TokenCounts = Readonly<Record<TokenResult, number>>;

/** What a gateway thread tells of itself once a second. Counts are since its start. */
export interface ThreadReport {
  /** Sockets that are open now, authenticated or not. */
  readonly sockets: number;
  /** Frames handed to sockets: an event to ten sockets is ten. */
  readonly deliveries: number;
  /** Their bytes, as they are on the wire. */
  readonly bytes: number;
  /** Bytes that wait for slow readers: for all, and for the slowest. */
  readonly buffered: number;
  readonly mostBuffered: number;
  readonly tokens: TokenCounts;
  /** Longest delay of the thread's loop since the last report, in milliseconds. */
  readonly loopDelayMs: number;
  /** Processor time used, in seconds; `undefined` where nobody counts it. */
  readonly cpuSeconds: number | undefined;
}

/** What a thread is known to have done before it has told anything. */
export const NO_REPORT: ThreadReport = {
  sockets: 0,
  deliveries: 0,
  bytes: 0,
  buffered: 0,
  mostBuffered: 0,
  tokens: noTokens(),
  loopDelayMs: 0,
  cpuSeconds: undefined,
};

/** Counts of tokens, all nought. */
export function noTokens(): Record<TokenResult, number> {
  return { valid: 0, malformed: 0, forged: 0, expired: 0, other_topic: 0 };
}
