import { median, sum } from "../stats.ts";
import { quantity, times } from "./quantity.ts";
import {
  type Cell,
  CONTENDER_NAMES,
  type ContenderName,
  type Goal,
  PEER_NAMES,
  type PeerName,
  type Result,
  type Row,
} from "./types.ts";

/** From this part of a core on, the generator and not the server may have set the pace. */
export const GENERATOR_BUSY = 0.9;

/** A cell's rounds, combined. */
export type Combined =
  | {
      readonly kind: "measured";
      /** Median or sum, in the row's unit. */
      readonly value: number;
      readonly least: number;
      readonly most: number;
      readonly rounds: number;
      /** Parts of one core, medians; undefined when nobody looked. */
      readonly serverBusy: number | undefined;
      readonly generatorBusy: number | undefined;
      /** This contender by the yardstick; undefined when there is nothing to divide by. */
      readonly byYardstick: number | undefined;
      /** The worker by this contender; undefined when there is nothing to divide. */
      readonly workerByThis: number | undefined;
    }
  | { readonly kind: "cannot" | "failed"; readonly why: string };

/** What one contender reached in one row. */
export interface Standing {
  readonly name: ContenderName;
  readonly cell: Combined;
}

/** "open": nobody to compare with was measured, so nothing is shown either way. */
export type Outcome = "reached" | "missed" | "open";

/** What became of one goal. */
export interface GoalVerdict {
  readonly goal: Goal;
  readonly outcome: Outcome;
  /** In words, with the figure. Where there is a worst peer, its name belongs behind: "12.3 ×". */
  readonly why: string;
  /** The peer that comes closest, or beats the worker. */
  readonly worst: PeerName | undefined;
  /** Peers without a number here; being absent, unable or broken does not make them beaten. */
  readonly uncounted: readonly { readonly name: PeerName; readonly why: string }[];
}

/** A row with everything that follows from its samples. */
export interface RowVerdict {
  readonly row: Row;
  /** Those who were run, in the order of tables. */
  readonly standings: readonly Standing[];
  readonly goals: readonly GoalVerdict[];
}

/** One number out of a cell's samples; undefined when it was not measured. */
export function combined(row: Row, cell: Cell | undefined): number | undefined {
  if (cell?.kind !== "measured") return undefined;
  return row.combine === "median" ? median(cell.samples) : sum(cell.samples);
}

function divide(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined || b === 0 ? undefined : a / b;
}

function combine(row: Row, cell: Cell): Combined {
  if (cell.kind !== "measured") return cell;
  const value = combined(row, cell) ?? Number.NaN;
  return {
    kind: "measured",
    value,
    least: Math.min(...cell.samples),
    most: Math.max(...cell.samples),
    rounds: cell.samples.length,
    serverBusy: cell.serverBusy && median(cell.serverBusy),
    generatorBusy: cell.generatorBusy && median(cell.generatorBusy),
    byYardstick: divide(value, combined(row, row.cells.yardstick)),
    workerByThis: divide(combined(row, row.cells.worker), value),
  };
}

function absence(cell: Cell | undefined): string | undefined {
  if (cell === undefined) return "was not run";
  if (cell.kind === "cannot") return `cannot: ${cell.why}`;
  if (cell.kind === "failed") return `failed: ${cell.why}`;
  return undefined;
}

