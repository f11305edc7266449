import type { QueueSize } from "./throttle.ts";

/**
 * Deliveries, or UTF-16 units of them, after which the pace is measured again, if it is not being
 * measured at this moment: often enough to notice a flood while it comes.
 */
const MEASURE_EVENTS = 256;
const MEASURE_UNITS = 128 * 1024;

/** How much of the former pace is kept when it is measured anew. */
const INERTIA = 0.5;

/**
 * How fast a gateway thread hands deliveries to its sockets. It is measured by marks that travel
 * with the deliveries: how long one took, and what was ahead of it.
 */
export class Pace {
  /** Events and units per millisecond; unknown at first. */
  #perMs: QueueSize | undefined;
  #lagMs = 0;
  #mark: { readonly at: number; readonly ahead: QueueSize } | undefined;
  #sinceMark = { events: 0, units: 0 };

  /** How long the latest mark took, or the one on its way has taken if that is more. */
  lagMs(now: number): number {
    return Math.max(this.#lagMs, this.#mark === undefined ? 0 : now - this.#mark.at);
  }

  /** How much is handed over in so many milliseconds; nothing while the pace is unknown. */
  within(ms: number): QueueSize {
    const { events, units } = this.#perMs ?? { events: 0, units: 0 };
    return { events: events * ms, units: units * ms };
  }

  /** Counts a delivery; whether it is time to send a mark. */
  count(units: number): boolean {
    const since = this.#sinceMark;
    since.events += 1;
    since.units += units;
    const isTime = since.events >= MEASURE_EVENTS || since.units >= MEASURE_UNITS;
    return isTime && this.#mark === undefined;
  }

  /** A mark is sent behind so much; `false` when one is on its way, and none may be sent. */
  sent(now: number, ahead: QueueSize): boolean {
    if (this.#mark !== undefined) {
      return false;
    }
    this.#mark = { at: now, ahead };
    this.#sinceMark = { events: 0, units: 0 };
    return true;
  }

  /** The mark has come back; how long it took, in milliseconds. */
  reached(now: number): number | undefined {
    if (this.#mark === undefined) {
      return undefined;
    }
    const { at, ahead } = this.#mark;
    this.#mark = undefined;
    this.#lagMs = now - at;
    // Behind little, the way itself is measured and not the pace.
    if (ahead.events >= MEASURE_EVENTS / 2 || ahead.units >= MEASURE_UNITS / 2) {
      const ms = Math.max(this.#lagMs, 1);
      const former = this.#perMs ?? { events: ahead.events / ms, units: ahead.units / ms };
      this.#perMs = {
        events: mix(former.events, ahead.events / ms),
        units: mix(former.units, ahead.units / ms),
      };
    }
    return this.#lagMs;
  }
}

function mix(former: number, latest: number): number {
  return former * INERTIA + latest * (1 - INERTIA);
}
