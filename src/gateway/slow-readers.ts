import type { Session, TopicTraffic } from "./session.ts";

/** Why a slow reader's socket ended; the network knows no reason, since nothing can be sent to it. */
export const SLOW_READER = "slow reader";

/** What a client sees of a socket that was dropped, and of every other connection that breaks. */
const ABNORMAL = 1006;

/** A topic's readers are looked at when this part of `max_buffered` was published to it since. */
const LOOK_PART = 0.25;

/** Most bytes of one turn, in parts of `max_buffered`, before its last frame: see `turnBudget`. */
const MAX_TURN_PART = 0.75;

/** Longest payloads of a frame with a header of two and of four bytes (RFC 6455, 5.2). */
const MAX_SHORT_PAYLOAD = 125;
const MAX_MEDIUM_PAYLOAD = 65_535;

/** What {@link SlowReaders} needs. */
export interface SlowReadersOptions {
  /** Bytes that may wait for one socket (`max_buffered`). */
  readonly maxBuffered: number;
  /** The sockets of this thread that are subscribed to a topic. */
  readonly readersOf: (topic: string) => Iterable<Session>;
  /** Runs something in the next turn of the loop. */
  readonly defer: (next: () => void) => void;
}

/**
 * Tells readers that were dropped because too much waited for them from connections that broke. Bun
 * drops such a reader by itself and says no more of it than of a broken connection, and its buffer
 * is gone by then. So what is published is counted, once per event and topic, and what waits for its
 * readers is looked at when so much was published that it could be too much: what waited at a
 * socket's end is what waited at the last look and what came after it. Looking costs a fraction of
 * what writing that much to each of them has cost.
 */
export class SlowReaders {
  readonly #options: SlowReadersOptions;
  readonly #traffic = new Map<string, TopicTraffic>();
  /** Topics of which something may not yet have been handed to the sockets. */
  #fresh: TopicTraffic[] = [];
  /** Topics that had a reader for whom something waited. */
  readonly #behind = new Set<TopicTraffic>();
  #isTurnDue = false;
  #deliveries = 0;
  #deliveredBytes = 0;

  constructor(options: SlowReadersOptions) {
    this.#options = options;
  }

  /** Frames given to sockets since the start, an event to ten sockets being ten, and their bytes. */
  get delivered(): { readonly frames: number; readonly bytes: number } {
    return { frames: this.#deliveries, bytes: this.#deliveredBytes };
  }

  /** Bytes that waited for all sockets, and for the slowest of them, at the last look. */
  get waiting(): { readonly all: number; readonly most: number } {
    let all = 0;
    let most = 0;
    for (const traffic of this.#behind) {
      all += traffic.waiting;
      most = Math.max(most, traffic.mostWaiting);
    }
    return { all, most };
  }

  /** A socket has been subscribed to its topic. */
  joined(session: Session): void {
    const { topic } = session;
    let traffic = this.#traffic.get(topic);
    if (traffic === undefined) {
      traffic = {
        topic,
        sockets: 0,
        bytes: 0,
        marked: 0,
        written: 0,
        lookedAt: 0,
        largest: 0,
        isFresh: false,
        waiting: 0,
        mostWaiting: 0,
      };
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
        this.#behind.delete(traffic);
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
    traffic.largest = Math.max(traffic.largest, bytes);
    if (!traffic.isFresh) {
      traffic.isFresh = true;
      this.#fresh.push(traffic);
    }
    this.#deferTurn();
  }

  /** Looks again at readers for whom something waited; to be called once a second. */
  tick(): void {
    for (const traffic of [...this.#behind]) {
      this.#look(traffic);
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
    const { maxBuffered } = this.#options;
    const depth = traffic.bytes - session.drainedAt;
    // A socket over the limit is given nothing more, and one turn gives it so much at most.
    const most = maxBuffered * (1 + MAX_TURN_PART) + traffic.largest;
    return depth >= maxBuffered ? Math.min(depth, most) : undefined;
  }

  /** Between two turns the server hands to the sockets what was published before the first. */
  #turn(): void {
    this.#isTurnDue = false;
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const traffic of fresh) {
      traffic.written = traffic.marked;
      traffic.marked = traffic.bytes;
      if (traffic.written - traffic.lookedAt >= this.#options.maxBuffered * LOOK_PART) {
        this.#look(traffic);
      }
      traffic.isFresh = traffic.written !== traffic.bytes && traffic.sockets > 0;
      if (traffic.isFresh) {
        this.#fresh.push(traffic);
        this.#deferTurn();
      }
    }
  }

  #deferTurn(): void {
    if (!this.#isTurnDue) {
      this.#isTurnDue = true;
      this.#options.defer(() => this.#turn());
    }
  }

  /** Sees what waits for each reader of a topic. */
  #look(traffic: TopicTraffic): void {
    traffic.lookedAt = traffic.written;
    traffic.waiting = 0;
    traffic.mostWaiting = 0;
    this.#behind.delete(traffic);
    for (const session of this.#options.readersOf(traffic.topic)) {
      const waiting = session.socket?.getBufferedAmount() ?? 0;
      session.drainedAt = traffic.written - waiting;
      traffic.waiting += waiting;
      traffic.mostWaiting = Math.max(traffic.mostWaiting, waiting);
      if (waiting > 0) {
        this.#behind.add(traffic);
      }
    }
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
