/** How bad an incident is: `error` needs somebody, `warning` may, `info` is good to know. */
export const INCIDENT_LEVELS = ["info", "warning", "error"] as const;

/** One of {@link INCIDENT_LEVELS}. */
export type IncidentLevel = (typeof INCIDENT_LEVELS)[number];

/** Something that happened to a worker, in words for whoever runs it. Plain data: it is sent about. */
export interface Incident {
  /** What it is about, the same for all of its kind: `redis`, `overload`, … */
  readonly kind: string;
  /** The worker it happened to, which need not be the one that tells. */
  readonly node: string;
  readonly level: IncidentLevel;
  /** What goes on or what went on, to be read after the node's name: `lost Redis for 12 s; …`. */
  readonly text: string;
  /** What to do about it; "" for nothing. */
  readonly advice: string;
  /** When it began, ISO 8601. */
  readonly since: string;
  /** When it was over; `null` while it lasts. */
  readonly until: string | null;
}

/** Longest text and advice that are read, in UTF-16 units; ours stay well below. */
const MAX_TEXT = 600;
const MAX_NAME = 64;

/** Reads what claims to be an incident, of the known fields alone; `undefined` when it is none. */
export function readIncident(value: unknown): Incident | undefined {
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  const { kind, node, level, text, advice, since, until }: Partial<Record<string, unknown>> = {
    ...value,
  };
  const known = INCIDENT_LEVELS.find((one) => one === level);
  return known !== undefined &&
    isText(kind, MAX_NAME) &&
    isText(node, MAX_NAME) &&
    isText(text, MAX_TEXT) &&
    isText(advice, MAX_TEXT) &&
    isTime(since) &&
    (until === null || isTime(until))
    ? { kind, node, level: known, text, advice, since, until }
    : undefined;
}

function isText(value: unknown, most: number): value is string {
  return typeof value === "string" && value.length <= most;
}

/** An instant as `toISOString` writes it. */
function isTime(value: unknown): value is string {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(value);
}
