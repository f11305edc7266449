import {
  COMMAND_NAMES,
  COMMANDS,
  type CommandName,
  type CommandSpec,
  FLAG_OPTIONS,
  isFlag,
  type OptionName,
  VALUE_OPTIONS,
} from "./commands.ts";

const DOCS =
  "docs/configuration.md explains every key, docs/operations.md leads from symptom to cure.";

const USAGE = "Usage: wavelog_worker ";

/** Widest line of a usage, in characters, without what stands before it. */
const USAGE_WIDTH = 64;

/** The help of the program, or of one command. Ends without a newline. */
export function helpText(command?: CommandName): string {
  return command === undefined ? programHelp() : commandHelp(command, COMMANDS[command]);
}

function programHelp(): string {
  const rows = COMMAND_NAMES.map((name) => [name, COMMANDS[name].summary] as const);
  return `Wavelog Worker: carries events from Wavelog (HTTP) to browsers (WebSocket).

Usage: wavelog_worker [COMMAND] [OPTIONS]

Commands:
${aligned([...rows, ["help [COMMAND]", "explain the program or a command"]])}

Options:
${aligned([
  ["--config FILE", VALUE_OPTIONS.config.text],
  ["-h, --help", "print this help"],
  ["-v, --version", "print the version"],
])}

Examples:
  wavelog_worker --config config.yaml
  wavelog_worker listen --topic demo

${DOCS}`;
}

function commandHelp(
  name: CommandName,
  { summary, required, optional, optionTexts = {}, examples }: CommandSpec,
): string {
  const usage = [
    name,
    ...required.map(written),
    ...optional.map((option) => `[${written(option)}]`),
  ];
  const rows = [...required, ...optional].map(
    (option) => [written(option), optionTexts[option] ?? textOf(option)] as const,
  );
  return `wavelog_worker ${name}: ${summary}

${USAGE}${wrapped(usage)}

Options:
${aligned([...rows, ["-h, --help", "print this help"]])}

Examples:
${examples.map((example) => `  ${example}`).join("\n")}

${DOCS}`;
}

/** An option as it is typed. */
function written(option: OptionName): string {
  return isFlag(option) ? `--${option}` : `--${option} ${VALUE_OPTIONS[option].value}`;
}

function textOf(option: OptionName): string {
  return isFlag(option) ? FLAG_OPTIONS[option].text : VALUE_OPTIONS[option].text;
}

/** Words as lines of a terminal, the further ones indented to stand below the first. */
function wrapped(words: readonly string[]): string {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + 1 + word.length > USAGE_WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${" ".repeat(USAGE.length)}`);
}

/** Two columns, indented. */
function aligned(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join("\n");
}
