import { median, sum } from "../../bench/stats.ts";

/** A value at a time, in seconds. */
export interface Point {
  readonly at: number;
  readonly value: number;
}

/** A line through points. */
export interface Fit {
  /** Growth in an hour. */
  readonly perHour: number;
  /** Standard error of that. */
  readonly error: number;
  /** The line's value at time 0. */
  readonly start: number;
  readonly mean: number;
}

const SECONDS_PER_HOUR = 3600;

/**
 * Points of a fit: neighbours in time are alike (a garbage collector's saw tooth), so each point is the
 * median of many, and what is left is nearly independent.
 */
const BLOCKS = 20;

/** The points' medians in so many sections of time; a section without points has none. */
export function blocks(points: readonly Point[], count: number = BLOCKS): Point[] {
  const first = points[0]?.at ?? 0;
  const last = points.at(-1)?.at ?? 0;
  const width = (last - first) / count || 1;
  const sections = Map.groupBy(points, ({ at }) =>
    Math.min(count - 1, Math.floor((at - first) / width)),
  );
  return [...sections.values()].map((section) => ({
    at: median(section.map(({ at }) => at)),
    value: median(section.map(({ value }) => value)),
  }));
}

/**
 * Least squares: the line that is nearest to the points, and how far its slope may be off by chance.
 * Fewer than three points have no error: it is infinite.
 */
export function fitLine(points: readonly Point[]): Fit {
  const count = points.length;
  const mean = sum(points.map(({ value }) => value)) / count;
  const middle = sum(points.map(({ at }) => at)) / count;
  const spread = sum(points.map(({ at }) => (at - middle) ** 2));
  const slope = sum(points.map(({ at, value }) => (at - middle) * (value - mean))) / spread;
  const start = mean - slope * middle;
  const residual = sum(points.map(({ at, value }) => (value - start - slope * at) ** 2));
  const error = count < 3 ? Number.POSITIVE_INFINITY : Math.sqrt(residual / (count - 2) / spread);
  return {
    perHour: slope * SECONDS_PER_HOUR,
    error: error * SECONDS_PER_HOUR,
    start,
    mean,
  };
}
