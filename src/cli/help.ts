import {
  COMMAND_NAMES,
  COMMANDS,
  type CommandName,
  type CommandSpec,
  VALUE_OPTIONS,
} from "./commands.ts";

const DOCS = "docs/configuration.md explains every key, README.md the first steps.";

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
  { summary, required, optional, examples }: CommandSpec,
): string {
  const usage = [
    name,
    ...required.map((option) => `--${option} ${VALUE_OPTIONS[option].value}`),
    ...optional.map((option) => `[--${option} ${VALUE_OPTIONS[option].value}]`),
  ];
  const rows = [...required, ...optional].map(
    (option) => [`--${option} ${VALUE_OPTIONS[option].value}`, VALUE_OPTIONS[option].text] as const,
  );
  return `wavelog_worker ${name}: ${summary}

Usage: wavelog_worker ${usage.join(" ")}

Options:
${aligned([...rows, ["-h, --help", "print this help"]])}

Examples:
${examples.map((example) => `  ${example}`).join("\n")}

${DOCS}`;
}

/** Two columns, indented. */
function aligned(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join("\n");
}
