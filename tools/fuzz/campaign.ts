import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome } from "./finding.ts";
import type { FuzzOptions } from "./options.ts";
import { PureProcess } from "./pure/process.ts";
import { PURE_TARGETS } from "./pure/targets.ts";
import { WIRE_TARGETS } from "./wire/targets.ts";

/** More processes than this at once are no quicker: there are not many more targets. */
const MAX_PROCESSES = 8;

/** What a whole run needs beside what is tried. */
export interface CampaignOptions extends FuzzOptions {
  readonly signal: AbortSignal;
  /** Told when a target is done. */
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** Tries every target, or the one that is wanted; the outcomes are in the order of the table. */
export async function runCampaign(options: CampaignOptions): Promise<readonly Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), "wavelog-fuzz-"));
  try {
    const outcomes = [...(await runPureTargets(options, folder)), ...(await runWire(options))];
    return outcomes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Pure functions, several processes at once, the longest first. */
async function runPureTargets(
  options: CampaignOptions,
  folder: string,
): Promise<readonly Outcome[]> {
  const { seed, signal, onOutcome } = options;
  const targets = PURE_TARGETS.filter((target) => isWanted(options, target.name));
  const queue = [...targets].sort((one, other) => other.weight - one.weight).values();
  const outcomes = new Map<string, Outcome>();
  const work = async (_: unknown, number: number): Promise<void> => {
    using child = new PureProcess(join(folder, `progress-${number}`));
    const end = (): void => child[Symbol.dispose]();
    signal.addEventListener("abort", end);
    for (const target of queue) {
      if (signal.aborted) {
        break;
      }
      const share = shareOf(options, target.weight);
      const outcome = await child.run({ target, seed, ...share });
      outcomes.set(target.name, outcome);
      onOutcome?.(outcome);
    }
    signal.removeEventListener("abort", end);
  };
  const processes = Math.min(availableParallelism(), MAX_PROCESSES);
  await Promise.all(Array.from({ length: processes }).map(work));
  return targets.flatMap(({ name }) => outcomes.get(name) ?? []);
}

/** The real program, one target after the other: each has the machine to itself. */
async function runWire(options: CampaignOptions): Promise<readonly Outcome[]> {
  const { seed, program, signal, onOutcome } = options;
  const outcomes: Outcome[] = [];
  for (const target of WIRE_TARGETS) {
    if (isWanted(options, target.name) && !signal.aborted) {
      const share = shareOf(options, target.weight);
      const outcome = await target.run({ seed, program, signal, ...share });
      outcomes.push(outcome);
      onOutcome?.(outcome);
    }
  }
  return outcomes;
}

function isWanted({ target }: FuzzOptions, name: string): boolean {
  return target === undefined || target === name;
}

/** The cases of a target: those that are wanted, all of them when it is alone, else its share. */
function shareOf(
  { only, target, cases }: FuzzOptions,
  weight: number,
): { from: number; count: number } {
  if (only !== undefined) {
    return only;
  }
  if (target !== undefined) {
    return { from: 0, count: cases };
  }
  const whole = [...PURE_TARGETS, ...WIRE_TARGETS].reduce((sum, one) => sum + one.weight, 0);
  return { from: 0, count: Math.ceil((cases * weight) / whole) };
}
