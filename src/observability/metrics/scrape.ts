/**
 * How long a text serves everybody who asks, in milliseconds: Prometheus asks every 15 s, and
 * whoever asks without a pause costs the worker four texts a second.
 */
const SHARED_FOR_MS = 250;

/** Makes a text at most a few times a second, however many ask for it. */
export class Scrape {
  readonly #make: () => Promise<string>;
  readonly #now: () => number;
  #text: Promise<string> | undefined;
  #madeAt = Number.NEGATIVE_INFINITY;

  /**
   * @param make Makes the text.
   * @param now Milliseconds on a clock that never goes back.
   */
  constructor(make: () => Promise<string>, now: () => number) {
    this.#make = make;
    this.#now = now;
  }

  /** The text as it was made last, or made anew. Rejects when it could not be made. */
  text(): Promise<string> {
    if (this.#text === undefined || this.#now() - this.#madeAt >= SHARED_FOR_MS) {
      this.#madeAt = this.#now();
      this.#text = this.#make();
    }
    return this.#text;
  }
}
