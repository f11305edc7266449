import { MAX_TOPIC_BYTES } from "../protocol/topic.ts";
import { Ring } from "./ring.ts";

/** Publishes remembered of each topic. */
export const PUBLISHES_PER_TOPIC = 20;

/** Topics of which publishes are remembered; one that has not been used for long goes first. */
export const MAX_RECORDED_TOPICS = 500;

/**
 * Deliveries whose way is still looked for; a power of two. What is further behind than this has no
 * time.
 */
const MAX_PENDING = 16_384;

/** Publishes after which the ways are looked up, so that no time is forgotten before. */
const SETTLE_EVERY = 1024;

/**
 * Deliveries to the gateway threads, counted from 1, and when they were made and handed over: in
 * milliseconds on a clock that never goes back.
 */
export interface DeliveryTimes {
  /** The count of the latest one. */
  readonly latest: number;
  readonly latestAt: number;
  /** The count up to which all have been handed to their sockets. */
  readonly handed: number;
  /** When one had been handed to its sockets; `undefined` when that is not known. */
  handedAt(delivery: number): number | undefined;
}

/** One publish. Written over by a later one: objects are made once. */
export interface PublishRecord {
  /** The count of its delivery. */
  readonly delivery: number;
  /** When it was taken, on the clock of {@link DeliveryTimes}. */
  readonly at: number;
  /** The same as Unix time in milliseconds. */
  readonly unixMs: number;
  /** Of the payload. */
  readonly bytes: number;
  /** Sockets of this process that watched the topic. */
  readonly sockets: number;
  /** The node that took it. */
  readonly origin: string;
  /** That node's count of it; 0 when it has none. */
  readonly seq: number;
  /** From there to the sockets, in milliseconds; `NaN` while it is on its way, or unknown. */
  readonly handedMs: number;
}

type Writable = { -readonly [Field in keyof PublishRecord]: PublishRecord[Field] };

/** What is remembered of a topic. */
class TopicRecords {
  readonly topic: string;
  readonly ring = new Ring<Writable>(PUBLISHES_PER_TOPIC);
  /** The count of its latest delivery. */
  latest = 0;
  /** Whether it has been used again since it was put at the end of the queue. */
  isUsed = false;

  constructor(topic: string) {
    this.topic = topic;
  }
}

/**
 * The last publishes of the topics that were used last. Recording one writes numbers into an object
 * that is there already, and looks at nothing but the topic's name. How long it took to the sockets
 * is looked up later.
 */
export class PublishRecords {
  readonly #times: () => DeliveryTimes;
  /** A queue: the first is the next to go, unless it has been used again. */
  readonly #byTopic = new Map<string, TopicRecords>();
  /** By the count of its delivery. A record may have been written over since. */
  readonly #pending: (Writable | undefined)[] = [];
  #settled = 0;
  #clockStart: number;

  /**
   * @param times Asked at each use.
   * @param clockStart The Unix time at which their clock showed 0, in milliseconds.
   */
  constructor(times: () => DeliveryTimes, clockStart: number) {
    this.#times = times;
    this.#clockStart = clockStart;
  }

  /** How many topics are known. */
  get topics(): number {
    return this.#byTopic.size;
  }

  /** The latest delivery was this event. */
  add(topic: string, bytes: number, sockets: number, origin: string, seq: number): void {
    // Foreign ones may be of any length; nobody here can watch them.
    if (topic.length > MAX_TOPIC_BYTES) {
      return;
    }
    const { latest, latestAt } = this.#times();
    const topical = this.#use(topic);
    topical.latest = latest;
    const { ring } = topical;
    const record = ring.leaving ?? newRecord();
    record.delivery = latest;
    record.at = latestAt;
    record.unixMs = this.#clockStart + latestAt;
    record.bytes = bytes;
    record.sockets = sockets;
    record.origin = origin;
    record.seq = seq;
    record.handedMs = Number.NaN;
    ring.push(record);
    this.#pending[latest & (MAX_PENDING - 1)] = record;
    if (latest - this.#settled >= SETTLE_EVERY) {
      this.#settle();
    }
  }

  /**
   * To be called once a second: looks up how long those took that have been handed over meanwhile.
   *
   * @param clockStart As for the constructor: the machine's clock may have been set.
   */
  tick(clockStart: number): void {
    this.#clockStart = clockStart;
    this.#settle();
  }

  #settle(): void {
    const times = this.#times();
    const { handed } = times;
    let delivery = Math.max(this.#settled, handed - MAX_PENDING);
    while (delivery < handed) {
      delivery += 1;
      const record = this.#pending[delivery & (MAX_PENDING - 1)];
      if (record?.delivery === delivery) {
        const handedAt = times.handedAt(delivery) ?? Number.NaN;
        record.handedMs = Math.max(0, handedAt - record.at);
      }
    }
    this.#settled = handed;
  }

  /**
   * The latest publishes, the newest first.
   *
   * @param topic Of this topic alone.
   */
  list(
    topic: string | undefined,
    limit: number,
  ): readonly { readonly topic: string; readonly record: PublishRecord }[] {
    this.#settle();
    const topics = [...this.#byTopic.values()]
      .filter((one) => topic === undefined || one.topic === topic)
      .sort((a, b) => b.latest - a.latest)
      // Each has at least one: what is newest is in so many topics at most.
      .slice(0, limit);
    const all = topics.map((one) => ({ topic: one.topic, records: one.ring.newestFirst() }));
    // Numbers alone are sorted quickly: a publish may be waiting.
    const deliveries = all.flatMap(({ records }) => records.map(({ delivery }) => delivery));
    const oldest = Float64Array.from(deliveries).sort().at(-limit) ?? 0;
    return all
      .flatMap(({ topic: of, records }) => {
        const listed = records.filter(({ delivery }) => delivery >= oldest);
        return listed.map((record) => ({ topic: of, record }));
      })
      .sort((a, b) => b.record.delivery - a.record.delivery);
  }

  #use(topic: string): TopicRecords {
    const known = this.#byTopic.get(topic);
    if (known !== undefined) {
      known.isUsed = true;
      return known;
    }
    if (this.#byTopic.size >= MAX_RECORDED_TOPICS) {
      this.#dropTopic();
    }
    const records = new TopicRecords(topic);
    this.#byTopic.set(topic, records);
    return records;
  }

  /**
   * Drops the first of the queue that has not been used again; the others have a second turn. Moving
   * each at each use instead would cost as much as all else.
   */
  #dropTopic(): void {
    for (const [topic, records] of this.#byTopic) {
      this.#byTopic.delete(topic);
      if (!records.isUsed) {
        return;
      }
      records.isUsed = false;
      this.#byTopic.set(topic, records);
    }
  }
}

function newRecord(): Writable {
  return {
    delivery: 0,
    at: 0,
    unixMs: 0,
    bytes: 0,
    sockets: 0,
    origin: "",
    seq: 0,
    handedMs: Number.NaN,
  };
}
