import type { Logger } from "pino";
import { REFUSAL_CAUSES, type RefusalCause, type SocketEvent } from "../protocol/socket-event.ts";
import type { EventListener } from "./events.ts";
import { printable } from "./printable.ts";
import { type RateVerdict, rateLimit } from "./rate-limit.ts";

/** Log lines per {@link REFUSAL_INTERVAL_MS} about strangers who were turned away, of each kind. */
const REFUSAL_BURST = 10;
const REFUSAL_INTERVAL_MS = 10_000;

/** How often it is told who still uses the former secret, in milliseconds. */
const PREVIOUS_SECRET_INTERVAL_MS = 60_000;

/** How often the same trouble of the cluster is told, in milliseconds. */
const OUTBOX_INTERVAL_MS = 60_000;

/** How often trouble with the state file is told, in milliseconds. */
const STATE_INTERVAL_MS = 60_000;
/** How often it is told that a peer is no trusted proxy: there may be one that should be. */
const PROXY_INTERVAL_MS = 3_600_000;

/** How often it is told that browsers are not accepted, in milliseconds. */
const FILES_INTERVAL_MS = 60_000;

/** Longest `X-Request-Id` that is logged, in characters: a UUID has 36, a trace with its span 55. */
const MAX_REQUEST_ID_LENGTH = 64;

const SHARED_ADDRESS_ADVICE =
  "raise it if so many browsers share this address; if it is your proxy's, add it to trusted_proxies";

/** What to do about refusals that a setting decides. */
const REFUSAL_ADVICE: Readonly<Partial<Record<RefusalCause, string>>> = {
  max_connections: "raise it, or the file limit, or add a worker",
  max_connections_per_ip: SHARED_ADDRESS_ADVICE,
  max_pending: "raise it unless strangers hold the sockets",
  max_pending_per_ip: SHARED_ADDRESS_ADVICE,
  origin: "add it to allowed_origins if the page is yours",
};

/**
 * Writes what happens into the log: one line each, what came from outside cleaned, and what
 * strangers can cause at will at a bounded rate. Call sites report events; what becomes of them is
 * decided here.
 */
export class Journal implements EventListener {
  readonly #log: Logger;
  readonly #refusals: ReadonlyMap<RefusalCause, () => RateVerdict>;
  /** Refusals that the gateways have counted without telling of each, since the last line. */
  readonly #unreported = new Map<RefusalCause, number>();
  readonly #slowReaders: () => RateVerdict;
  readonly #ignoredHeaders: () => RateVerdict;
  readonly #pauses: () => RateVerdict;
  readonly #resumptions: () => RateVerdict;
  readonly #listenFailures: () => RateVerdict;
  readonly #refreshRefusals: () => RateVerdict;
  readonly #forbidden: () => RateVerdict;
  readonly #previousSecret: () => RateVerdict;
  readonly #full: () => RateVerdict;
  readonly #overloads: () => RateVerdict;
  readonly #envelopes: () => RateVerdict;
  readonly #outboxDrops: () => RateVerdict;
  readonly #heldDrops: () => RateVerdict;
  readonly #logFailures: () => RateVerdict;
  readonly #stateFaults: () => RateVerdict;
  #hasHeardNeighbour = false;
  #overloaded = 0;
  #hasToldStateFault = false;

