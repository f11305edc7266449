import type { RedisState, TestResult } from "./messages.ts";

/** What became of a test event, as the bus tells it. */
export interface FollowedEvent {
  readonly arrivals: readonly {
    readonly node: string;
    readonly sockets: number;
    readonly handedMs: number;
    readonly confirmedMs: number;
  }[];
  readonly silent: readonly string[];
  readonly wereAsked: boolean;
}

/**
 * The answer to somebody who has published a test event.
 *
 * @param self The node that published it.
 * @param hosts The host of each node that is known.
 */
export function makeTestResult(
  { arrivals, silent, wereAsked }: FollowedEvent,
  self: string,
  hosts: ReadonlyMap<string, string>,
  redis: RedisState,
  otherWorkers: number,
): TestResult {
  const hostOf = (node: string): string => hosts.get(node) ?? "";
  return {
    node: self,
    nodes: arrivals.map(({ node, sockets, handedMs, confirmedMs }) => ({
      node,
      host: hostOf(node),
      sockets,
      handed_ms: handedMs,
      confirmed_ms: confirmedMs,
    })),
    silent: silent.map((node) => ({ node, host: hostOf(node) })),
    asked_others: wereAsked,
    redis,
    other_workers: otherWorkers,
  };
}
