/** How much of the past is kept, in seconds: ten minutes, a reading each second. */
export const HISTORY_SECONDS = 600;

/** Nodes whose past is kept; a cluster has a handful. */
const MAX_NODES = 12;

/** What is kept of a node, each second. */
export const FIGURES = ["sockets", "publishes", "deliveries", "lag", "redis"] as const;

/** One of {@link FIGURES}. */
export type FigureName = (typeof FIGURES)[number];

/** A node's figures at one moment; `null` for what is not known. */
export type Figures = Readonly<Record<FigureName, number | null>>;

/** The past as charts take it: of each node a column for each figure, as long as `times`. */
export interface HistoryColumns {
  /** Unix seconds, rising. */
  readonly times: readonly number[];
  readonly nodes: readonly {
    readonly node: string;
    readonly columns: Readonly<Record<FigureName, readonly (number | null)[]>>;
  }[];
}

type Columns = Readonly<Record<FigureName, Float32Array>>;

/** The figures of the last ten minutes, of this node and of the others, in a ring of fixed size. */
export class History {
  readonly #times = new Float64Array(HISTORY_SECONDS);
  readonly #nodes = new Map<string, Columns>();
  /** How many readings there were in all. */
  #count = 0;

  /** Adds the reading of a second. A node that is not in it has no figures then. */
  add(unixSeconds: number, figures: ReadonlyMap<string, Figures>): void {
    const slot = this.#count % HISTORY_SECONDS;
    this.#times[slot] = unixSeconds;
    this.#count += 1;
    for (const [node, columns] of this.#nodes) {
      write(columns, slot, figures.get(node));
      if (columns.sockets.every(Number.isNaN)) {
        this.#nodes.delete(node);
      }
    }
    for (const [node, reading] of figures) {
      if (!this.#nodes.has(node) && this.#nodes.size < MAX_NODES) {
        const columns = makeColumns();
        write(columns, slot, reading);
        this.#nodes.set(node, columns);
      }
    }
  }

  /** All of it, the oldest first. */
  columns(): HistoryColumns {
    const length = Math.min(this.#count, HISTORY_SECONDS);
    const slots = Array.from(
      { length },
      (_, index) => (this.#count - length + index) % HISTORY_SECONDS,
    );
    const read = (column: Float32Array): (number | null)[] =>
      slots.map((slot) => {
        const value = column[slot] ?? Number.NaN;
        return Number.isNaN(value) ? null : Math.round(value * 100) / 100;
      });
    return {
      times: slots.map((slot) => this.#times[slot] ?? 0),
      nodes: [...this.#nodes].map(([node, columns]) => ({
        node,
        columns: eachFigure((name) => read(columns[name])),
      })),
    };
  }
}

function makeColumns(): Columns {
  return eachFigure(() => new Float32Array(HISTORY_SECONDS).fill(Number.NaN));
}

function write(columns: Columns, slot: number, figures: Figures | undefined): void {
  for (const name of FIGURES) {
    columns[name][slot] = figures?.[name] ?? Number.NaN;
  }
}

function eachFigure<Value>(make: (name: FigureName) => Value): Record<FigureName, Value> {
  return {
    sockets: make("sockets"),
    publishes: make("publishes"),
    deliveries: make("deliveries"),
    lag: make("lag"),
    redis: make("redis"),
  };
}
