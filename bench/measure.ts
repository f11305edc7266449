import { median, sum } from "./stats.ts";

/** A quantity's unit: how it is scaled and shown. Values are always in the base unit named here. */
export type Unit = "per-second" | "microseconds" | "milliseconds" | "bytes" | "count";

/** What must be reached. */
export type Goal =
  | { readonly kind: "at-least-times-yardstick"; readonly value: number }
  | { readonly kind: "at-most-times-yardstick"; readonly value: number }
  | { readonly kind: "worker-at-most"; readonly value: number }
  /** In the measure's own unit. */
  | { readonly kind: "at-most-over-yardstick"; readonly value: number };

/** One quantity, measured on both servers, a sample per round. */
export interface Measure {
  readonly what: string;
  readonly unit: Unit;
  /** "median" for sizes and times, "sum" for what must never happen. */
  readonly combine: "median" | "sum";
  readonly goal: Goal;
  readonly worker: readonly number[];
  readonly yardstick: readonly number[];
}

/** A measure's result. */
export interface Verdict {
  readonly worker: number;
  readonly yardstick: number;
  /** Worker by yardstick; NaN when the yardstick's is 0. */
  readonly ratio: number;
  readonly reached: boolean;
}

function reached(goal: Goal, worker: number, yardstick: number): boolean {
  const ratio = worker / yardstick;
  switch (goal.kind) {
    case "at-least-times-yardstick":
      return ratio >= goal.value;
    case "at-most-times-yardstick":
      return ratio <= goal.value;
    case "worker-at-most":
      return worker <= goal.value;
    case "at-most-over-yardstick":
      return worker - yardstick <= goal.value;
  }
}

/** Combines the rounds and compares. A measure without samples has reached nothing. */
export function judge(measure: Measure): Verdict {
  const combine = measure.combine === "median" ? median : sum;
  const worker = combine(measure.worker);
  const yardstick = combine(measure.yardstick);
  const ratio = yardstick === 0 ? Number.NaN : worker / yardstick;
  const measured = measure.worker.length > 0 && measure.yardstick.length > 0;
  return {
    worker,
    yardstick,
    ratio,
    reached: measured && reached(measure.goal, worker, yardstick),
  };
}
