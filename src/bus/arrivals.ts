import type { ProbeWord } from "../protocol/envelope.ts";

/** How long the others are waited for, in milliseconds: somebody looks at the page meanwhile. */
const PATIENCE_MS = 2000;

/** Test events under way at a time, of our own and of the others: they are made by hand. */
const MAX_TRACES = 16;

/** An event that has been handed to sockets of a worker. */
export interface Handed {
  readonly sockets: number;
  /** How long that took from its arrival at the worker, in milliseconds on the worker's own clock. */
  readonly handedMs: number;
}

/** A node that a test event has come to. */
export interface Arrival extends Handed {
  readonly node: string;
  /**
   * How long after its publication this was known here, in milliseconds on this worker's clock: for
   * another node the way there and back. No clock is compared with another one.
   */
  readonly confirmedMs: number;
}

/** What became of a test event. */
export interface Trace {
  readonly arrivals: readonly Arrival[];
  /** Nodes that were asked and have not answered in time. */
  readonly silent: readonly string[];
  /** Whether the others could be asked at all. */
  readonly wereAsked: boolean;
}

/** What an {@link Arrivals} needs. */
export interface ArrivalsOptions {
  /** This node. */
  readonly node: string;
  /** Resolves once all that was published here before has been handed to the topic's sockets. */
  readonly handed: (topic: string) => Promise<number>;
  /** Says something to the others, behind all events; whether that was possible. */
  readonly say: (word: ProbeWord) => boolean;
  /** The other nodes that are there. */
  readonly others: () => readonly string[];
  readonly newId: () => string;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

interface Open {
  readonly startedAt: number;
  readonly arrivals: Arrival[];
  readonly missing: Set<string>;
  readonly done: () => void;
}

/**
 * Follows test events: has one published, then asks the others, behind it on the same channel, who has
 * it. Whoever is asked answers when its own sockets have been given it.
 */
export class Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #open = new Map<string, Open>();
  #answering = 0;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /**
   * Follows an event on its way.
   *
   * @param publish Publishes it; is called at once, unless too many others are followed.
   * @returns `undefined` when it was not called.
   */
  async trace(topic: string, publish: () => void): Promise<Trace | undefined> {
    if (this.#open.size >= MAX_TRACES) {
      return undefined;
    }
    const { node, say, others, newId, now } = this.#options;
    const id = newId();
    const { promise, resolve } = Promise.withResolvers<void>();
    const missing = new Set([node, ...others()]);
    const open: Open = { startedAt: now(), arrivals: [], missing, done: resolve };
    this.#open.set(id, open);
    publish();
    const wereAsked = missing.size > 1 && say({ type: "trace", id, topic });
    if (!wereAsked) {
      open.missing.clear();
      open.missing.add(node);
    }
    void this.#hand(topic).then((handed) => this.#arrived(id, node, handed));
    const patience = setTimeout(resolve, PATIENCE_MS);
    await promise;
    clearTimeout(patience);
    this.#open.delete(id);
    return { arrivals: open.arrivals, silent: [...open.missing], wereAsked };
  }

  /** Another worker has said something. */
  heard(node: string, word: ProbeWord | undefined): void {
    if (word?.type === "trace") {
      void this.#answer(word.id, word.topic);
    } else if (word?.type === "traced") {
      this.#arrived(word.id, node, word);
    }
  }

  async #answer(id: string, topic: string): Promise<void> {
    if (this.#answering >= MAX_TRACES) {
      return;
    }
    this.#answering += 1;
    const { sockets, handedMs } = await this.#hand(topic);
    this.#answering -= 1;
    this.#options.say({ type: "traced", id, sockets, handedMs });
  }

  async #hand(topic: string): Promise<Handed> {
    const { handed, now } = this.#options;
    const start = now();
    const sockets = await handed(topic);
    return { sockets, handedMs: rounded(now() - start) };
  }

  #arrived(id: string, node: string, { sockets, handedMs }: Handed): void {
    const open = this.#open.get(id);
    if (open?.missing.delete(node)) {
      const confirmedMs = rounded(this.#options.now() - open.startedAt);
      open.arrivals.push({ node, sockets, handedMs, confirmedMs });
      if (open.missing.size === 0) {
        open.done();
      }
    }
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
