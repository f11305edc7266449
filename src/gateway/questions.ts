import type { TopicMeta } from "../protocol/topic.ts";

/** An answer to "is this topic registered?": its meta, or `undefined` when it is not. */
export type TopicAnswer = TopicMeta | undefined;

/**
 * Questions about topics on their way to the main thread. Identical questions in flight are one:
 * after a restart, thousands of browsers ask about the same few topics in the same instant.
 */
export class Questions {
  readonly #waiting = new Map<string, PromiseWithResolvers<TopicAnswer>>();
  readonly #ask: (topic: string) => void;

  constructor(ask: (topic: string) => void) {
    this.#ask = ask;
  }

  /** Asks, or joins the same question in flight. Settles when the main thread answers. */
  ask(topic: string): Promise<TopicAnswer> {
    const asked = this.#waiting.get(topic);
    if (asked !== undefined) {
      return asked.promise;
    }
    const question = Promise.withResolvers<TopicAnswer>();
    this.#waiting.set(topic, question);
    this.#ask(topic);
    return question.promise;
  }

  /** Gives everyone who waits for this topic the answer. */
  answer(topic: string, meta: TopicAnswer): void {
    const question = this.#waiting.get(topic);
    this.#waiting.delete(topic);
    question?.resolve(meta);
  }
}
