/**
 * Who leaves when, while a worker drains: everybody once, in random order, spread evenly over a
 * time, so that those who take them in are not stormed.
 */
export class DrainPlan<Item> {
  readonly #items: readonly Item[];
  readonly #startMs: number;
  readonly #spreadMs: number;
  #taken = 0;

  /**
   * @param spreadMs How long it takes from the first to the last, in milliseconds.
   * @param random A number from 0 (included) to 1.
   */
  constructor(items: Iterable<Item>, startMs: number, spreadMs: number, random: () => number) {
    this.#items = shuffled(items, random);
    this.#startMs = startMs;
    this.#spreadMs = spreadMs;
  }

  /** Whether everybody's turn has come. */
  get isDone(): boolean {
    return this.#taken === this.#items.length;
  }

  /** Those whose turn has come since the last call. */
  due(nowMs: number): readonly Item[] {
    const count = this.#items.length;
    const share = this.#spreadMs === 0 ? 1 : (nowMs - this.#startMs) / this.#spreadMs;
    // The first at the beginning, the last a step before the end.
    const end = Math.min(count, Math.floor(share * count) + 1);
    const due = this.#items.slice(this.#taken, end);
    this.#taken = Math.max(this.#taken, end);
    return due;
  }
}

/** A copy in random order (Fisher and Yates). */
function shuffled<Item>(items: Iterable<Item>, random: () => number): Item[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [a, b] = [order[last], order[other]];
    if (a !== undefined && b !== undefined) {
      order[last] = b;
      order[other] = a;
    }
  }
  return order;
}
