/**
 * The books: who has published what, who was connected, who has got it. All times are Unix times in
 * milliseconds, which all programs of this machine read from the same clock.
 */

/** An event as the PHP that published it knows it. */
export interface Published {
  readonly publisher: number;
  /** Counts the events of one publisher, from 1. */
  readonly number: number;
  readonly topic: string;
  readonly began: number;
  readonly answered: number;
  /** Of each call: 404 means that the topic was registered and the event published once more. */
  readonly statuses: readonly number[];
  /** Why the last call got no answer. */
  readonly error: string;
}

/** A browser's socket from `auth_ok` to its end. */
export interface Connection {
  readonly browser: number;
  readonly topic: string;
  readonly from: number;
  /** `undefined`: until the end. */
  to: number | undefined;
  /** Keys of the events in the order in which they came. */
  readonly got: number[];
}

/** A time in which events for other workers' browsers may wait: Redis is away. */
export interface Outage {
  readonly from: number;
  /** When every worker had joined the others again; `undefined`: not yet. */
  to: number | undefined;
}

/**
 * A browser counts as connected for an event when it was let in so long before the event was
 * published: the clocks of two programs are read at different moments.
 */
const IN_BEFORE_MS = 50;

/**
 * … and stayed so long after PHP had its answer: what is on its way to a socket that ends is nobody's
 * fault, and a machine of two cores that runs all of this may notice the end late.
 */
const STAYED_AFTER_MS = 1000;

/** … or, when Redis was away, so long after the workers had found each other again. */
const CAUGHT_UP_MS = 3000;

/** More publishers than there are. */
const PUBLISHERS = 8;

/** One number for an event, out of those that tell which it is. */
export function eventKey(publisher: number, number: number): number {
  return number * PUBLISHERS + publisher;
}

/** What the books say. */
export interface Audit {
  /** Events that a browser should have got and did not, once for each such browser. */
  readonly lost: readonly Loss[];
  /** Deliveries of an event that the same browser had already got, over whichever socket. */
  readonly doubled: readonly Doubling[];
  /** Deliveries after a later event of the same publisher, over the same socket. */
  readonly disordered: number;
  readonly deliveries: number;
  /** Deliveries that were due: a book without any says nothing. */
  readonly due: number;
}

/** An event that a browser has got once more. */
export interface Doubling {
  readonly browser: number;
  readonly publisher: number;
  readonly number: number;
}

export interface Loss {
  readonly event: Published;
  readonly connection: Connection;
}

/** Whether PHP was told that the event is accepted. */
export function isAccepted({ statuses }: Published): boolean {
  return statuses.at(-1) === 200;
}

/** Goes through the books. */
export function audit(
  published: readonly Published[],
  connections: readonly Connection[],
  outages: readonly Outage[],
): Audit {
  const events = Map.groupBy(published.filter(isAccepted), ({ topic }) => topic);
  const lost: Loss[] = [];
  let disordered = 0;
  let deliveries = 0;
  let due = 0;
  for (const connection of connections) {
    deliveries += connection.got.length;
    disordered += countDisordered(connection.got);
    const got = new Set(connection.got);
    for (const event of events.get(connection.topic) ?? []) {
      if (isDue(event, connection, outages)) {
        due += 1;
        if (!got.has(eventKey(event.publisher, event.number))) {
          lost.push({ event, connection });
        }
      }
    }
  }
  return { lost, doubled: findDoubled(connections), disordered, deliveries, due };
}

/** Whether the browser was connected throughout. */
function isDue(event: Published, { from, to }: Connection, outages: readonly Outage[]): boolean {
  if (from + IN_BEFORE_MS > event.began) {
    return false;
  }
  return to === undefined || to >= deadline(event, outages);
}

/** Until when an event may arrive. */
function deadline(event: Published, outages: readonly Outage[]): number {
  const usual = event.answered + STAYED_AFTER_MS;
  return outages
    .filter(({ from, to }) => {
      // What was published right before may have been on its way.
      return event.answered >= from - STAYED_AFTER_MS && (to === undefined || event.began <= to);
    })
    .reduce((latest, { to = Infinity }) => Math.max(latest, to + CAUGHT_UP_MS), usual);
}

function countDisordered(got: readonly number[]): number {
  const latest = new Map<number, number>();
  let disordered = 0;
  for (const key of got) {
    const publisher = key % PUBLISHERS;
    const before = latest.get(publisher) ?? 0;
    disordered += key < before ? 1 : 0;
    latest.set(publisher, Math.max(before, key));
  }
  return disordered;
}

function findDoubled(connections: readonly Connection[]): Doubling[] {
  const doubled: Doubling[] = [];
  for (const [browser, own] of Map.groupBy(connections, (one) => one.browser)) {
    const seen = new Set<number>();
    for (const key of own.flatMap(({ got }) => got)) {
      if (seen.has(key)) {
        const publisher = key % PUBLISHERS;
        doubled.push({ browser, publisher, number: (key - publisher) / PUBLISHERS });
      }
      seen.add(key);
    }
  }
  return doubled;
}
