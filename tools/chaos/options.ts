import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../cluster/places.ts";
import type { WorkerTarget } from "./worker.ts";

/** The command line. */
export interface Options {
  readonly seed: number;
  /** How long all of it may take. */
  readonly minutes: number;
  readonly isShort: boolean;
  readonly target: WorkerTarget;
}

const DEFAULT_MINUTES = 5;

/** Seeds that are easily typed. */
const MAX_RANDOM_SEED = 1_000_000;

/** Reads the command line. Throws when it cannot be understood. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      minutes: { type: "string" },
      short: { type: "boolean", default: false },
      target: { type: "string" },
    },
  });
  return {
    seed: positive("seed", values.seed, Number.isSafeInteger) ?? randomSeed(),
    minutes: positive("minutes", values.minutes, Number.isFinite) ?? DEFAULT_MINUTES,
    isShort: values.short,
    target: targetOf(values.target),
  };
}

function randomSeed(): number {
  return 1 + Math.floor(Math.random() * MAX_RANDOM_SEED);
}

/** `undefined` when it was not given or is empty, as make gives what nobody has set. */
function positive(
  name: string,
  text: string | undefined,
  isRight: (value: number) => boolean,
): number | undefined {
  if (text === undefined || text === "") {
    return undefined;
  }
  const value = Number(text);
  if (!isRight(value) || value <= 0) {
    throw new Error(`${name} "${text}": give a number above 0`);
  }
  return value;
}

/** Unless it is said: the executable when there is one. */
function targetOf(text: string | undefined): WorkerTarget {
  if (text === "source" || text === "dist") {
    return text;
  }
  if (text !== undefined) {
    throw new Error(`target "${text}": give source or dist`);
  }
  return existsSync(join(ROOT, "dist", "wavelog_worker")) ? "dist" : "source";
}
