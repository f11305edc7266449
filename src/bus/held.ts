/** Messages, and UTF-16 units of them, that may be held. */
const MAX_MESSAGES = 20_000;
const MAX_UNITS = 32 * 1024 * 1024;

/**
 * Messages that came while earlier ones were not done with: bounded, since nobody knows how long
 * that takes.
 */
export class Held {
  #messages: string[] = [];
  #units = 0;
  #isOverfull = false;

  /** Holds a message; `false` when there was no room for it. */
  push(message: string): boolean {
    if (this.#messages.length >= MAX_MESSAGES || this.#units + message.length > MAX_UNITS) {
      this.#isOverfull = true;
      return false;
    }
    this.#units += message.length;
    this.#messages.push(message);
    return true;
  }

  /** Whether a message found no room since the last {@link take}. */
  get isOverfull(): boolean {
    return this.#isOverfull;
  }

  get size(): number {
    return this.#messages.length;
  }

  /** Everything held, in order; from now on there is room again. */
  take(): readonly string[] {
    const messages = this.#messages;
    this.#messages = [];
    this.#units = 0;
    this.#isOverfull = false;
    return messages;
  }
}
