import type { NodeReport } from "../protocol/node-report.ts";

/**
 * How long a node may not be heard of before it counts as gone, in milliseconds: each sends a probe
 * a second, and one that waits for Redis to answer gives up after 2.5 s.
 */
const SILENCE_MS = 6000;

/**
 * How long a node that has vanished is remembered, in milliseconds: long enough for somebody who
 * looks after a night.
 */
const GONE_MS = 24 * 3_600_000;

/** How long one that has said good-bye is, in milliseconds. */
const LEFT_MS = 60_000;

/** Nodes remembered at most; a cluster has a handful, and anybody can send probes. */
const MAX_PEERS = 128;

/** `here`: heard of lately. `gone`: no longer. `left`: it has said good-bye. */
export type PeerState = "here" | "gone" | "left";

/** Another node, as far as it is known. */
export interface Peer {
  readonly node: string;
  /** Its last report. */
  readonly report: NodeReport;
  readonly state: PeerState;
  /** How long ago it was last heard of, in milliseconds. */
  readonly silentMs: number;
}

/** Told of nodes that have reported before. */
export interface PeerEvents {
  /** It has not been heard of for so long; `isExpected` when it has said good-bye. */
  gone(report: NodeReport, isExpected: boolean, silentMs: number): void;
  /** It is heard of again, or another node has taken its place on the same host. */
  back(report: NodeReport): void;
}

/** What a {@link Peers} needs. */
export interface PeersOptions {
  readonly events: PeerEvents;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

interface Known {
  report: NodeReport | undefined;
  readonly firstHeardAt: number;
  heardAt: number;
  state: PeerState;
  /** Whether it has taken the place of another one. */
  isSuccessor: boolean;
}

/**
 * Remembers the other nodes: by the probes they send over the channel it is known which are there,
 * and their reports are read by name, without looking through the whole database. A node that falls
 * silent is remembered, so that an operator can be told which one it was.
 */
export class Peers {
  readonly #options: PeersOptions;
  readonly #known = new Map<string, Known>();
  #tickedAt: number;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#tickedAt = options.now();
  }

  /** Everybody who has ever reported and is not forgotten. */
  list(): readonly Peer[] {
    const now = this.#options.now();
    return [...this.#known].flatMap(([node, { report, state, heardAt }]) =>
      report === undefined ? [] : [{ node, report, state, silentMs: now - heardAt }],
    );
  }

  /** Whose reports are worth reading. */
  names(): readonly string[] {
    return [...this.#known].flatMap(([node, { state }]) => (state === "here" ? [node] : []));
  }

  /**
   * A probe of a node has come; its last one if it says good-bye.
   *
   * @returns Whether the node is new, so that its report is worth reading at once.
   */
  heard(node: string, isLast: boolean): boolean {
    const known = this.#known.get(node);
    if (known === undefined) {
      const isNew = !isLast && this.#hasRoom();
      if (isNew) {
        const heardAt = this.#options.now();
        this.#known.set(node, {
          report: undefined,
          firstHeardAt: heardAt,
          heardAt,
          state: "here",
          isSuccessor: false,
        });
      }
      return isNew;
    }
    known.heardAt = this.#options.now();
    if (isLast) {
      this.#lose(known, "left");
    } else if (known.state !== "here") {
      known.state = "here";
      if (known.report !== undefined) {
        this.#options.events.back(known.report);
      }
    }
    return false;
  }

  /** Reports were read from Redis. */
  reported(reports: readonly NodeReport[]): void {
    for (const report of reports) {
      const known = this.#known.get(report.node);
      if (known !== undefined) {
        known.report = report;
      }
    }
    this.#findSuccessors();
  }

  /**
   * To be called once a second: sees who has fallen silent, and forgets.
   *
   * @param canHear Whether probes reach this worker; while they don't nothing is known of anybody.
   */
  tick(canHear: boolean): void {
    const now = this.#options.now();
    // A process that was stopped for a while has heard nobody either.
    const wasAwake = now - this.#tickedAt < SILENCE_MS / 2;
    this.#tickedAt = now;
    for (const [node, known] of this.#known) {
      if (known.state === "here" && !(canHear && wasAwake)) {
        known.heardAt = now;
      }
      const silentMs = now - known.heardAt;
      if (known.state === "here" && silentMs > SILENCE_MS) {
        this.#lose(known, "gone");
      }
      const isForgotten = known.report === undefined || silentMs > keptFor(known);
      if (known.state !== "here" && isForgotten) {
        this.#known.delete(node);
      }
    }
    this.#findSuccessors();
  }

  /** A node that was started on the host of one that has gone stands in for it. */
  #findSuccessors(): void {
    const all = [...this.#known];
    for (const [node, gone] of all.filter(([, { state }]) => state === "gone")) {
      const successor = all.find(
        ([, { state, isSuccessor, report, firstHeardAt }]) =>
          state === "here" &&
          !isSuccessor &&
          report?.host === gone.report?.host &&
          firstHeardAt > gone.heardAt,
      );
      if (successor !== undefined && gone.report !== undefined) {
        successor[1].isSuccessor = true;
        this.#known.delete(node);
        this.#options.events.back(gone.report);
      }
    }
  }

  #lose(known: Known, state: "gone" | "left"): void {
    const isNews = known.state === "here";
    known.state = state;
    if (isNews && known.report !== undefined) {
      const silentMs = this.#options.now() - known.heardAt;
      this.#options.events.gone(known.report, state === "left", silentMs);
    }
  }

  #hasRoom(): boolean {
    if (this.#known.size < MAX_PEERS) {
      return true;
    }
    for (const [node, { state }] of this.#known) {
      if (state !== "here") {
        this.#known.delete(node);
        return true;
      }
    }
    return false;
  }
}

function keptFor({ state }: Known): number {
  return state === "left" ? LEFT_MS : GONE_MS;
}
