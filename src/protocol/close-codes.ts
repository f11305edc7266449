/**
 * Every close code the worker sends, with its reason text and whether the client may come back by
 * itself. One table for server, tests and docs (`docs/protocol.md`).
 *
 * `reason` is the text of the close frame: at most 123 bytes of UTF-8 (RFC 6455, 5.5).
 */
export const CLOSE = {
  /** The handshake failed, after an `error` frame or after silence. */
  policy: { code: 1008, reason: "handshake failed", retry: false },
  handshakeTimeout: { code: 1008, reason: "no auth frame in time", retry: true },
  /** Sent by the WebSocket server itself for a frame over the limit. */
  tooBig: { code: 1009, reason: "frame too big", retry: false },
  /** The worker stops; a browser that comes back finds its successor. */
  restart: { code: 1012, reason: "service restart", retry: true },
  /** What is still open when the listener itself goes away. */
  goingAway: { code: 1001, reason: "going away", retry: true },
  /** The peer was silent for the whole keep-alive limit; nobody may be there to read this. */
  silent: { code: 1001, reason: "no sign of life", retry: true },
  /** The token that opened the socket has expired (contract: close 4401). */
  authExpired: { code: 4401, reason: "token expired", retry: false },
} as const satisfies Record<string, CloseCode>;

/** One row of {@link CLOSE}. */
export interface CloseCode {
  readonly code: number;
  readonly reason: string;
  /** Whether a client does well to try again by itself. */
  readonly retry: boolean;
}
