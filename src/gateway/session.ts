import { NO_TICKET, type Ticket } from "./admission.ts";

/** A socket as a session uses it; Bun's `ServerWebSocket` is one. */
export interface SessionSocket {
  send(text: string): unknown;
  close(code: number, reason: string): unknown;
  subscribe(topic: string): unknown;
  ping(): unknown;
  /** Bytes that wait for a slow reader. */
  getBufferedAmount(): number;
}

/** What is published to one topic, as far as the sockets of this thread are concerned. */
export interface TopicTraffic {
  readonly topic: string;
  sockets: number;
  /** Bytes published to each of its sockets since the first of them came. */
  bytes: number;
  /** The reading of `bytes` at the last turn of the loop. */
  marked: number;
  /** Bytes of which it is certain that they have been handed to the sockets. */
  written: number;
  /** The reading of `written` at the last look at its sockets. */
  lookedAt: number;
  /** Bytes of its largest frame. */
  largest: number;
  /** Whether some of it may not have been handed to the sockets yet. */
  isFresh: boolean;
  /** Bytes that waited at the last look: for all of its sockets, and for the slowest. */
  waiting: number;
  mostWaiting: number;
}

/**
 * One browser's socket: awaiting auth → subscribed → closing. Only {@link Sessions} changes it, but for
 * what the listener and `SlowReaders` keep with it. One object per socket, flat and of one shape,
 * since there are tens of thousands.
 */
export class Session {
  readonly topic: string;
  readonly requireToken: boolean;
  /** The client's address, cleaned; for the log. */
  readonly address: string;
  state: "awaiting_auth" | "subscribed" | "closing" = "awaiting_auth";
  /** Whether it has ever been subscribed, so that its end is a disconnect, not a refusal. */
  wasSubscribed = false;
  socket: SessionSocket | undefined = undefined;
  /** Wavelog's user id; 0 is nobody. */
  userId = 0;
  /** Milliseconds on the monotonic clock. */
  openedAt = 0;
  /** Whole seconds on the monotonic clock at which the peer last gave a sign of life. */
  lastSeen = 0;
  /** The monotonic second of its next turn: handshake deadline first, keep-alive afterwards. */
  turnAt = 0;
  /** The Unix second at which its token is no longer valid; -1 for never. */
  expiresAt = -1;
  /** Milliseconds on the monotonic clock of the last answered status request. */
  lastStatusAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds on the monotonic clock of the last frame that was looked at as a refresh. */
  lastRefreshAt = Number.NEGATIVE_INFINITY;
  /** Why the worker closed it; `undefined` when the peer or the network did. */
  closing: { readonly code: number; readonly reason: string } | undefined = undefined;
  /** What it holds of the limits on connections. */
  ticket: Ticket = NO_TICKET;
  /** What is published to it, while it is subscribed. */
  traffic: TopicTraffic | undefined = undefined;
  /** The reading of `traffic.bytes` up to which it had read everything at the last look. */
  drainedAt = 0;

  constructor(topic: string, requireToken: boolean, address: string) {
    this.topic = topic;
    this.requireToken = requireToken;
    this.address = address;
  }
}
