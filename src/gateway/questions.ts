import type { TopicMeta } from "../protocol/topic.ts";

/** An answer to "is this topic registered?": its meta, or `undefined` when it is not. */
export type TopicAnswer = TopicMeta | undefined;

/** From so many on, those who wait for one answer are a crowd. */
const CROWD = 64;

/** How long an answer to a crowd also serves those who come after it, in milliseconds. */
const CROWD_MS = 25;

/**
 * Questions about topics on their way to the main thread. Identical questions in flight are one:
 * after a restart, thousands of browsers ask about the same few topics in the same instant. The rest
 * of such a crowd gets the same answer at once, for a moment; a topic that is not registered is asked
 * for each time, since somebody may just be registering it.
 */
export class Questions {
  readonly #waiting = new Map<string, Waiting>();
  readonly #answered = new Map<string, { readonly meta: TopicMeta; readonly until: number }>();
  readonly #ask: (topic: string) => void;
  readonly #now: () => number;

  /** @param now Milliseconds on a clock that never goes back. */
  constructor(ask: (topic: string) => void, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  /** Asks, or joins the same question in flight. A promise settles when the main thread answers. */
  ask(topic: string): TopicMeta | Promise<TopicAnswer> {
    const answered = this.#answered.get(topic);
    if (answered !== undefined) {
      if (this.#now() < answered.until) {
        return answered.meta;
      }
      this.#answered.delete(topic);
    }
    const asked = this.#waiting.get(topic);
    if (asked !== undefined) {
      asked.count += 1;
      return asked.promise;
    }
    const question = { ...Promise.withResolvers<TopicAnswer>(), count: 1 };
    this.#waiting.set(topic, question);
    this.#ask(topic);
    return question.promise;
  }

  /** Gives everyone who waits for this topic the answer. */
  answer(topic: string, meta: TopicAnswer): void {
    const question = this.#waiting.get(topic);
    this.#waiting.delete(topic);
    if (meta !== undefined && question !== undefined && question.count >= CROWD) {
      this.#keep(topic, meta);
    }
    question?.resolve(meta);
  }

  #keep(topic: string, meta: TopicMeta): void {
    const now = this.#now();
    for (const [former, { until }] of this.#answered) {
      if (until <= now) {
        this.#answered.delete(former);
      }
    }
    this.#answered.set(topic, { meta, until: now + CROWD_MS });
  }
}

interface Waiting extends PromiseWithResolvers<TopicAnswer> {
  count: number;
}
