import { REFUSAL_CAUSES, type RefusalCause, type SocketEvent } from "../protocol/socket-event.ts";
import type { EventListener } from "./events.ts";
import { printable } from "./printable.ts";
import { type DeliveryTimes, type PublishRecord, PublishRecords } from "./publish-records.ts";
import { Ring } from "./ring.ts";

/** Closed sockets that are remembered. */
export const MAX_CLOSES = 500;

/** Refusals that are remembered of each cause, so that a flood of one does not hide the others. */
export const REFUSALS_PER_CAUSE = 50;

/** What is refused beside handshakes: a refresh of a token, and calls of the internal API. */
const FURTHER_CAUSES = ["refresh", "forbidden", "overloaded", "max_topics"] as const;

type RecordedCause = RefusalCause | (typeof FURTHER_CAUSES)[number];

/** A socket that was closed, as `GET /internal/recent` shows it. */
export interface RecentClose {
  /** ISO 8601. */
  readonly time: string;
  readonly address: string;
  readonly topic: string;
  /** 0 when anonymous. */
  readonly user: number;
  readonly code: number;
  readonly reason: string;
  /** From upgrade to close. */
  readonly age_ms: number;
  /** Bytes that waited for a slow reader, at most; `null` for any other close. */
  readonly buffered: number | null;
}

/** Somebody who was refused something. */
export interface RecentRefusal {
  readonly time: string;
  /** `null` when it is not known, or not about somebody. */
  readonly address: string | null;
  readonly topic: string | null;
  readonly user: number | null;
  readonly cause: RecordedCause;
  readonly reason: string;
  /** Refusals for the same cause before this one that were counted and not told of. */
  readonly unreported: number;
}

/** An event that was published, here or on another node. */
export interface RecentPublish {
  readonly time: string;
  /** Names it in the whole cluster; `null` for an event of an original worker. */
  readonly id: string | null;
  /** The node where it was published. */
  readonly node: string;
  readonly topic: string;
  /** Of the payload. */
  readonly bytes: number;
  /** Sockets of this node that it was for. */
  readonly sockets: number;
  /** From when this node had it to when it was handed to them; `null` on its way, or unknown. */
  readonly handed_ms: number | null;
}

/** What went on lately on this node, the newest first. */
export interface RecentEvents {
  readonly closes: readonly RecentClose[];
  readonly refusals: readonly RecentRefusal[];
  readonly publishes: readonly RecentPublish[];
}

/** Which of them are asked for. */
export interface RecentQuery {
  /** Those of this topic alone. */
  readonly topic: string | undefined;
  /** At most so many of each kind. */
  readonly limit: number;
}

/** What a {@link FlightRecorder} needs. */
export interface FlightRecorderOptions {
  /** This node's id. */
  readonly node: string;
  readonly deliveries: () => DeliveryTimes;
  /** How many sockets of this process watch a topic. */
  readonly sockets: (topic: string) => number;
  /** Milliseconds on the clock of the deliveries. */
  readonly now: () => number;
  /** Unix time in milliseconds. */
  readonly wallClock: () => number;
}

type AtTime<Entry> = Omit<Entry, "time"> & { readonly unixMs: number };

/**
 * Remembers what happened last: who was closed and refused and why, and what was published to how
 * many, how fast. It holds no payload and no token, a fixed number of each, and texts of others only
 * cleaned and cut: 3 MB when all places are taken, 10 MB if every text is as long as it may be.
 */
export class FlightRecorder implements EventListener {
  readonly #options: FlightRecorderOptions;
  readonly #closes = new Ring<AtTime<RecentClose>>(MAX_CLOSES);
  readonly #refusals: ReadonlyMap<RecordedCause, Ring<AtTime<RecentRefusal>>>;
  readonly #publishes: PublishRecords;

