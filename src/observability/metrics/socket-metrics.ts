import { CLOSE } from "../../protocol/close-codes.ts";
import type { RefusalCounts, SocketEvent } from "../../protocol/socket-event.ts";
import type { EventListener } from "../events.ts";
import type { MetricSet, Observe, Sample } from "./metric-set.ts";
import { kindsOf, type Labels, labelValue, OTHER, type Tally } from "./tally.ts";

/** What these metrics are read from. */
export interface SocketSources {
  readonly headcount: () => { readonly sockets: number; readonly clients: number };
  /** Sockets of any state, and those that are not yet subscribed; both from their request on. */
  readonly held: () => { readonly connections: number; readonly pending: number };
  /** Who was not let in since the start, by cause. */
  readonly refusals: () => RefusalCounts;
  /** Sockets dropped since the start because too much waited for them. */
  readonly slowReaders: () => number;
  /** How often browsers were not accepted for a while since the start. */
  readonly acceptPauses: () => number;
}

/** Seconds; a browser gives up after 1.5, the worker after 10. */
const HANDSHAKE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2.5, 5, 10];

/** How causes begin that are a limit's key in the configuration. */
const LIMIT_PREFIX = "max_";

/** What a socket's end is called that the worker has not closed. */
const BY_CLIENT = "client";
const LOST = "lost";
const SLOW_READER = "slow_reader";

/** Codes of ends that the worker has not brought about: by the client, the protocol, the network. */
const OTHER_ENDS: readonly [code: number, reason: string][] = [
  [1000, BY_CLIENT],
  [1001, BY_CLIENT],
  [1002, BY_CLIENT],
  [1005, BY_CLIENT],
  [1006, LOST],
  [1007, BY_CLIENT],
  [1006, SLOW_READER],
];

const CLOSE_KINDS: ReadonlyMap<string, Labels> = new Map([
  ...Object.entries(CLOSE).map(
    ([key, { code, reason }]) => [`${code} ${reason}`, labelsOf(code, labelValue(key))] as const,
  ),
  ...OTHER_ENDS.map(([code, reason]) => [`${code} ${reason}`, labelsOf(code, reason)] as const),
  [OTHER, labelsOf(OTHER, BY_CLIENT)],
]);

/** Sockets: who is there, who came, who was not let in, who went and why. */
export class SocketMetrics implements EventListener {
  readonly #closes: Tally;
  readonly #observeHandshake: Observe;
  readonly #previousSecret: Tally;
  #accepted = 0;

  /**
   * @param limits Counts who was refused because of a limit; those of the sockets are read from the
   *   sources.
   */
  constructor(set: MetricSet, sources: SocketSources, limits: Tally) {
    set.gauge("sockets", "Sockets that are subscribed now.", () => sources.headcount().sockets);
    set.gauge(
      "clients",
      "Distinct users among the sockets, each anonymous socket counting as one.",
      () => sources.headcount().clients,
    );
    set.gauge(
      "connections",
      "Sockets of any state that count for max_connections now.",
      () => sources.held().connections,
    );
    set.gauge(
      "handshakes_pending",
      "Sockets that are not subscribed yet and count for max_pending now.",
      () => sources.held().pending,
    );
    set.counters(
      "handshakes_total",
      "Handshakes by result, and by reason when they were refused.",
      ["result", "reason"],
      () => this.#handshakes(sources),
    );
    this.#observeHandshake = set.histogram(
      "handshake_duration_seconds",
      "Time from the upgrade to the subscription of a socket.",
      HANDSHAKE_BUCKETS,
    );
    this.#closes = set.tally(
      "closes_total",
      "Subscribed sockets that have ended, by close code and reason.",
      CLOSE_KINDS,
    );
    set.counter(
      "slow_readers_total",
      "Sockets dropped because more than max_buffered waited for them.",
      sources.slowReaders,
    );
    set.counters(
      "limit_refusals_total",
      "Sockets, topics and publishes that were refused because a limit was reached.",
      ["limit"],
      () => limitRefusals(sources, limits),
    );
    set.counter(
      "accept_pauses_total",
      "How often browsers were not accepted for a while because no file descriptor was left.",
      sources.acceptPauses,
    );
    this.#previousSecret = set.tally(
      "previous_secret_uses_total",
      "Uses of worker_secret_previous: tokens signed with it, calls of the internal API.",
      kindsOf("by", ["token", "api_call"]),
    );
  }

  /** Subscribed sockets that have ended, by reason. */
  closes(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { labels, count } of this.#closes.rows()) {
      const { reason = OTHER } = labels;
      counts[reason] = (counts[reason] ?? 0) + count;
    }
    return counts;
  }

  socket(event: SocketEvent): void {
    switch (event.type) {
      case "connected":
        this.#accepted += 1;
        this.#observeHandshake(event.handshakeMs / 1000);
        return;
      case "disconnected":
        this.#closes.add(closeKind(event));
        return;
      case "previous_secret_used":
        this.#previousSecret.add("token");
        return;
      case "refreshed":
      case "refresh_refused":
      case "refused":
      case "header_ignored":
        return;
    }
  }

  previousSecretUsed(): void {
    this.#previousSecret.add("api_call");
  }

  *#handshakes(sources: SocketSources): Iterable<Sample> {
    yield { labels: { result: "accepted", reason: "none" }, value: this.#accepted };
    for (const [reason, value] of Object.entries(sources.refusals())) {
      yield { labels: { result: "refused", reason }, value };
    }
  }
}

/** The kind of a socket's end, among {@link CLOSE_KINDS} or unknown. */
function closeKind(end: Extract<SocketEvent, { type: "disconnected" }>): string {
  const { code, reason, buffered } = end;
  if (buffered !== undefined) {
    return `${code} ${SLOW_READER}`;
  }
  if (code === CLOSE.tooBig.code) {
    // The log has another text than the client, who is told by the server itself.
    return `${code} ${CLOSE.tooBig.reason}`;
  }
  const ownKind = `${code} ${reason}`;
  if (CLOSE_KINDS.has(ownKind)) {
    return ownKind;
  }
  return code === 1006 ? `${code} ${LOST}` : `${code} ${BY_CLIENT}`;
}

function* limitRefusals({ refusals }: SocketSources, limits: Tally): Iterable<Sample> {
  for (const [limit, value] of Object.entries(refusals())) {
    if (limit.startsWith(LIMIT_PREFIX)) {
      yield { labels: { limit }, value };
    }
  }
  for (const { labels, count } of limits.rows()) {
    yield { labels, value: count };
  }
}

function labelsOf(code: number | string, reason: string): Labels {
  return { code: String(code), reason };
}
