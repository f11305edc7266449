import { parseArgs } from "node:util";
import { messageOf } from "./errors.ts";

/** Which worker is measured: the sources, or the executable made from them. */
export type WorkerTarget = "source" | "dist";

/** The command line. */
export interface Options {
  readonly help: boolean;
  readonly quick: boolean;
  /** Names of scenarios; undefined for all. */
  readonly only: readonly string[] | undefined;
  /** undefined: the executable when there is one. */
  readonly target: WorkerTarget | undefined;
  /** Where the result goes as JSON. */
  readonly json: string | undefined;
}

/** What is wrong with the command line. */
export class UsageError extends Error {}

/** The help text; `scenarios` are names with a line of explanation each. */
export function helpText(scenarios: readonly { name: string; about: string }[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return [
    "Measures the worker beside the smallest possible server and prints a table.",
    "",
    "usage: bun bench/main.ts [--quick] [--only A,B] [--target source|dist] [--json FILE]",
    "",
    "  --quick             shorter runs, one round; so does QUICK=1",
    "  --only A,B          only these scenarios",
    "  --target source     runs src/main.ts",
    "  --target dist       runs dist/wavelog_worker; the default when that file exists",
    "  --json FILE         writes the result, with every sample, to FILE",
    "",
    "scenarios:",
    ...scenarios.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`),
    "",
    "status: 0 all goals reached, 1 a goal missed or a delivery lost, 2 could not measure",
  ].join("\n");
}

function parseTarget(text: string | undefined): WorkerTarget | undefined {
  if (text === undefined || text === "source" || text === "dist") return text;
  throw new UsageError(`--target "${text}": give source or dist`);
}

function parseOnly(text: string | undefined, known: readonly string[]): string[] | undefined {
  const names = text?.split(",").filter((name) => name !== "");
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined || names?.length === 0) {
    throw new UsageError(`--only "${unknown ?? text}": give some of ${known.join(", ")}`);
  }
  return names;
}

/** Reads the command line. Throws a {@link UsageError} when it cannot be understood. */
export function parseOptions(
  args: readonly string[],
  quickByEnvironment: string | undefined,
  scenarios: readonly string[],
): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        target: { type: "string" },
        json: { type: "string" },
      },
    });
    const quickAsked = !["", "0", undefined].includes(quickByEnvironment);
    return {
      help: values.help,
      quick: values.quick || quickAsked,
      only: parseOnly(values.only, scenarios),
      target: parseTarget(values.target),
      json: values.json,
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(messageOf(error), { cause: error });
  }
}
