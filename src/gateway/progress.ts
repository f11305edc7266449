const EVENTS = 0;
const UNITS = 1;
const COUNTS = 2;

/**
 * How much one gateway thread has handed to its sockets since its start, in memory that the main
 * thread sees as well: an acknowledgement costs no message. Both counts wrap at 2³²; see
 * {@link countsBetween}.
 */
export class Progress {
  /** To be given to the other thread. */
  readonly buffer: SharedArrayBuffer;
  readonly #counts: Int32Array<SharedArrayBuffer>;

  /** @param buffer What the other thread was given; a new one otherwise. */
  constructor(buffer = new SharedArrayBuffer(COUNTS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#counts = new Int32Array(buffer);
  }

  /** One more delivery has been handed over, of so many UTF-16 units. */
  add(units: number): void {
    Atomics.add(this.#counts, EVENTS, 1);
    Atomics.add(this.#counts, UNITS, units);
  }

  /** Deliveries handed over, modulo 2³². */
  get events(): number {
    return Atomics.load(this.#counts, EVENTS);
  }

  /** UTF-16 units of them, modulo 2³². */
  get units(): number {
    return Atomics.load(this.#counts, UNITS);
  }
}

/** How far a count that wraps at 2³² has gone from `older` to `newer`. */
export function countsBetween(older: number, newer: number): number {
  return (newer - older) >>> 0;
}
