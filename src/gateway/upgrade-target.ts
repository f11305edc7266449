import { normalizeTopic } from "../protocol/topic.ts";

/** What an upgrade request asks for. */
export interface UpgradeTarget {
  readonly path: string;
  /** Well-formed UTF-16; "" when there is none. */
  readonly topic: string;
}

/**
 * What nearly every browser asks for, as its URL comes out of the HTTP server: our path, and a topic
 * that needs no decoding. While thousands come in, taking a URL apart in full costs as much as the
 * rest of the answer.
 */
const USUAL = /^(?:https?:\/\/[^/?#]*)?\/ws\?topic=([\w.~-]+)$/;

/** Reads the URL of a request; one without `Host` has a bare path for it. Never throws. */
export function upgradeTarget(url: string): UpgradeTarget {
  const topic = USUAL.exec(url)?.[1];
  if (topic !== undefined) {
    return { path: "/ws", topic };
  }
  const parsed = URL.parse(url, "http://worker");
  return {
    path: parsed?.pathname ?? "",
    topic: normalizeTopic(parsed?.searchParams.get("topic") ?? ""),
  };
}
