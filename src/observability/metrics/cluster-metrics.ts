import {
  ENVELOPE_FAULTS,
  ENVELOPE_USES,
  type EnvelopeFault,
  type EnvelopeUse,
} from "../../protocol/envelope.ts";
import type { EventListener } from "../events.ts";
import type { RedisState } from "../status.ts";
import type { MetricSet, Observe } from "./metric-set.ts";
import { kindsOf, type Tally } from "./tally.ts";

/** What these metrics are read from. */
export interface ClusterSources {
  readonly redis: () => RedisState;
  /** Workers that hear each other, this one among them, as counted last. */
  readonly nodes: () => number;
  /** Envelopes that wait for Redis, their size in UTF-16 units, and how many were dropped. */
  readonly outbox: () => {
    readonly events: number;
    readonly bytes: number;
    readonly dropped: number;
  };
  /** Envelopes that Redis has confirmed since the start. */
  readonly sent: () => number;
}

/** Seconds; a probe that stays out for 2.5 ends the connection. */
const PROBE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** What became of envelopes that came in. */
const ENVELOPE_RESULTS = [...ENVELOPE_USES, ...ENVELOPE_FAULTS, "dropped"];

/** The way to the other workers. */
export class ClusterMetrics implements EventListener {
  readonly #envelopes: Tally;
  readonly #observeProbe: Observe;
  #disconnects = 0;
  #catchUps = 0;
  #caughtUp = 0;
  #heldDropped = 0;
  #logFailures = 0;

  constructor(set: MetricSet, { redis, nodes, outbox, sent }: ClusterSources) {
    set.gauge(
      "redis_up",
      "1 while the worker has joined through Redis, 0 while it is alone.",
      () => (redis() === "up" ? 1 : 0),
    );
    set.counter(
      "redis_disconnects_total",
      "How often the connection to Redis was lost or given up.",
      () => this.#disconnects,
    );
    set.gauge("cluster_nodes", "Workers that hear each other, this one among them.", nodes);
    this.#observeProbe = set.histogram(
      "probe_duration_seconds",
      "Round trips of the worker's own probes through Redis.",
      PROBE_BUCKETS,
    );
    set.gauge(
      "outbox_events",
      "Envelopes that Redis has not confirmed yet.",
      () => outbox().events,
    );
    set.gauge(
      "outbox_bytes",
      "Size of the envelopes in the outbox; characters where they are not ASCII.",
      () => outbox().bytes,
    );
    set.counter(
      "outbox_dropped_total",
      "Envelopes dropped because the outbox was full or they were too old.",
      () => outbox().dropped,
    );
    set.counter("envelopes_sent_total", "Envelopes that Redis has confirmed.", sent);
    this.#envelopes = set.tally(
      "envelopes_total",
      "Envelopes that came from Redis, by what became of them.",
      kindsOf("result", ENVELOPE_RESULTS),
    );
    set.counter(
      "catch_ups_total",
      "How often events that had been missed were read from the catch-up log.",
      () => this.#catchUps,
    );
    set.counter(
      "caught_up_events_total",
      "Events that were read from the catch-up log and delivered.",
      () => this.#caughtUp,
    );
    set.counter(
      "catch_up_log_failures_total",
      "How often the catch-up log could not be written or read.",
      () => this.#logFailures,
    );
  }

  redisDown(): void {
    this.#disconnects += 1;
  }

  probed(roundTripMs: number): void {
    this.#observeProbe(roundTripMs / 1000);
  }

  envelopeTaken(use: EnvelopeUse): void {
    this.#envelopes.add(use);
  }

  envelopeRefused(fault: EnvelopeFault): void {
    this.#envelopes.add(fault);
  }

  neighbourHeard(): void {
    this.#envelopes.add("foreign_key");
  }

  heldDropped(dropped: number): void {
    this.#envelopes.add("dropped", dropped - this.#heldDropped);
    this.#heldDropped = dropped;
  }

  caughtUp(events: number): void {
    this.#catchUps += 1;
    this.#caughtUp += events;
  }

  catchUpLogFailed(): void {
    this.#logFailures += 1;
  }
}
