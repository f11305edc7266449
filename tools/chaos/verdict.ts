import { type Audit, isAccepted, type Published } from "./ledger.ts";
import type { Usage } from "./resources.ts";
import { clockText } from "./script.ts";
import type { Away } from "./stage.ts";

/** What a run has seen. */
export interface Seen {
  /** When the script began: Unix time in milliseconds. */
  readonly start: number;
  readonly audit: Audit;
  readonly published: readonly Published[];
  /** The publisher at the single worker. */
  readonly singlePublisher: number;
  readonly aways: readonly Away[];
  readonly browsers: number;
  /** Why, for each that gave up. */
  readonly givenUp: readonly string[];
  readonly absences: readonly number[];
  /** Ends of workers that the script has not brought about, in words. */
  readonly ends: readonly string[];
  /** How busy the machine was with all that runs on it, in words: a late answer may be its doing. */
  readonly load: string;
  readonly before: readonly Usage[];
  readonly after: readonly Usage[];
}

/** A line of the table. */
export interface Row {
  readonly what: string;
  readonly seen: string;
  /** What it must be; nothing when it is told for information. */
  readonly must?: string;
  readonly isBroken: boolean;
  /** What to look at when it is broken. */
  readonly details: readonly string[];
}

/** Longest absence that 99 of 100 may have, in milliseconds (issue: p99 at most 2.5 s). */
const ABSENCE_P99_MS = 2500;

/**
 * Open files beside browsers' sockets that a worker may have more in the end than in the beginning:
 * calls of PHP and of this program that are under way.
 */
const FILES_MARGIN = 6;

/**
 * Resident memory that a worker may have more in the end than in the beginning, in bytes: its garbage
 * collector has no reason to tidy up, and the faults fill it; a leak of a KiB for each of the thousands
 * of sockets of strangers would be more. What grows slowly is found by `make soak`.
 */
const MEMORY_MARGIN = 48 * 2 ** 20;

/** Reading clocks of two programs, in milliseconds. */
const CLOCK_MARGIN_MS = 50;

/** Details that are shown of a broken rule. */
const MAX_DETAILS = 8;

/** The value below which so much of all values are (nearest rank); 0 when there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** Goes through what was seen, rule by rule. */
export function judge(seen: Seen): Row[] {
  const { audit, published, absences, givenUp, ends, before, after } = seen;
  const { refused, awayRefused } = refusals(seen);
  const accepted = published.filter(isAccepted).length;
  const forgotten = published.filter(({ statuses }) => statuses[0] === 404);
  const p99 = quantile(absences, 0.99);
  const longest = published.reduce(
    (max, { began, answered }) => Math.max(max, answered - began),
    0,
  );
  return [
    none("browsers that gave up", givenUp, seen.browsers),
    none(
      "publishes not answered 200",
      refused.map((event) => refusalText(event, seen.start)),
      accepted + refused.length,
    ),
    none(
      "topics forgotten (PHP was told 404)",
      forgotten.map((event) => eventText(event, seen.start)),
      published.length,
    ),
    none(
      "events lost by connected browsers",
      audit.lost.map((loss) => lossText(loss, seen.start)),
      audit.due,
    ),
    none("delivered twice", audit.doubled.map(doublingText), audit.deliveries),
    {
      what: "absence of a browser, p99",
      seen: `${seconds(p99)}, longest ${seconds(Math.max(0, ...absences))}, of ${count(absences.length)}`,
      must: `≤ ${seconds(ABSENCE_P99_MS)}`,
      isBroken: p99 > ABSENCE_P99_MS || absences.length === 0,
      details: [],
    },
    none("workers that ended by themselves", ends),
    growth("open files beside sockets", before, after, FILES_MARGIN, {
      of: ({ files, sockets }) => files - sockets,
      text: String,
    }),
    growth("memory", before, after, MEMORY_MARGIN, {
      of: ({ bytes }) => bytes,
      text: (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`,
    }),
    told("longest publish", `${longest.toFixed(0)} ms`),
    told("delivered out of order", count(audit.disordered)),
    told("load of the machine in the end", seen.load),
    told("publishes refused while the single worker was away", count(awayRefused)),
  ];
}

/** Publishes that failed: those that the single worker was not there for, and all others. */
function refusals({ published, singlePublisher, aways }: Seen) {
  const failed = published.filter((event) => !isAccepted(event));
  const isAway = ({ publisher, began, answered }: Published): boolean =>
    publisher === singlePublisher &&
    aways.some(({ from, to }) => answered >= from && began <= to + CLOCK_MARGIN_MS);
  const refused = failed.filter((event) => !isAway(event));
  return { refused, awayRefused: failed.length - refused.length };
}

function eventText({ publisher, number, topic, began }: Published, start: number): string {
  return `${clockText(began - start)} event ${number} of PHP ${publisher + 1} (${topic})`;
}

function refusalText(event: Published, start: number): string {
  const took = (event.answered - event.began).toFixed(0);
  return `${eventText(event, start)}: ${event.statuses.join(", ")} ${event.error} after ${took} ms`;
}

function lossText({ event, connection }: Audit["lost"][number], start: number): string {
  const { browser, from, to } = connection;
  const until = to === undefined ? "the end" : clockText(to - start);
  return `${eventText(event, start)}: browser ${browser}, there from ${clockText(from - start)} to ${until}`;
}

function doublingText({ browser, publisher, number }: Audit["doubled"][number]): string {
  return `event ${number} of PHP ${publisher + 1}: browser ${browser}`;
}

/** Something of which there must be none; of nothing at all says nothing. */
function none(what: string, cases: readonly string[], of?: number): Row {
  return {
    what,
    seen: of === undefined ? count(cases.length) : `${count(cases.length)} of ${count(of)}`,
    must: "0",
    isBroken: cases.length > 0 || of === 0,
    details: cases.slice(0, MAX_DETAILS),
  };
}

function told(what: string, seen: string): Row {
  return { what, seen, isBroken: false, details: [] };
}

/** Compares each worker with what the same was in the beginning. */
function growth(
  what: string,
  before: readonly Usage[],
  after: readonly Usage[],
  margin: number,
  { of, text }: { of: (usage: Usage) => number; text: (value: number) => string },
): Row {
  const pairs = before.map((usage, index) => {
    const later = after[index] ?? usage;
    return { name: usage.name, from: of(usage), to: of(later) };
  });
  const grown = pairs.filter(({ from, to }) => to > from + margin);
  return {
    what: `${what}, before → after`,
    seen: pairs.map(({ from, to }) => `${text(from)} → ${text(to)}`).join(", "),
    must: `growth ≤ ${text(margin)}`,
    isBroken: grown.length > 0 || pairs.length === 0,
    details: grown.map(({ name, from, to }) => `${name}: ${text(from)} → ${text(to)}`),
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function count(number: number): string {
  return number.toLocaleString("en");
}
