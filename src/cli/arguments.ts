import { parseArgs } from "node:util";
import { cleanText } from "../config/fault-text.ts";
import { suggestName } from "../config/suggest.ts";
import {
  COMMAND_NAMES,
  COMMANDS,
  type CommandName,
  type CommandSpec,
  type FlagName,
  isCommandName,
  type OptionName,
  type ValueOptionName,
} from "./commands.ts";

export type Options = Readonly<Partial<Record<ValueOptionName, string>>> &
  Readonly<Partial<Record<FlagName, boolean>>>;

export type Invocation =
  | { readonly kind: "command"; readonly command: CommandName; readonly options: Options }
  | { readonly kind: "help"; readonly about: CommandName | undefined }
  | { readonly kind: "version" }
  /** One printable line, and the command whose help may help. */
  | {
      readonly kind: "fault";
      readonly message: string;
      readonly about: CommandName | undefined;
    };

const OPTIONS = {
  config: { type: "string" },
  topic: { type: "string" },
  user: { type: "string" },
  ttl: { type: "string" },
  url: { type: "string" },
  payload: { type: "string" },
  internal: { type: "string" },
  origin: { type: "string" },
  idle: { type: "string" },
  json: { type: "boolean" },
  watch: { type: "boolean" },
  quick: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
} as const satisfies Record<
  OptionName | "help" | "version",
  { type: "string" | "boolean"; short?: string }
>;

/** Longest part of somebody's words that a message repeats. */
const MAX_WORD_LENGTH = 60;

/** Reads the words after the program's name. */
export function readArguments(argv: readonly string[]): Invocation {
  let values: Options & { readonly help?: boolean; readonly version?: boolean };
  let words: readonly string[];
  try {
    ({ values, positionals: words } = parseArgs({
      args: argv.map(withTwoDashes),
      options: OPTIONS,
      allowPositionals: true,
      strict: true,
    }));
  } catch (error) {
    return fault(parseProblem(error));
  }
  const { help, version, ...options } = values;
  const [first, ...rest] = words;
  if (first === "help") {
    return helpAbout(rest);
  }
  const command = first ?? "serve";
  if (!isCommandName(command)) {
    return fault(`unknown command ${quoted(command)}${didYouMean(command)}`);
  }
  if (help === true) {
    return { kind: "help", about: first === undefined ? undefined : command };
  }
  if (version === true) {
    return { kind: "version" };
  }
  const [extra] = rest;
  if (extra !== undefined) {
    return fault(`${quoted(extra)} is one word too many`, command);
  }
  const problem = optionProblem(command, options);
  return problem === undefined ? { kind: "command", command, options } : fault(problem, command);
}

/** Go's flags, which the original has, take one dash as well as two. */
function withTwoDashes(word: string): string {
  const name = /^-([a-z]{2,})(?:=|$)/.exec(word)?.[1];
  return name !== undefined && Object.hasOwn(OPTIONS, name) ? `-${word}` : word;
}

function helpAbout([about, extra]: readonly string[]): Invocation {
  if (extra !== undefined) {
    return fault(`${quoted(extra)} is one word too many`);
  }
  if (about === undefined || isCommandName(about)) {
    return { kind: "help", about };
  }
  return fault(`unknown command ${quoted(about)}${didYouMean(about)}`);
}

function optionProblem(command: CommandName, options: Options): string | undefined {
  const { required, optional }: CommandSpec = COMMANDS[command];
  const given = Object.keys(options) as OptionName[];
  const known: readonly OptionName[] = [...required, ...optional];
  const foreign = given.find((name) => !known.includes(name));
  if (foreign !== undefined) {
    return `"${command}" takes no option --${foreign}`;
  }
  const missing = required.find((name) => options[name] === undefined);
  if (missing !== undefined) {
    return `"${command}" needs --${missing}`;
  }
  const empty = given.find((name) => options[name] === "");
  return empty === undefined ? undefined : `--${empty} is empty; give it a value`;
}

/** What `parseArgs` found wrong, in fewer words than its own. */
function parseProblem(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const option = /^Option '(?:-\w, )?(--[a-z]+)/.exec(message)?.[1];
  if (option !== undefined && message.includes("not take")) {
    return `${option} takes no value`;
  }
  if (option !== undefined) {
    return `${option} needs a value; write ${option}=VALUE when it begins with "-"`;
  }
  const unknown = /^Unknown option '(.*?)'(?:\. To specify|$)/s.exec(message)?.[1] ?? message;
  return `unknown option ${quoted(unknown)}`;
}

function didYouMean(word: string): string {
  const meant = suggestName(word, [...COMMAND_NAMES, "help", "version"]);
  if (meant === undefined) {
    return "";
  }
  return `; did you mean "${meant === "version" ? "--version" : meant}"?`;
}

function quoted(word: string): string {
  return `"${cleanText(word, MAX_WORD_LENGTH)}"`;
}

function fault(message: string, about?: CommandName): Invocation {
  return { kind: "fault", message, about };
}
