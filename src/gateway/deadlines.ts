/**
 * Things to do at a given second, for very many items: setting, clearing and finding what is due
 * cost the same however many items wait.
 *
 * Seconds come from the caller's clock. A clock that leaps (a Raspberry Pi without a clock chip
 * starts in 1970 and is set forward by decades) costs one look at each waiting second, not one at
 * each second leapt over.
 */
export class Deadlines<Item> {
  readonly #bySecond = new Map<number, Set<Item>>();
  #lastSecond: number;

  /** @param nowSecond The current whole second; what is set for it or earlier is due at the next. */
  constructor(nowSecond: number) {
    this.#lastSecond = nowSecond;
  }

  /**
   * Puts an item down for a second; one that has passed becomes the next.
   *
   * @returns The second it stands at, to clear it by.
   */
  set(item: Item, second: number): number {
    const due = Math.max(second, this.#lastSecond + 1);
    const items = this.#bySecond.get(due);
    if (items === undefined) {
      this.#bySecond.set(due, new Set([item]));
    } else {
      items.add(item);
    }
    return due;
  }

  /** Takes an item back from the second that {@link set} returned; an unknown one is ignored. */
  clear(item: Item, second: number): void {
    const items = this.#bySecond.get(second);
    if (items?.delete(item) && items.size === 0) {
      this.#bySecond.delete(second);
    }
  }

  /** Hands out, and forgets, every item whose second has come. */
  due(nowSecond: number, visit: (item: Item) => void): void {
    const first = this.#lastSecond + 1;
    // A clock set back counts on from there: what was due has been handed out and is forgotten.
    this.#lastSecond = nowSecond;
    if (nowSecond - first < this.#bySecond.size) {
      for (let second = first; second <= nowSecond; second += 1) {
        this.#visit(second, visit);
      }
      return;
    }
    const seconds = [...this.#bySecond.keys()].filter((second) => second <= nowSecond);
    for (const second of seconds.sort((a, b) => a - b)) {
      this.#visit(second, visit);
    }
  }

  #visit(second: number, visit: (item: Item) => void): void {
    const items = this.#bySecond.get(second);
    if (items === undefined) {
      return;
    }
    // Each leaves just before its visit, so that a visit can still clear those that come after it.
    for (const item of items) {
      items.delete(item);
      visit(item);
    }
    this.#bySecond.delete(second);
  }
}
