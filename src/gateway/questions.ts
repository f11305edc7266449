import type { TopicMeta } from "../protocol/topic.ts";

/** An answer to "is this topic registered?": its meta, or `undefined` when it is not. */
export type TopicAnswer = TopicMeta | undefined;

/** From so many on, those who wait for one answer are a crowd. */
const CROWD = 64;

/**
 * How old an answer to a crowd may be, in milliseconds, when it serves those who come after it. What
 * counts is its age at the beginning of the loop's turn: no message reaches this thread within a turn,
 * and one in which thousands come takes 50 to 200 ms. From an answer to the next such turn some 50 ms
 * pass in a storm (docs/decisions/0011-where-a-storm-spends-its-time.md).
 */
const CROWD_MS = 100;

/** What {@link Questions} needs. */
export interface QuestionsOptions {
  /** Asks the main thread. */
  readonly ask: (topic: string) => void;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Runs something once the current turn of the loop is over. */
  readonly defer: (next: () => void) => void;
}

/**
 * Questions about topics on their way to the main thread. Identical questions in flight are one:
 * after a restart, thousands of browsers ask about the same few topics in the same instant. The rest
 * of such a crowd gets the same answer at once, and as long as the crowd is one, the main thread is
 * asked again in time for the next turn; a topic that is not registered is asked for each time, since
 * somebody may just be registering it.
 */
export class Questions {
  readonly #waiting = new Map<string, Waiting>();
  readonly #kept = new Map<string, Kept>();
  readonly #options: QuestionsOptions;
  /** The first look at the clock in this turn of the loop; `undefined` when there was none. */
  #turnAt: number | undefined = undefined;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /** Asks, or joins the same question in flight. A promise settles when the main thread answers. */
  ask(topic: string): TopicMeta | Promise<TopicAnswer> {
    const kept = this.#kept.get(topic);
    if (kept !== undefined) {
      if (this.#turn() < kept.until) {
        kept.served += 1;
        if (kept.served === CROWD) {
          this.#question(topic).count += CROWD;
        }
        return kept.meta;
      }
      this.#kept.delete(topic);
    }
    const question = this.#question(topic);
    question.count += 1;
    return question.promise;
  }

  /** Gives everyone who waits for this topic the answer. */
  answer(topic: string, meta: TopicAnswer): void {
    const question = this.#waiting.get(topic);
    this.#waiting.delete(topic);
    if (meta === undefined) {
      this.#kept.delete(topic);
    } else if (question !== undefined && question.count >= CROWD) {
      this.#keep(topic, meta);
    }
    question?.resolve(meta);
  }

  /** The question in flight about a topic; it is asked when there is none. */
  #question(topic: string): Waiting {
    const inFlight = this.#waiting.get(topic);
    if (inFlight !== undefined) {
      return inFlight;
    }
    const question = { ...Promise.withResolvers<TopicAnswer>(), count: 0 };
    this.#waiting.set(topic, question);
    this.#options.ask(topic);
    return question;
  }

  #keep(topic: string, meta: TopicMeta): void {
    const now = this.#options.now();
    for (const [former, { until }] of this.#kept) {
      if (until <= now) {
        this.#kept.delete(former);
      }
    }
    this.#kept.set(topic, { meta, until: now + CROWD_MS, served: 0 });
  }

  /** When this turn of the loop began, as far as anybody has looked. */
  #turn(): number {
    if (this.#turnAt === undefined) {
      this.#turnAt = this.#options.now();
      this.#options.defer(() => {
        this.#turnAt = undefined;
      });
    }
    return this.#turnAt;
  }
}

interface Waiting extends PromiseWithResolvers<TopicAnswer> {
  /** How many it is asked for. */
  count: number;
}

/** A crowd's answer. */
interface Kept {
  readonly meta: TopicMeta;
  /** Until when it serves, on the clock. */
  readonly until: number;
  /** How many it has served. */
  served: number;
}
