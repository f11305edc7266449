import { parseArgs } from "node:util";
import { messageOf } from "./errors.ts";

/** Which worker is measured: the sources, or the executable made from them. */
export type WorkerTarget = "source" | "dist";

/** What is measured, and how thoroughly. */
export interface Options {
  readonly quick: boolean;
  /** Names of scenarios; undefined for all. */
  readonly only: readonly string[] | undefined;
  /** Names of contenders; undefined for all. */
  readonly contenders: readonly string[] | undefined;
  /** undefined: as many as belong to the run's kind. */
  readonly rounds: number | undefined;
  /** undefined: the executable when there is one. */
  readonly target: WorkerTarget | undefined;
}

/** The command line. */
export interface CommandLine extends Options {
  readonly help: boolean;
  /** Where the result goes as JSON. */
  readonly json: string | undefined;
  /** Whether the result is kept and docs/benchmarks.md is written anew. */
  readonly keep: boolean;
}

/** What can be chosen, and what it is. */
export interface Choice {
  readonly name: string;
  readonly about: string;
  /** Whether a quick run leaves it out unless it is asked for by name. */
  readonly slow?: boolean;
}

/** What is wrong with the command line. */
export class UsageError extends Error {}

function list(choices: readonly Choice[]): string[] {
  const width = Math.max(...choices.map(({ name }) => name.length));
  return choices.map(({ name, about, slow }) => {
    return `  ${name.padEnd(width)}  ${about}${slow === true ? " (slow)" : ""}`;
  });
}

/** The help text. */
export function helpText(scenarios: readonly Choice[], contenders: readonly Choice[]): string {
  return [
    "Measures the worker, the smallest possible server, and what one would use instead.",
    "",
    "usage: bun bench/main.ts [--quick] [--only A,B] [--contenders A,B] [--rounds N]",
    "                         [--target source|dist] [--json FILE] [--keep]",
    "",
    "  --quick             one short round, without what is slow (see below); so does QUICK=1",
    "  --only A,B          only these scenarios; so does ONLY=A,B",
    "  --contenders A,B    only these contenders; so does CONTENDERS=A,B",
    "  --rounds N          so many rounds; 3 unless it is told, 1 with --quick",
    "  --target source     runs src/main.ts",
    "  --target dist       runs dist/wavelog_worker; the default when that file exists",
    "  --json FILE         writes the result, with every sample, to FILE",
    "  --keep              keeps the result in bench/results and writes docs/benchmarks.md",
    "",
    "scenarios:",
    ...list(scenarios),
    "",
    "contenders:",
    ...list(contenders),
    "",
    "status: 0 all goals reached, 1 a goal missed or a delivery lost, 2 could not measure",
  ].join("\n");
}

function parseTarget(text: string | undefined): WorkerTarget | undefined {
  if (text === undefined || text === "source" || text === "dist") return text;
  throw new UsageError(`--target "${text}": give source or dist`);
}

function parseRounds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new UsageError(`--rounds "${text}": give a number from 1 to 99`);
}

function parseNames(
  option: string,
  text: string | undefined,
  known: readonly Choice[],
): string[] | undefined {
  if (text === undefined || text === "") return undefined;
  const all = known.map(({ name }) => name);
  const names = text.split(",");
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return names;
  throw new UsageError(`${option} "${unknown}": give some of ${all.join(", ")}`);
}

/** Settings that make passes on: QUICK, ONLY, CONTENDERS. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the command line. Throws a {@link UsageError} when it cannot be understood. */
export function parseCommandLine(
  args: readonly string[],
  environment: Environment,
  scenarios: readonly Choice[],
  contenders: readonly Choice[],
): CommandLine {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h", default: false },
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        contenders: { type: "string" },
        rounds: { type: "string" },
        target: { type: "string" },
        json: { type: "string" },
        keep: { type: "boolean", default: false },
      },
    });
    const quickAsked = !["", "0", undefined].includes(environment["QUICK"]);
    const only = values.only ?? environment["ONLY"];
    const whom = values.contenders ?? environment["CONTENDERS"];
    if (values.keep && (quickAsked || (only ?? whom ?? "") !== "")) {
      throw new UsageError("--keep: only a full run of everything becomes the page");
    }
    return {
      help: values.help,
      quick: values.quick || quickAsked,
      only: parseNames("--only", only, scenarios),
      contenders: parseNames("--contenders", whom, contenders),
      rounds: parseRounds(values.rounds),
      target: parseTarget(values.target),
      json: values.json,
      keep: values.keep,
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(messageOf(error), { cause: error });
  }
}
