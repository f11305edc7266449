const EVENTS = 0;
const UNITS = 1;
const COUNTS = 2;

/**
 * Deliveries of which it is remembered when they were handed over: more than may wait by default
 * (`max_queued_events`). A power of two, so that places follow each other when a count wraps.
 */
export const REMEMBERED = 16_384;
const TIMES_BYTES = REMEMBERED * Float64Array.BYTES_PER_ELEMENT;

/**
 * How much one gateway thread has handed to its sockets since its start, and when, in memory that
 * the main thread sees as well: an acknowledgement costs no message. Both counts wrap at 2³²; see
 * {@link countsBetween}.
 */
export class Progress {
  /** To be given to the other thread. */
  readonly buffer: SharedArrayBuffer;
  readonly #counts: Int32Array<SharedArrayBuffer>;
  /** When each of the last deliveries was handed over, by its count. */
  readonly #times: Float64Array<SharedArrayBuffer>;

  /** @param buffer What the other thread was given; a new one otherwise. */
  constructor(buffer = new SharedArrayBuffer(TIMES_BYTES + COUNTS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#times = new Float64Array(buffer, 0, REMEMBERED);
    this.#counts = new Int32Array(buffer, TIMES_BYTES, COUNTS);
  }

  /**
   * One more delivery has been handed over, of so many UTF-16 units. One thread alone calls this.
   *
   * @param at The time, in milliseconds on the main thread's clock.
   */
  add(units: number, at: number): void {
    // Its time first: who sees the count finds the time.
    this.#times[place(this.events + 1)] = at;
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

  /**
   * When a delivery was handed over, in milliseconds on the main thread's clock; `undefined` when it
   * has not been, or is forgotten.
   *
   * @param event Its count, from 1, modulo 2³².
   */
  handedAt(event: number): number | undefined {
    const at = this.#times[place(event)];
    // Looked at afterwards: what the other thread is about to write over is not believed.
    return countsBetween(event, this.events) < REMEMBERED - 1 ? at : undefined;
  }
}

/** How far a count that wraps at 2³² has gone from `older` to `newer`. */
export function countsBetween(older: number, newer: number): number {
  return (newer - older) >>> 0;
}

function place(event: number): number {
  return event & (REMEMBERED - 1);
}
