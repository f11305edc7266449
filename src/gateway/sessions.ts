import { CLOSE, type CloseCode } from "../protocol/close-codes.ts";
import {
  AUTH_OK_FRAME,
  errorFrame,
  readClientFrame,
  refreshedFrame,
  type SocketErrorCode,
} from "../protocol/frames.ts";
import type { SecretAge } from "../protocol/secrets.ts";
import type { RefusalCause, SocketEvent } from "../protocol/socket-event.ts";
import type { TokenCheck, TokenFault, TokenResult, TokenVerifier } from "../protocol/token.ts";
import { STATUS_TOPIC } from "../protocol/topic.ts";
import { Deadlines } from "./deadlines.ts";
import { DrainPlan } from "./drain-plan.ts";
import type { Session, SessionSocket } from "./session.ts";

/** How long a client may take from upgrade to auth frame (contract: 10 s). */
const HANDSHAKE_SECONDS = 10;

/** How often a subscribed socket is pinged (contract: 30 s). */
const PING_SECONDS = 30;

/** How long a peer may be silent before its socket is closed (contract: 60 s, two pings). */
const SILENCE_SECONDS = 60;

/** A status request that comes sooner after the last one is ignored (contract: 700 ms). */
const STATUS_INTERVAL_MS = 700;

/** Fewer readers on a topic say nothing about the machine: they may just be slow. */
const MIN_CROWD = 16;

/** From this part of them on it is not the readers' fault. */
const CONGESTED_SHARE = 0.25;

/**
 * How long the deliveries of one budget wait for a crowd that is behind, and for single readers who
 * are about to be dropped, in milliseconds. Readers who have stalled for good are dropped soon all
 * the same, and hold nobody up for longer than some of these.
 */
const CROWD_PATIENCE_MS = 400;
const READER_PATIENCE_MS = 100;

/**
 * A refresh that comes sooner after the last one, good or bad, is ignored: a client needs one in a
 * token's lifetime, and guesses cost it a second each.
 */
const REFRESH_INTERVAL_MS = 1000;

/**
 * What a refresh frame has in it however it is written; nothing else is parsed, since subscribed
 * clients may send what they like as fast as they can.
 */
const REFRESH_MARK = '"refresh"';

/** Token faults as the log tells them; the client only learns `unauthorized`. */
const TOKEN_FAULTS: Readonly<Record<TokenFault, string>> = {
  malformed: "token malformed",
  forged: "token signature does not match the secret",
  expired: "token expired",
  other_topic: "token is for another topic",
};

/** What {@link Sessions} needs from outside. */
export interface SessionsOptions {
  /** Checks tokens by the secrets of this moment. */
  readonly tokens: () => TokenVerifier;
  /**
   * From so many bytes on that wait for a reader it counts as behind: far from the limit at which it
   * is dropped, and more than a good reader leaves waiting.
   */
  readonly behindBytes: number;
  /** From so many bytes on it is about to be dropped. */
  readonly endangeredBytes: number;
  /** Unix time in milliseconds. */
  readonly wallClock: () => number;
  /** Milliseconds on a clock that never goes back. */
  readonly monotonicClock: () => number;
  /** A number from 0 (included) to 1: spreads first pings, so that a storm has no echo. */
  readonly random: () => number;
  /** Asks for the status object; the answer goes to {@link Sessions.answerStatus}. */
  readonly askStatus: () => void;
  /** A token was checked. */
  readonly onToken: (result: TokenResult) => void;
  readonly report: (event: SocketEvent) => void;
}

