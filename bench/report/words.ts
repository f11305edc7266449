import { GENERATOR_BUSY, type GoalVerdict, type Outcome } from "./judge.ts";
import { quantity } from "./quantity.ts";
import type { ContenderName, Goal, Result, Row, Unit } from "./types.ts";

/** What a contender is called in a row: its title, or what stands in the yardstick's place. */
export function titleOf(result: Result, name: ContenderName, row?: Row): string {
  if (name === "yardstick" && row?.reference !== undefined) return row.reference;
  return result.contenders.find((one) => one.name === name)?.title ?? name;
}

function bounds(
  { atMost, atLeast }: { readonly atMost?: number; readonly atLeast?: number },
  whom: string,
): string {
  const parts = [
    ...(atMost === undefined ? [] : [`≤ ${atMost} ×`]),
    ...(atLeast === undefined ? [] : [`≥ ${atLeast} ×`]),
  ];
  return `${parts.join(" and ")} ${whom}`;
}

/** A goal in words: "≥ 10 × every peer". */
export function goalText(goal: Goal, unit: Unit, reference = "the yardstick"): string {
  switch (goal.kind) {
    case "times-yardstick":
      return bounds(goal, reference);
    case "times-every-peer":
      return bounds(goal, "every peer");
    case "best-of-all":
      return "better than every peer";
    case "worker-at-most":
      return goal.value === 0 ? "none" : `≤ ${quantity(goal.value, unit)}`;
    case "over-yardstick-at-most":
      return `≤ ${quantity(goal.value, unit)} more than ${reference}`;
  }
}

/** An outcome in words. */
export const OUTCOMES: Readonly<Record<Outcome, string>> = {
  reached: "reached",
  missed: "not reached",
  open: "open",
};

/** Why a goal was reached or not, with titles instead of names. */
export function whyText(result: Result, { why, worst }: GoalVerdict): string {
  return worst === undefined ? why : `${why} ${titleOf(result, worst)}`;
}

/** Who had no number for a goal about every peer, and why; "" when all had. */
export function uncountedText(result: Result, { uncounted }: GoalVerdict): string {
  return uncounted.map(({ name, why }) => `${titleOf(result, name)} ${why}`).join("; ");
}

/** Which way is better, and of what kind the numbers are. */
export function readingText(row: Row, rounds: number): string {
  const direction = row.better === "less" ? "less is better" : "more is better";
  if (rounds < 2) return direction;
  const how = row.combine === "median" ? `median of ${rounds} rounds` : `sum of ${rounds} rounds`;
  return `${direction}; ${how}`;
}

/** Parts of a core that were so much that the generator may have set the pace. */
export function isBusy(parts: number | undefined): boolean {
  return parts !== undefined && parts >= GENERATOR_BUSY;
}

/** What kind of run it was: "3 rounds" or "one short round". */
export function runText({ quick, rounds }: Result): string {
  const count = rounds === 1 ? "one round" : `${rounds} rounds`;
  return quick ? `a short run, ${count}` : count;
}

/** The machine in a line. */
export function machineText({ machine }: Result): string {
  return (
    `${machine.cores} × ${machine.model}, ${machine.memoryGb} GB, Linux ${machine.kernel}, ` +
    `Bun ${machine.bun}`
  );
}

/** How quiet the machine was, in a line. */
export function noiseText({ machine }: Result): string {
  const load = `load before ${machine.loadBefore.toFixed(2)}`;
  if (machine.noise === undefined) return load;
  const percent = (machine.noise * 100).toFixed(1);
  return `${load}, the same work repeated was ${percent} % apart`;
}

/** The commit, and whether it is the whole truth. */
export function commitText({ commit, dirty }: Result): string {
  return dirty ? `${commit} with uncommitted changes` : commit;
}
