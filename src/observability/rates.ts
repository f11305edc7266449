/** Totals since the start. */
export interface Totals {
  /** Events that were published here. */
  readonly publishes: number;
  /** Frames that were handed to sockets: an event to ten sockets is ten. */
  readonly deliveries: number;
}

interface Reading extends Totals {
  readonly at: number;
}

/** How many readings are kept. */
const READINGS = 6;

/** Makes rates of totals that are read once a second. */
export class Rates {
  readonly #readings: Reading[] = [];

  /** @param at Milliseconds on a clock that never goes back. */
  add(at: number, { publishes, deliveries }: Totals): void {
    this.#readings.push({ at, publishes, deliveries });
    if (this.#readings.length > READINGS) {
      this.#readings.shift();
    }
  }

  /** Per second, over the last five: few enough to be news, enough to be read. */
  get recent(): Totals {
    const [from] = this.#readings;
    const to = this.#readings.at(-1);
    const seconds = to === undefined || from === undefined ? 0 : (to.at - from.at) / 1000;
    if (to === undefined || from === undefined || seconds <= 0) {
      return { publishes: 0, deliveries: 0 };
    }
    return {
      publishes: perSecond(to.publishes - from.publishes, seconds),
      deliveries: perSecond(to.deliveries - from.deliveries, seconds),
    };
  }
}

function perSecond(count: number, seconds: number): number {
  return Math.round((count / seconds) * 10) / 10;
}