  /** @param now Milliseconds on a clock that never goes back. */
  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#refusals = new Map(
      REFUSAL_CAUSES.map((cause) => [cause, rateLimit(REFUSAL_BURST, REFUSAL_INTERVAL_MS, now)]),
    );
    this.#slowReaders = rateLimit(REFUSAL_BURST, REFUSAL_INTERVAL_MS, now);
    this.#ignoredHeaders = rateLimit(1, PROXY_INTERVAL_MS, now);
    this.#pauses = rateLimit(1, FILES_INTERVAL_MS, now);
    this.#resumptions = rateLimit(1, FILES_INTERVAL_MS, now);
    this.#listenFailures = rateLimit(1, FILES_INTERVAL_MS, now);
    this.#refreshRefusals = rateLimit(REFUSAL_BURST, REFUSAL_INTERVAL_MS, now);
    this.#forbidden = rateLimit(REFUSAL_BURST, REFUSAL_INTERVAL_MS, now);
    this.#previousSecret = rateLimit(1, PREVIOUS_SECRET_INTERVAL_MS, now);
    this.#full = rateLimit(1, REFUSAL_INTERVAL_MS, now);
    this.#overloads = rateLimit(1, REFUSAL_INTERVAL_MS, now);
    this.#envelopes = rateLimit(1, REFUSAL_INTERVAL_MS, now);
    this.#outboxDrops = rateLimit(1, OUTBOX_INTERVAL_MS, now);
    this.#heldDrops = rateLimit(1, OUTBOX_INTERVAL_MS, now);
    this.#logFailures = rateLimit(1, OUTBOX_INTERVAL_MS, now);
    this.#stateFaults = rateLimit(1, STATE_INTERVAL_MS, now);
  }

  registered(topic: string, requireToken: boolean, isNew: boolean, requestId?: string): void {
    const fields = {
      topic: printable(topic),
      require_token: requireToken,
      ...requestOf(requestId),
    };
    this.#log.info(fields, isNew ? "topic registered" : "topic registered again");
  }

  unregistered(topic: string, wasKnown: boolean, requestId?: string): void {
    const fields = { topic: printable(topic), known: wasKnown, ...requestOf(requestId) };
    this.#log.info(fields, "topic unregistered");
  }

  /** Each publish is told at debug alone: there are thousands of them. */
  accepted(topic: string, bytes: number, sockets: number, seq: number, requestId?: string): void {
    if (this.#log.isLevelEnabled("debug")) {
      const fields = { topic: printable(topic), bytes, sockets, seq, ...requestOf(requestId) };
      this.#log.debug(fields, "published");
    }
  }

  registryFull(topic: string, requestId?: string): void {
    const verdict = this.#full();
    if (verdict.pass) {
      const fields = { topic: printable(topic), ...requestOf(requestId), ...skippedOf(verdict) };
      this.#log.error(fields, "topic refused: max_topics reached; unregister some or raise it");
    }
  }

  /** Publishes refused because the gateway threads did not keep up, since the start. */
  get overloads(): number {
    return this.#overloaded;
  }

  overloaded(topic: string, requestId?: string): void {
    this.#overloaded += 1;
    const verdict = this.#overloads();
    if (verdict.pass) {
      this.#log.error(
        { topic: printable(topic), ...requestOf(requestId), ...skippedOf(verdict) },
        "publish refused with 503: more is published than the gateway threads can deliver; see max_queued_events",
      );
    }
  }

  forbidden(address: string, requestId?: string): void {
    const verdict = this.#forbidden();
    if (verdict.pass) {
      const fields = {
        address: printable(address),
        ...requestOf(requestId),
        ...skippedOf(verdict),
      };
      this.#log.warn(
        fields,
        "internal API: wrong or missing X-Worker-Secret; PHP needs the same worker_secret",
      );
    }
  }

  pageForbidden(address: string): void {
    const verdict = this.#forbidden();
    if (verdict.pass) {
      const fields = { address: printable(address), ...skippedOf(verdict) };
      this.#log.warn(fields, "operator's page: wrong secret; it is worker_secret");
    }
  }

  /** A call was let in by `worker_secret_previous`; the status counts them all. */
  previousSecretUsed(address: string, requestId?: string): void {
    const verdict = this.#previousSecret();
    if (verdict.pass) {
      const fields = {
        address: printable(address),
        ...requestOf(requestId),
        ...skippedOf(verdict),
      };
      this.#log.info(fields, "internal API: a call used worker_secret_previous");
    }
  }

  failed(fault: unknown, requestId?: string): void {
    const fields = { err: fault, ...requestOf(requestId) };
    this.#log.error(fields, "internal API: a request failed because of a bug");
  }

  /** The worker sends its browsers away, one after the other. */
  draining(spreadMs: number, sockets: number): void {
    this.#log.info({ sockets, spread_ms: spreadMs }, "draining: other workers take the browsers");
  }

  /** Redis is there; `awayMs` after it was lost, or after the start. */
  redisUp(awayMs: number): void {
    this.#log.info({ away_ms: Math.round(awayMs) }, "cluster: redis is there, joined");
  }

  redisDown(reason: string): void {
    this.#log.warn({ reason: printable(reason) }, "cluster: redis lost, serving alone meanwhile");
  }

  /** Redis was not there at the start (contract: the message, word for word). */
  redisUnavailable(reason: string): void {
    const why = printable(reason);
    this.#log.warn(`cluster: redis unavailable, falling back to single-instance: ${why}`);
  }

  caughtUp(events: number): void {
    this.#log.info({ events }, "cluster: events missed meanwhile were caught up");
  }

  outboxSent(events: number, dropped: number): void {
    const fields = { events, ...(dropped > 0 ? { dropped } : {}) };
    this.#log.info(fields, "cluster: events kept meanwhile were sent");
  }

  outboxDropped(dropped: number): void {
    const verdict = this.#outboxDrops();
    if (verdict.pass) {
      this.#log.error(
        { dropped },
        "cluster: outbox is full or its events too old, oldest dropped; see cluster_outbox_events",
      );
    }
  }

  heldDropped(dropped: number): void {
    const verdict = this.#heldDrops();
    if (verdict.pass) {
      this.#log.error(
        { dropped },
        "cluster: more events of an original worker came than could be delivered; see max_queued_events",
      );
    }
  }

  /** Another installation uses the same channel: no fault, but worth knowing once. */
  neighbourHeard(): void {
    if (!this.#hasHeardNeighbour) {
      this.#hasHeardNeighbour = true;
      this.#log.info(
        "cluster: another installation shares this Redis, its events are skipped; see redis_prefix",
      );
    }
  }

  envelopeRefused(fault: string): void {
    const verdict = this.#envelopes();
    if (verdict.pass) {
      this.#log.warn({ fault, ...skippedOf(verdict) }, "cluster: envelope skipped");
    }
  }

  catchUpLogFailed(reason: string): void {
    const verdict = this.#logFailures();
    if (verdict.pass) {
      const fields = { reason: printable(reason), ...skippedOf(verdict) };
      this.#log.error(fields, "cluster: catch-up log cannot be written, outages will lose events");
    }
  }

  peerGone({ node, host }: { node: string; host: string }, isExpected: boolean): void {
    const fields = { node: printable(node), host: printable(host) };
    if (isExpected) {
      this.#log.info(fields, "cluster: a node has stopped");
    } else {
      this.#log.warn(fields, "cluster: a node has vanished without saying good-bye");
    }
  }

  peerBack({ node, host }: { node: string; host: string }): void {
    const fields = { node: printable(node), host: printable(host) };
    this.#log.info(fields, "cluster: a node that had vanished is back, or has been replaced");
  }

  /** Strangers have taken all files: browsers are accepted no longer. */
  acceptPaused(open: number, limit: number): void {
    const verdict = this.#pauses();
    if (verdict.pass) {
      this.#log.warn(
        { open, limit, ...skippedOf(verdict) },
        "no file descriptors left: browsers wait outside until some are free; raise the file limit, or keep strangers out",
      );
    }
  }

  acceptResumed(pausedMs: number): void {
    const verdict = this.#resumptions();
    if (verdict.pass) {
      const fields = { paused_ms: Math.round(pausedMs), ...skippedOf(verdict) };
      this.#log.info(fields, "file descriptors are free again: browsers are let in");
    }
  }

  acceptFailed(fault: unknown): void {
    const verdict = this.#listenFailures();
    if (verdict.pass) {
      this.#log.error(
        { err: fault, ...skippedOf(verdict) },
        "ws_port cannot be listened on again: trying once a second",
      );
    }
  }

  /** The state file is open; `leftOut` of its topics are beyond `max_topics`. */
  stateOpened(file: string, topics: number, leftOut: number): void {
    this.#log.info({ file: printable(file), topics }, "state file: opened");
    if (leftOut > 0) {
      const fields = { left_out: leftOut };
      this.#log.warn(fields, "state file: it had more topics than max_topics, the oldest are gone");
    }
  }

  stateSetAside(file: string, keptAs: string, reason: string): void {
    this.#log.warn(
      { file: printable(file), kept_as: printable(keptAs), reason: printable(reason) },
      "state file: cannot be used, set aside for a new one",
    );
  }

  stateUnusable(file: string, reason: string): void {
    this.#stateFault(file, reason, "state file: cannot be used, topics are in memory only");
  }

  stateWriteFailed(file: string, reason: string): void {
    this.#stateFault(file, reason, "state file: cannot be written, going on in memory");
  }

  /** After failures; said only when the log has one of them. */
  stateRecovered(file: string): void {
    if (this.#hasToldStateFault) {
      this.#hasToldStateFault = false;
      this.#log.info({ file: printable(file) }, "state file: written again, nothing is missing");
    }
  }

  /** Both a state file and Redis are configured. */
  stateUnused(file: string): void {
    this.#log.info({ file: printable(file) }, "state file: not used, Redis keeps the topics");
  }

  #stateFault(file: string, reason: string, message: string): void {
    const verdict = this.#stateFaults();
    if (verdict.pass) {
      this.#hasToldStateFault = true;
      const fields = { file: printable(file), reason: printable(reason), ...skippedOf(verdict) };
      this.#log.warn(fields, message);
    }
  }

  socket(event: SocketEvent): void {
    const client = { topic: printable(event.topic), address: event.address };
    switch (event.type) {
      case "connected":
        this.#log.info({ ...client, user: event.userId }, "client connected");
        return;
      case "disconnected": {
        const { userId: user, code, durationMs: duration_ms, buffered } = event;
        const end = { user, code, reason: printable(event.reason), duration_ms };
        if (buffered === undefined) {
          this.#log.info({ ...client, ...end }, "client disconnected");
          return;
        }
        // Each is logged; only so many of them stand out.
        const verdict = this.#slowReaders();
        const level = verdict.pass ? "warn" : "info";
        const skipped = verdict.pass ? skippedOf(verdict) : {};
        this.#log[level]({ ...client, ...end, buffered, ...skipped }, "client disconnected");
        return;
      }
      case "previous_secret_used":
        this.#log.debug(
          { ...client, user: event.userId },
          "token signed by worker_secret_previous",
        );
        return;
      case "refreshed":
        this.#log.debug({ ...client, user: event.userId }, "token refreshed");
        return;
      case "refresh_refused": {
        const verdict = this.#refreshRefusals();
        if (verdict.pass) {
          const fields = { ...client, user: event.userId, reason: printable(event.reason) };
          this.#log.warn({ ...fields, ...skippedOf(verdict) }, "token refresh refused");
        }
        return;
      }
      case "refused": {
        const { cause, unreported = 0 } = event;
        const before = (this.#unreported.get(cause) ?? 0) + unreported;
        const verdict = this.#refusals.get(cause)?.();
        if (!verdict?.pass) {
          this.#unreported.set(cause, before);
          return;
        }
        this.#unreported.delete(cause);
        const skipped = skippedOf({ skipped: verdict.skipped + before });
        const fields = { ...client, reason: printable(event.reason), ...skipped };
        const advice = REFUSAL_ADVICE[cause];
        const more = advice === undefined ? {} : { advice };
        this.#log.warn({ ...fields, ...more }, "handshake refused");
        return;
      }
      case "header_ignored": {
        const verdict = this.#ignoredHeaders();
        if (verdict.pass) {
          this.#log.warn(
            { ...client, ...skippedOf(verdict) },
            "X-Forwarded-For ignored: the address is not in trusted_proxies; add it if it is your proxy",
          );
        }
        return;
      }
    }
  }
}

/** The call that a line is about, if the caller has named it. */
function requestOf(id: string | undefined): { request_id?: string } {
  return id === undefined || id === ""
    ? {}
    : { request_id: printable(id.slice(0, MAX_REQUEST_ID_LENGTH)) };
}

/** How many lines of this kind were left out before this one; absent when none was. */
function skippedOf({ skipped }: { skipped: number }): { skipped?: number } {
  return skipped > 0 ? { skipped } : {};
}
