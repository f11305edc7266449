import type { Session, TopicTraffic } from "./session.ts";

/** Why a slow reader's socket ended; the network knows no reason, since nothing can be sent to it. */
export const SLOW_READER = "slow reader";

/** What a client sees of a socket that was dropped, and of every other connection that breaks. */
const ABNORMAL = 1006;

/** At most this often the buffers of all sockets are looked at, in milliseconds. */
const LOOK_INTERVAL_MS = 100;

/** Longest payloads of a frame with a header of two and of four bytes (RFC 6455, 5.2). */
const MAX_SHORT_PAYLOAD = 125;
const MAX_MEDIUM_PAYLOAD = 65_535;

/** What {@link SlowReaders} needs. */
export interface SlowReadersOptions {
  /** Bytes that may wait for one socket (`max_buffered`). */
  readonly maxBuffered: number;
  /** Milliseconds on a clock that never goes back. */
  readonly monotonicClock: () => number;
  /** Every socket of this thread. */
  readonly sessions: () => Iterable<Session>;
  /** Runs something once the sockets have been written to. */
  readonly defer: (next: () => void) => void;
}

/**
 * Tells readers that were dropped because too much waited for them from connections that broke. Bun
 * drops such a reader by itself and says no more of it than of a broken connection, and its buffer
 * is gone by then. So what is published is counted, once per event and topic, and what waits for a
 * socket is looked at now and then: what waited at its end is what waited at the last look and what
 * came after it.
 */
export class SlowReaders {
  readonly #options: SlowReadersOptions;
  readonly #traffic = new Map<string, TopicTraffic>();
  /** Bytes published since the last look, over all topics. */
  #unseen = 0;
  /** Whether something waited for any socket at the last look. */
  #isAnyBehind = false;
  #deliveries = 0;
  #deliveredBytes = 0;
  #buffered = 0;
  #mostBuffered = 0;
  #lastLook = Number.NEGATIVE_INFINITY;
  #isLookDue = false;

  constructor(options: SlowReadersOptions) {
    this.#options = options;
  }

  /** Frames given to sockets since the start, an event to ten sockets being ten, and their bytes. */
  get delivered(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#deliveries, bytes: this.#deliveredBytes };
  }

  /** Bytes that waited for all sockets, and for the slowest of them, at the last look. */
  get waiting(): { readonly all: number; readonly most: number } {
    return { all: this.#buffered, most: this.#mostBuffered };
  }

  /** A socket has been subscribed to its topic. */
  joined(session: Session): void {
    const { topic } = session;
    let traffic = this.#traffic.get(topic);
    if (traffic === undefined) {
      traffic = { topic, bytes: 0, sockets: 0 };
      this.#traffic.set(topic, traffic);
    }
    traffic.sockets += 1;
    session.traffic = traffic;
    session.drainedAt = traffic.bytes;
  }

  /** A socket is gone. */
  left(session: Session): void {
    const { traffic } = session;
    session.traffic = undefined;
    if (traffic !== undefined) {
      traffic.sockets -= 1;
      if (traffic.sockets === 0) {
        this.#traffic.delete(traffic.topic);
      }
    }
  }

  /** A frame is being given to every socket of a topic. */
  published(topic: string, frame: string): void {
    const traffic = this.#traffic.get(topic);
    if (traffic !== undefined) {
      const bytes = wireBytes(frame);
      this.#deliveries += traffic.sockets;
      this.#deliveredBytes += traffic.sockets * bytes;
      this.#count(traffic, bytes);
    }
  }

  /** A frame is being given to some sockets of a topic: as if all got it, for none gets more. */
  answered(topic: string, frame: string): void {
    const traffic = this.#traffic.get(topic);
    if (traffic !== undefined) {
      this.#count(traffic, wireBytes(frame));
    }
  }

  #count(traffic: TopicTraffic, bytes: number): void {
    traffic.bytes += bytes;
    this.#unseen += bytes;
    // So that a burst does not make a good reader look like one that is far behind.
    if (this.#unseen >= this.#options.maxBuffered / 4 && !this.#isLookDue && this.#mayLook()) {
      this.#isLookDue = true;
      this.#options.defer(() => this.look());
    }
  }

  /** Sees what waits for each socket; to be called once a second. */
  look(): void {
    this.#isLookDue = false;
    if (this.#unseen === 0 && !this.#isAnyBehind) {
      return;
    }
    this.#unseen = 0;
    this.#isAnyBehind = false;
    this.#buffered = 0;
    this.#mostBuffered = 0;
    this.#lastLook = this.#options.monotonicClock();
    for (const session of this.#options.sessions()) {
      const { traffic, socket } = session;
      if (traffic !== undefined && socket !== undefined && session.drainedAt !== traffic.bytes) {
        const buffered = socket.getBufferedAmount();
        session.drainedAt = traffic.bytes - buffered;
        this.#isAnyBehind ||= buffered > 0;
        this.#buffered += buffered;
        this.#mostBuffered = Math.max(this.#mostBuffered, buffered);
      }
    }
  }

  /**
   * How many bytes waited, at most, for a socket that has ended by itself; `undefined` when that was
   * not why.
   *
   * @param code What the server says of its end.
   */
  depthAtEnd(session: Session, code: number, reason: string): number | undefined {
    const { traffic } = session;
    if (code !== ABNORMAL || reason !== "" || traffic === undefined) {
      return undefined;
    }
    const depth = traffic.bytes - session.drainedAt;
    return depth >= this.#options.maxBuffered ? depth : undefined;
  }

  #mayLook(): boolean {
    return this.#options.monotonicClock() - this.#lastLook >= LOOK_INTERVAL_MS;
  }
}

/** How many bytes a text frame of the server takes. */
function wireBytes(frame: string): number {
  const payload = Buffer.byteLength(frame, "utf8");
  if (payload <= MAX_SHORT_PAYLOAD) {
    return 2 + payload;
  }
  return (payload <= MAX_MEDIUM_PAYLOAD ? 4 : 10) + payload;
}
