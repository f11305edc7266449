/** Label names and their values, as Prometheus knows a time series by them. */
export type Labels = Readonly<Record<string, string>>;

/** The kind, where there is one, that counts whatever is of no other. */
export const OTHER = "other";

/**
 * Counts by kinds that are all known beforehand, so that nobody outside can make a new time series:
 * what is of no known kind is counted as {@link OTHER}, or not at all. Every kind is there from the
 * start, with nought.
 */
export class Tally {
  readonly #rows: ReadonlyMap<string, { readonly labels: Labels; count: number }>;

  /** @param rows The labels of each kind. */
  constructor(rows: ReadonlyMap<string, Labels>) {
    const all = [...rows].map(([kind, labels]) => [kind, { labels, count: 0 }] as const);
    this.#rows = new Map(all);
  }

  add(kind: string, by: number = 1): void {
    const row = this.#rows.get(kind) ?? this.#rows.get(OTHER);
    if (row !== undefined) {
      row.count += by;
    }
  }

  /** Every kind's labels and count. */
  rows(): Iterable<{ readonly labels: Labels; readonly count: number }> {
    return this.#rows.values();
  }
}

/** Kinds that differ in one label. */
export function kindsOf(label: string, kinds: readonly string[]): ReadonlyMap<string, Labels> {
  return new Map(kinds.map((kind) => [kind, { [label]: kind }]));
}

/** A name of the code's tables as a label's value: `topicNotRegistered`, `topic_not_registered`. */
export function labelValue(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
