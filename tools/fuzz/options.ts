import { EXECUTABLE_RUN, type Target as Program, SOURCE_RUN } from "../../test/support/targets.ts";
import { PURE_TARGETS } from "./pure/targets.ts";
import { MAX_SEED } from "./seed.ts";
import { WIRE_TARGETS } from "./wire/targets.ts";

/** Cases of all targets together, when nobody says otherwise. */
const DEFAULT_CASES = 3_000_000;

const MAX_CASES = 1_000_000_000;

const PROGRAMS: Readonly<Record<string, Program>> = {
  source: SOURCE_RUN,
  executable: EXECUTABLE_RUN,
};

/** What is tried. */
export interface FuzzOptions {
  readonly seed: number;
  /** Cases of all targets together, shared among them by weight. */
  readonly cases: number;
  /** The form in which the program is run. */
  readonly program: Program;
  /** One target alone. */
  readonly target: string | undefined;
  /** Some cases of that target alone. */
  readonly only: { readonly from: number; readonly count: number } | undefined;
}

/** Somebody has asked for what there is not. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The names of all targets. */
export const TARGET_NAMES: readonly string[] = [...PURE_TARGETS, ...WIRE_TARGETS].map(
  ({ name }) => name,
);

/**
 * Reads `SEED`, `CASES`, `TARGET`, `CASE` and `PROGRAM`, as make passes them on.
 *
 * @param newSeed Used when no seed is given.
 * @throws UsageError for values that make no sense.
 */
export function readOptions(
  env: Readonly<Record<string, string | undefined>>,
  newSeed: number,
): FuzzOptions {
  const target = env["TARGET"] || undefined;
  if (target !== undefined && !TARGET_NAMES.includes(target)) {
    throw new UsageError(`TARGET is none of ${TARGET_NAMES.join(", ")}`);
  }
  const program = PROGRAMS[env["PROGRAM"] || "source"];
  if (program === undefined) {
    throw new UsageError("PROGRAM is neither source nor executable");
  }
  const seed = wholeNumber("SEED", env["SEED"], newSeed, 0, MAX_SEED);
  const only = readRange(env["CASE"]);
  if (only !== undefined && (target === undefined || !env["SEED"])) {
    throw new UsageError("CASE needs SEED and TARGET");
  }
  const cases = wholeNumber("CASES", env["CASES"], DEFAULT_CASES, 1, MAX_CASES);
  return { seed, cases, program, target, only };
}

/** `7`, or `7-9`. */
function readRange(text: string | undefined): FuzzOptions["only"] {
  if (!text) {
    return undefined;
  }
  const [, first = "", last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const from = wholeNumber("CASE", first, 0, 0, MAX_CASES);
  const to = wholeNumber("CASE", last, 0, from, MAX_CASES);
  return { from, count: to - from + 1 };
}

function wholeNumber(
  name: string,
  text: string | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  if (text === undefined || (text === "" && name !== "CASE")) {
    return fallback;
  }
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(`${name} is no whole number from ${min} to ${max}`);
  }
  return value;
}
