/** The last few of something, in a place that does not grow. */
export class Ring<Item> {
  readonly #capacity: number;
  readonly #items: Item[] = [];
  /** Where the next one goes. */
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The one that the next push drops, to be used again; `undefined` while there is room. */
  get leaving(): Item | undefined {
    return this.#items[this.#next];
  }

  /** How many are held. */
  get size(): number {
    return this.#items.length;
  }

  push(item: Item): void {
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** All of them, the latest first. */
  newestFirst(): Item[] {
    const older = this.#items.slice(0, this.#next);
    return [...this.#items.slice(this.#next), ...older].reverse();
  }
}