interface Limits {
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Multiplies rather than divides, so that a rival's 0 is as good a number as any. */
function keeps(limits: Limits, worker: number, other: number): boolean {
  if (limits.atMost !== undefined && worker > limits.atMost * other) return false;
  if (limits.atLeast === undefined) return true;
  // Any multiple of nothing would be reached by nothing.
  return worker > 0 && worker >= limits.atLeast * other;
}

/** To be followed by the other's name. */
function compared(row: Row, worker: number, other: number): string {
  const ratio = divide(worker, other);
  if (ratio !== undefined) return times(ratio);
  return `${quantity(worker, row.unit)} beside ${quantity(other, row.unit)} of`;
}

interface Measured {
  readonly name: PeerName;
  readonly value: number;
}

function measuredPeers(row: Row): Measured[] {
  return PEER_NAMES.flatMap((name) => {
    const value = combined(row, row.cells[name]);
    return value === undefined ? [] : [{ name, value }];
  });
}

function strongest(row: Row, peers: readonly Measured[]): Measured | undefined {
  return peers.toSorted((a, b) =>
    row.better === "less" ? a.value - b.value : b.value - a.value,
  )[0];
}

function againstPeers(row: Row, goal: Goal, worker: number, keepsTo: (peer: number) => boolean) {
  const peers = measuredPeers(row);
  const best = strongest(row, peers);
  if (best === undefined) {
    return { goal, outcome: "open", why: "no peer has a number here", worst: undefined } as const;
  }
  const worst = peers.every(({ value }) => keepsTo(value))
    ? best
    : (strongest(
        row,
        peers.filter(({ value }) => !keepsTo(value)),
      ) ?? best);
  return {
    goal,
    outcome: keepsTo(worst.value) ? "reached" : "missed",
    why: compared(row, worker, worst.value),
    worst: worst.name,
  } as const;
}

function againstYardstick(
  row: Row,
  goal: Goal,
  keepsTo: (yardstick: number) => boolean,
  say: (yardstick: number) => string,
) {
  const name = row.reference ?? "yardstick";
  const yardstick = combined(row, row.cells.yardstick);
  if (yardstick === undefined) {
    const why = `${name} ${absence(row.cells.yardstick)}`;
    // Left out on purpose, it shows nothing; broken, it must not pass for a goal reached.
    const outcome = row.cells.yardstick === undefined ? "open" : "missed";
    return { goal, outcome, why, worst: undefined } as const;
  }
  const outcome = keepsTo(yardstick) ? "reached" : "missed";
  return { goal, outcome, why: say(yardstick), worst: undefined } as const;
}

function judgeMeasured(row: Row, goal: Goal, worker: number): Omit<GoalVerdict, "uncounted"> {
  switch (goal.kind) {
    case "times-yardstick":
      return againstYardstick(
        row,
        goal,
        (yardstick) => keeps(goal, worker, yardstick),
        (yardstick) => `${compared(row, worker, yardstick)} ${row.reference ?? "yardstick"}`,
      );
    case "over-yardstick-at-most":
      return againstYardstick(
        row,
        goal,
        (yardstick) => worker - yardstick <= goal.value,
        (yardstick) => {
          const more = worker - yardstick;
          const name = row.reference ?? "yardstick";
          const word = more < 0 ? "less" : "more";
          return `${quantity(Math.abs(more), row.unit)} ${word} than ${name}`;
        },
      );
    case "times-every-peer":
      return againstPeers(row, goal, worker, (peer) => keeps(goal, worker, peer));
    case "best-of-all":
      return againstPeers(row, goal, worker, (peer) =>
        row.better === "less" ? worker < peer : worker > peer,
      );
    case "worker-at-most":
      return {
        goal,
        outcome: worker <= goal.value ? "reached" : "missed",
        why: quantity(worker, row.unit),
        worst: undefined,
      };
  }
}

function isAboutPeers(goal: Goal): boolean {
  return goal.kind === "times-every-peer" || goal.kind === "best-of-all";
}

function judgeGoal(row: Row, goal: Goal): GoalVerdict {
  const uncounted = isAboutPeers(goal)
    ? PEER_NAMES.flatMap((name) => {
        const why = absence(row.cells[name]);
        return why === undefined ? [] : [{ name, why }];
      })
    : [];
  const worker = combined(row, row.cells.worker);
  if (worker !== undefined) return { ...judgeMeasured(row, goal, worker), uncounted };
  const outcome = row.cells.worker === undefined ? "open" : "missed";
  const why = `the worker ${absence(row.cells.worker)}`;
  return { goal, outcome, why, worst: undefined, uncounted };
}

/** Combines a row's rounds, compares the contenders, and says what became of its goals. */
export function judge(row: Row): RowVerdict {
  return {
    row,
    standings: CONTENDER_NAMES.flatMap((name) => {
      const cell = row.cells[name];
      return cell === undefined ? [] : [{ name, cell: combine(row, cell) }];
    }),
    goals: row.goals.map((goal) => judgeGoal(row, goal)),
  };
}

/** How many goals there are, and what became of them. */
export interface Tally {
  readonly reached: number;
  readonly missed: number;
  readonly open: number;
  /** Scenarios that an error ended. */
  readonly broken: number;
}

/** Counts all goals of a run. */
export function tally(result: Result): Tally {
  const goals = result.scenarios.flatMap(({ rows }) => rows.flatMap((row) => judge(row).goals));
  const count = (wanted: Outcome): number => {
    return goals.filter(({ outcome }) => outcome === wanted).length;
  };
  return {
    reached: count("reached"),
    missed: count("missed"),
    open: count("open"),
    broken: result.scenarios.filter(({ error }) => error !== undefined).length,
  };
}

/** Whether nothing failed and no goal was missed; what was left out on purpose is no miss. */
export function allReached(result: Result): boolean {
  const { missed, broken } = tally(result);
  return missed === 0 && broken === 0;
}