/**
 * The state machine of all sockets of one listener group (contract, "WebSocket"). Knows no network:
 * sockets, clocks and reports are given to it. None of its methods throws on anything a client can
 * send.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #open = new Set<Session>();
  /** Subscribed sockets by topic; see {@link patience}. */
  readonly #byTopic = new Map<string, Set<Session>>();
  /** Handshake deadlines and keep-alive turns, on the monotonic clock. */
  readonly #turns: Deadlines<Session>;
  /** Token expiries, on the wall clock, which is what tokens speak of. */
  readonly #expiries: Deadlines<Session>;
  #awaitingStatus: Session[] = [];
  #drain: DrainPlan<Session> | undefined;
  #isStopping = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#turns = new Deadlines(this.#monotonicSecond());
    this.#expiries = new Deadlines(this.#wallSecond());
  }

  /** Sockets that are open, authenticated or not. */
  get size(): number {
    return this.#open.size;
  }

  /** Those that are subscribed to a topic. */
  readersOf(topic: string): Iterable<Session> {
    return this.#byTopic.get(topic) ?? [];
  }

  /** A client has been upgraded: its handshake deadline starts. */
  opened(session: Session, socket: SessionSocket): void {
    session.socket = socket;
    session.openedAt = this.#options.monotonicClock();
    this.seen(session);
    this.#open.add(session);
    if (this.#isStopping) {
      this.#close(session, CLOSE.restart);
      return;
    }
    const deadline = Math.ceil(session.openedAt / 1000) + HANDSHAKE_SECONDS;
    session.turnAt = this.#turns.set(session, deadline);
  }

  /** A frame has arrived: its text, or `undefined` for a binary one. */
  received(session: Session, text: string | undefined): void {
    this.seen(session);
    if (session.state === "awaiting_auth") {
      this.#authenticate(session, text);
      return;
    }
    // A socket that is being closed may still be heard, but gets no answer.
    if (session.state === "subscribed" && text !== undefined) {
      this.#hear(session, text);
    }
  }

  /** The peer has given a sign of life: a frame, a ping, an answer to a ping. */
  seen(session: Session): void {
    // Rounded up, so that silence is never taken for longer than it is.
    session.lastSeen = Math.ceil(this.#options.monotonicClock() / 1000);
  }

  /**
   * The socket is gone; `code` and `reason` are the server's, used unless the worker closed it.
   *
   * @param buffered Bytes that waited for a slow reader, if that is why.
   */
  closed(session: Session, code: number, reason: string, buffered?: number): void {
    this.#open.delete(session);
    this.#forget(session);
    session.state = "closing";
    session.socket = undefined;
    const { topic, userId, address } = session;
    const ownEnd = buffered === undefined ? { code, reason } : { code, reason, buffered };
    const end = session.closing ?? ownEnd;
    if (session.wasSubscribed) {
      const durationMs = Math.round(this.#options.monotonicClock() - session.openedAt);
      this.#options.report({ type: "disconnected", topic, userId, address, ...end, durationMs });
    } else {
      const cause = refusalCause(session.closing);
      const why = end.reason === "" ? "closed before auth" : end.reason;
      this.#options.report({ type: "refused", topic, address, cause, reason: why });
    }
  }

  /** Answers everyone who has asked for the status since the last answer. */
  answerStatus(frame: string): void {
    const waiting = this.#awaitingStatus;
    this.#awaitingStatus = [];
    for (const session of waiting) {
      if (session.state === "subscribed") {
        session.socket?.send(frame);
      }
    }
  }

  /** To be called once a second: closes what is late, silent or expired, pings the others. */
  tick(): void {
    this.#turns.due(this.#monotonicSecond(), (session) => this.#turn(session));
    this.#expire();
  }

  /**
   * How long a topic's deliveries should wait for its readers, in milliseconds; 0 when they keep up.
   * Where many are behind, it is the machine that is too slow and not they; where one is about to be
   * dropped, it may be. All are asked, which costs a fraction of writing to them.
   */
  patience(topic: string): number {
    const readers = this.#byTopic.get(topic);
    if (readers === undefined || readers.size < MIN_CROWD) {
      return 0;
    }
    const { behindBytes, endangeredBytes } = this.#options;
    let behind = 0;
    let endangered = 0;
    for (const reader of readers) {
      const buffered = reader.socket?.getBufferedAmount() ?? 0;
      behind += buffered > behindBytes ? 1 : 0;
      endangered += buffered > endangeredBytes ? 1 : 0;
    }
    if (behind >= readers.size * CONGESTED_SHARE) {
      return CROWD_PATIENCE_MS;
    }
    return endangered > 0 ? READER_PATIENCE_MS : 0;
  }

  /** How many sockets are subscribed to a topic. */
  readers(topic: string): number {
    return this.#byTopic.get(topic)?.size ?? 0;
  }

  /** Begins to close every socket, spread over a time; see {@link drainStep}. */
  startDrain(spreadMs: number): void {
    const { monotonicClock, random } = this.#options;
    this.#drain = new DrainPlan(this.#open, monotonicClock(), spreadMs, random);
  }

  /** To be called some times a second: closes those whose turn has come. Whether nobody is left. */
  drainStep(): boolean {
    for (const session of this.#drain?.due(this.#options.monotonicClock()) ?? []) {
      this.#close(session, CLOSE.restart);
    }
    return this.#drain?.isDone !== false || this.#open.size === 0;
  }

  /** Closes every socket because the worker stops, and whoever still comes in. */
  closeAll(): void {
    this.#isStopping = true;
    // A socket may report its close while it is being closed: iterate over a copy.
    for (const session of [...this.#open]) {
      this.#close(session, CLOSE.restart);
    }
  }

  #authenticate(session: Session, text: string | undefined): void {
    const frame = text === undefined ? undefined : readClientFrame(text);
    if (frame?.type !== "auth") {
      this.#fail(session, "auth_required", CLOSE.policy, "first frame was not auth");
      return;
    }
    if (session.requireToken) {
      if (frame.token === undefined) {
        this.#fail(session, "auth_required", CLOSE.policy, "no token");
        return;
      }
      const check = this.#verify(frame.token ?? "", session);
      if (!check.ok) {
        this.#fail(session, "unauthorized", CLOSE.policy, TOKEN_FAULTS[check.fault]);
        return;
      }
      session.userId = check.userId;
      this.#noteSecret(session, check.signedWith);
      // Valid up to and including the second `expires`: the next one is the first without it.
      // A clock set back since the last tick would put this one off by as much: look at it first.
      this.#expire();
      session.expiresAt = this.#expiries.set(session, check.expires + 1);
    }
    this.#subscribe(session);
  }

  #subscribe(session: Session): void {
    session.state = "subscribed";
    session.wasSubscribed = true;
    this.#turns.clear(session, session.turnAt);
    const second = this.#monotonicSecond();
    const spread = 1 + Math.floor(this.#options.random() * PING_SECONDS);
    session.turnAt = this.#turns.set(session, second + spread);
    const { topic, userId, address } = session;
    // Reported first: a socket that turns out to be gone reports its end from within `send`.
    const handshakeMs = this.#options.monotonicClock() - session.openedAt;
    this.#options.report({ type: "connected", topic, userId, address, handshakeMs });
    const readers = this.#byTopic.get(topic);
    if (readers === undefined) {
      this.#byTopic.set(topic, new Set([session]));
    } else {
      readers.add(session);
    }
    session.socket?.subscribe(topic);
    session.socket?.send(AUTH_OK_FRAME);
  }

  /** Closes the sockets whose tokens have expired. */
  #expire(): void {
    this.#expiries.due(this.#wallSecond(), (session) => {
      this.#fail(session, "auth_expired", CLOSE.authExpired, CLOSE.authExpired.reason);
    });
  }

  /** A subscribed client has sent something: most of it is ignored without being parsed. */
  #hear(session: Session, text: string): void {
    const now = this.#options.monotonicClock();
    const mayAsk =
      session.topic === STATUS_TOPIC && now - session.lastStatusAt >= STATUS_INTERVAL_MS;
    const mayRefresh =
      now - session.lastRefreshAt >= REFRESH_INTERVAL_MS && text.includes(REFRESH_MARK);
    if (!mayAsk && !mayRefresh) {
      return;
    }
    const frame = readClientFrame(text);
    if (mayRefresh) {
      session.lastRefreshAt = now;
    }
    if (mayAsk && frame.type === "status") {
      session.lastStatusAt = now;
      this.#requestStatus(session);
    } else if (mayRefresh && frame.type === "refresh") {
      this.#refresh(session, frame.token);
    }
  }

  /**
   * Replaces the token of a subscribed socket: from now on it is good for as long as the new one is.
   * One that is no good changes nothing. A socket that was let in without a token has nothing to
   * replace, and its token is checked all the same.
   */
  #refresh(session: Session, token: string | null | undefined): void {
    // What has expired has expired, though the tick that closes it is still to come.
    this.#expire();
    if (session.state !== "subscribed") {
      return;
    }
    const check = this.#verify(token ?? "", session);
    if (!check.ok) {
      this.#refuseRefresh(session, token === undefined ? "no token" : TOKEN_FAULTS[check.fault]);
      return;
    }
    const { topic, userId, address, requireToken } = session;
    if (requireToken && check.userId !== userId) {
      this.#refuseRefresh(session, "token is for another user");
      return;
    }
    const { expires } = check;
    if (requireToken) {
      this.#expiries.clear(session, session.expiresAt);
      session.expiresAt = this.#expiries.set(session, expires + 1);
    }
    this.#noteSecret(session, check.signedWith);
    this.#options.report({ type: "refreshed", topic, userId, address, expires });
    session.socket?.send(refreshedFrame(expires));
  }

  #refuseRefresh(session: Session, reason: string): void {
    const { topic, userId, address } = session;
    this.#options.report({ type: "refresh_refused", topic, userId, address, reason });
    session.socket?.send(errorFrame("unauthorized"));
  }

  #requestStatus(session: Session): void {
    if (this.#awaitingStatus.push(session) === 1) {
      this.#options.askStatus();
    }
  }

  #turn(session: Session): void {
    if (session.state === "awaiting_auth") {
      this.#close(session, CLOSE.handshakeTimeout);
      return;
    }
    const second = this.#monotonicSecond();
    const silentUntil = session.lastSeen + SILENCE_SECONDS;
    if (second >= silentUntil) {
      this.#close(session, CLOSE.silent);
      return;
    }
    session.socket?.ping();
    session.turnAt = this.#turns.set(session, Math.min(second + PING_SECONDS, silentUntil));
  }

  /** Tells the client why, then closes; `cause` is for the log and says more than the client learns. */
  #fail(session: Session, error: SocketErrorCode, close: CloseCode, cause: string): void {
    session.socket?.send(errorFrame(error));
    this.#close(session, close, cause);
  }

  #close(session: Session, close: CloseCode, cause: string = close.reason): void {
    if (session.state === "closing") {
      return;
    }
    session.state = "closing";
    session.closing = { code: close.code, reason: cause };
    this.#forget(session);
    session.socket?.close(close.code, close.reason);
  }

  /** Takes a session off the clocks and out of its topic. */
  #forget(session: Session): void {
    const readers = this.#byTopic.get(session.topic);
    if (readers?.delete(session) && readers.size === 0) {
      this.#byTopic.delete(session.topic);
    }
    this.#turns.clear(session, session.turnAt);
    this.#expiries.clear(session, session.expiresAt);
  }

  /** Reported by itself, not with the handshake: while no secret is being replaced it costs nothing. */
  #noteSecret({ topic, userId, address }: Session, signedWith: SecretAge): void {
    if (signedWith === "previous") {
      this.#options.report({ type: "previous_secret_used", topic, userId, address });
    }
  }

  #verify(token: string, { topic }: Session): TokenCheck {
    const check = this.#options.tokens().verify(token, topic, this.#wallSecond());
    this.#options.onToken(check.ok ? "valid" : check.fault);
    return check;
  }

  #monotonicSecond(): number {
    return Math.floor(this.#options.monotonicClock() / 1000);
  }

  #wallSecond(): number {
    return Math.floor(this.#options.wallClock() / 1000);
  }
}

/** How the end of a socket that never was subscribed is counted. */
function refusalCause(closing: Session["closing"]): RefusalCause {
  if (closing?.code !== CLOSE.policy.code) {
    return "closed_before_auth";
  }
  return closing.reason === CLOSE.handshakeTimeout.reason ? "handshake_timeout" : "auth";
}