  constructor(options: FlightRecorderOptions) {
    this.#options = options;
    this.#publishes = new PublishRecords(options.deliveries, this.#clockStart());
    this.#refusals = new Map(
      [...REFUSAL_CAUSES, ...FURTHER_CAUSES].map((cause) => [cause, new Ring(REFUSALS_PER_CAUSE)]),
    );
  }

  socket(event: SocketEvent): void {
    switch (event.type) {
      case "disconnected": {
        const { userId: user, code, buffered = null } = event;
        this.#closes.push({
          unixMs: this.#options.wallClock(),
          address: printable(event.address),
          topic: printable(event.topic),
          user,
          code,
          reason: printable(event.reason),
          age_ms: Math.round(event.durationMs),
          buffered,
        });
        return;
      }
      case "refused":
        this.#refused(event.cause, event);
        return;
      case "refresh_refused":
        this.#refused("refresh", { ...event, user: event.userId });
        return;
      default:
        return;
    }
  }

  forbidden(address: string): void {
    this.#refused("forbidden", { address, reason: "wrong or missing X-Worker-Secret" });
  }

  overloaded(topic: string): void {
    this.#refused("overloaded", { topic, reason: "the gateway threads do not keep up" });
  }

  registryFull(topic: string): void {
    this.#refused("max_topics", { topic, reason: "max_topics reached" });
  }

  accepted(topic: string, bytes: number, sockets: number, seq: number): void {
    this.#publishes.add(topic, bytes, sockets, this.#options.node, seq);
  }

  received(topic: string, bytes: number, origin: string, seq = 0): void {
    this.#publishes.add(topic, bytes, this.#options.sockets(topic), origin, seq);
  }

  /** To be called once a second: looks up how fast the last events were. */
  tick(): void {
    this.#publishes.tick(this.#clockStart());
  }

  /** What went on lately. */
  recent({ topic, limit }: RecentQuery): RecentEvents {
    const shownTopic = topic === undefined ? undefined : printable(topic);
    const isAsked = (entry: { readonly topic: string | null }): boolean =>
      shownTopic === undefined || entry.topic === shownTopic;
    const refusals = [...this.#refusals.values()].flatMap((ring) => ring.newestFirst());
    return {
      closes: this.#closes.newestFirst().filter(isAsked).slice(0, limit).map(timed),
      refusals: refusals
        .filter(isAsked)
        .sort((a, b) => b.unixMs - a.unixMs)
        .slice(0, limit)
        .map(timed),
      publishes: this.#publishes
        .list(topic, limit)
        .map(({ topic: of, record }) => shownPublish(of, record)),
    };
  }

  /** The Unix time at which the clock of the deliveries showed 0. */
  #clockStart(): number {
    return this.#options.wallClock() - this.#options.now();
  }

  #refused(
    cause: RecordedCause,
    about: {
      readonly address?: string;
      readonly topic?: string;
      readonly user?: number;
      readonly reason: string;
      readonly unreported?: number;
    },
  ): void {
    const { address, topic, user = null, reason, unreported = 0 } = about;
    this.#refusals.get(cause)?.push({
      unixMs: this.#options.wallClock(),
      address: address === undefined ? null : printable(address),
      // Refused before anybody has read which one.
      topic: topic === undefined || topic === "" ? null : printable(topic),
      user,
      cause,
      reason: printable(reason),
      unreported,
    });
  }
}

function timed<Entry>({ unixMs, ...entry }: Entry & { readonly unixMs: number }) {
  return { time: new Date(unixMs).toISOString(), ...entry };
}

function shownPublish(topic: string, record: PublishRecord): RecentPublish {
  const { unixMs, origin, seq, bytes, sockets, handedMs } = record;
  const node = printable(origin);
  return {
    time: new Date(unixMs).toISOString(),
    id: seq === 0 ? null : `${node}-${seq}`,
    node,
    topic: printable(topic),
    bytes,
    sockets,
    handed_ms: Number.isNaN(handedMs) ? null : Math.round(handedMs * 100) / 100,
  };
}
