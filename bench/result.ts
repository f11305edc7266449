import type { ContenderName } from "./contenders/contender.ts";
import type { Machine } from "./machine.ts";
import type { WorkerTarget } from "./options.ts";

/** A quantity's unit; values are always in the base unit named here. */
export type Unit =
  | "per-second"
  | "bytes-per-second"
  | "microseconds"
  | "milliseconds"
  | "bytes"
  | "count";

/** What came of one contender in one row. A lost message or a crash is a failure, not a figure. */
export type Cell =
  | {
      readonly kind: "measured";
      /** One per round. */
      readonly samples: readonly number[];
      /** Parts of one core that the server and the load generator used meanwhile. */
      readonly serverBusy?: readonly number[];
      readonly generatorBusy?: readonly number[];
    }
  | { readonly kind: "cannot"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string };

/** What must be reached. */
export type Goal =
  | { readonly kind: "times-yardstick"; readonly atMost?: number; readonly atLeast?: number }
  | { readonly kind: "times-every-peer"; readonly atMost?: number; readonly atLeast?: number }
  | { readonly kind: "best-of-all" }
  | { readonly kind: "worker-at-most"; readonly value: number }
  | { readonly kind: "over-yardstick-at-most"; readonly value: number };

/** One quantity, measured on all contenders. */
export interface Row {
  /** "paced-1000.cpu": the scenario and what of it. */
  readonly id: string;
  readonly what: string;
  readonly unit: Unit;
  readonly better: "less" | "more";
  /** "median" for sizes and times, "sum" for what must never happen. */
  readonly combine: "median" | "sum";
  /** What stands in the yardstick's place where that is something else: "bare Redis". */
  readonly reference?: string;
  /** Who was not run is absent. */
  readonly cells: Readonly<Partial<Record<ContenderName, Cell>>>;
  readonly goals: readonly Goal[];
}

/** How a quantity grows. */
export interface Curve {
  readonly id: string;
  readonly title: string;
  readonly x: { readonly label: string; readonly log: boolean };
  readonly y: { readonly label: string; readonly unit: Unit };
  readonly lines: readonly {
    /** A contender or a setting: "worker, 2 threads". */
    readonly name: string;
    readonly points: readonly { readonly x: number; readonly samples: readonly number[] }[];
  }[];
}

/** What came of one scenario: figures, or the error that ended it. */
export interface ScenarioResult {
  readonly name: string;
  readonly about: string;
  readonly error: string | undefined;
  readonly rows: readonly Row[];
  readonly curves: readonly Curve[];
  /** Things worth knowing beside the figures. */
  readonly notes: readonly string[];
  /** How long it took. */
  readonly seconds: number;
}

/** What came of the whole run. */
export interface Result {
  /** When it began, ISO 8601. */
  readonly at: string;
  readonly commit: string;
  /** Whether the sources were not those of the commit. */
  readonly dirty: boolean;
  readonly machine: Machine;
  readonly quick: boolean;
  readonly rounds: number;
  readonly target: WorkerTarget;
  readonly contenders: readonly {
    readonly name: ContenderName;
    readonly title: string;
    readonly version: string;
    readonly settings: string;
    /** Why it was not measured. */
    readonly missing?: string;
  }[];
  readonly scenarios: readonly ScenarioResult[];
}
