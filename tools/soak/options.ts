import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../cluster/places.ts";
import type { ModeName } from "./mode.ts";

/** The command line. */
export interface Options {
  /** How long all of it takes. */
  readonly minutes: number;
  readonly modes: readonly ModeName[];
  /** The folder for the picture and the figures. */
  readonly out: string;
  readonly target: "source" | "dist";
}

const DEFAULT_MINUTES = 10;

/** Beside the program that made it; git ignores it. */
const OUT = join(import.meta.dir, "results");

/** Reads the command line. Throws when it cannot be understood. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: String(DEFAULT_MINUTES) },
      pi: { type: "string", default: "" },
      out: { type: "string", default: OUT },
      target: { type: "string", default: "dist" },
    },
  });
  const minutes = Number(values.minutes);
  if (!Number.isFinite(minutes) || minutes <= 0) {
    throw new Error(`minutes "${values.minutes}": give a number above 0`);
  }
  if (values.target !== "source" && values.target !== "dist") {
    throw new Error(`target "${values.target}": give source or dist`);
  }
  return { minutes, modes: modesOf(values.pi), out: values.out, target: values.target };
}

/** Both unless it is said which. */
function modesOf(pi: string): readonly ModeName[] {
  switch (pi) {
    case "":
      return ["plain", "pi"];
    case "0":
      return ["plain"];
    case "1":
      return ["pi"];
    default:
      throw new Error(`pi "${pi}": give 1 for that alone, 0 to leave it out, or nothing for both`);
  }
}

/** The command line that runs the worker. */
export function programOf(target: Options["target"]): readonly string[] {
  return target === "dist"
    ? [join(ROOT, "dist", "wavelog_worker")]
    : [process.execPath, join(ROOT, "src", "main.ts")];
}
