/**
 * Why somebody was not let in, as it is counted: the names of the limits are those of the
 * configuration. Names may be added, never renamed, since the status object shows them.
 */
export const REFUSAL_CAUSES = [
  "max_connections",
  "max_connections_per_ip",
  "max_pending",
  "max_pending_per_ip",
  "url_too_long",
  /** Not a WebSocket request for a topic: another path, no topic, one that is too long. */
  "bad_request",
  "origin",
  "topic_not_registered",
  /** The first frame was no auth frame, or its token no good one. */
  "auth",
  "handshake_timeout",
  /** Gone before the handshake was complete, or closed because the worker stops. */
  "closed_before_auth",
] as const;

/** One of {@link REFUSAL_CAUSES}. */
export type RefusalCause = (typeof REFUSAL_CAUSES)[number];

/** How often somebody was not let in, by cause. */
export type RefusalCounts = Readonly<Record<RefusalCause, number>>;

/**
 * Something that happened to a socket, or to somebody who wanted one. The gateway reports it, and
 * whoever counts or logs takes it.
 */
export type SocketEvent =
  | {
      readonly type: "connected";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
      /** From upgrade to subscription, in milliseconds. */
      readonly handshakeMs: number;
    }
  | {
      readonly type: "disconnected";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
      readonly code: number;
      readonly reason: string;
      /** From upgrade to close, in milliseconds. */
      readonly durationMs: number;
      /** Set for a slow reader that was dropped: bytes that waited for it, at most. */
      readonly buffered?: number;
    }
  | {
      /** A token was accepted that is signed with the secret that is being replaced. */
      readonly type: "previous_secret_used";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
    }
  | {
      /** A token has been replaced by one that is good until `expires`, in Unix seconds. */
      readonly type: "refreshed";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
      readonly expires: number;
    }
  | {
      /** A token that should have replaced another is no good; the socket stays as it was. */
      readonly type: "refresh_refused";
      readonly topic: string;
      readonly userId: number;
      readonly address: string;
      readonly reason: string;
    }
  | {
      readonly type: "refused";
      readonly topic: string;
      readonly address: string;
      readonly cause: RefusalCause;
      readonly reason: string;
      /** Refusals for the same cause that were counted but not reported before this one. */
      readonly unreported?: number;
    }
  /** A peer that is no trusted proxy has sent a forwarding header, which was ignored. */
  | { readonly type: "header_ignored"; readonly topic: string; readonly address: string };
