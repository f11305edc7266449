/**
 * Writes what is generated from the configuration's schema, or checks that it is up to date:
 *
 *     bun src/config/reference.ts [--write]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { environmentName } from "./environment.ts";
import { CONFIG_KEYS, type ConfigKey, docOf, type SettingDoc, settingsSchema } from "./schema.ts";

/** A generated file of the project. */
export interface GeneratedFile {
  /** Relative to the project's folder. */
  readonly path: string;
  readonly text: () => string;
}

export const GENERATED_FILES: readonly GeneratedFile[] = [
  { path: "docs/configuration.md", text: configurationPage },
  { path: "docs/config.schema.json", text: configJsonSchema },
  { path: "config.sample.yaml", text: sampleFile },
];

/** How to bring the files up to date; the tests say it too. */
export const WRITE_COMMAND = "bun src/config/reference.ts --write";

/** Longest comment line of the sample. */
const SAMPLE_WIDTH = 96;

/** The files whose content is not what the schema says, as paths relative to the project's folder. */
export function staleFiles(projectFolder: string): readonly string[] {
  return GENERATED_FILES.filter(
    ({ path, text }) => readIfThere(join(projectFolder, path)) !== text(),
  ).map(({ path }) => path);
}

/** When a change of a key counts, for the reference. */
const TAKES_EFFECT: Readonly<Record<SettingDoc["reload"], string>> = {
  live: "at a reload (`SIGHUP`)",
  restart: "at a restart",
};

/** The reference page. */
function configurationPage(): string {
  const rows = CONFIG_KEYS.map((key) => [
    `[\`${key}\`](#${key})`,
    defaultText(key),
    `\`${environmentName(key)}\``,
  ]);
  return `<!-- Generated from src/config/schema.ts by "${WRITE_COMMAND}". Do not edit. -->

# Configuration

The worker reads one YAML file, \`config.yaml\` in the working directory or the one named with \`--config\`. [config.sample.yaml](../config.sample.yaml) is one to start from; [config.schema.json](config.schema.json) lets an editor check it. A file of the original worker works unchanged.

- Every key can also come from the environment, as \`WAVELOG_WORKER_\` and the key in capitals. The environment wins over the file, the file over the default. A key without a value (\`ws_port:\`) and an empty variable count as not set.
- Without \`--config\` the file may be missing when \`${environmentName("worker_secret")}\` is set.
- \`wavelog_worker check\` prints what the worker would run with and where each value comes from.
- A fault ends the program with status 1 and one line that says where it is and what to do. An unknown key in the file is a fault; an unknown \`WAVELOG_WORKER_…\` variable is a warning, since container platforms set some of their own.
- \`SIGHUP\` makes a running worker read it again: what "takes effect" below calls a reload applies at once and drops nobody, what needs a restart is named in the log, and a file with a fault changes nothing. See [Reloading](operations.md#reloading-the-configuration).

${table([["key", "default", "environment"], ...rows])}

${CONFIG_KEYS.map(keySection).join("\n")}`;
}

function keySection(key: ConfigKey): string {
  const doc = docOf(key);
  return `## ${key}

${doc.what}

${table([
  ["", ""],
  ["default", defaultText(key)],
  ["allowed", doc.allowed],
  ["environment", `\`${environmentName(key)}\``],
  ["when to change it", doc.change],
  ["takes effect", TAKES_EFFECT[doc.reload]],
])}

\`\`\`yaml
${doc.example}
\`\`\`
`;
}

/** A Markdown table of a head and rows, in the form formatters leave alone: columns aligned. */
function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const rule = widths.map((width) => "-".repeat(width));
  const lines = [head, rule, ...rows].map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | "),
  );
  return lines.map((line) => `| ${line} |`).join("\n");
}

/** The JSON Schema of the file, for editors. */
function configJsonSchema(): string {
  const schema = z.toJSONSchema(settingsSchema, {
    io: "input",
    override: ({ jsonSchema, path: [parent, name, ...deeper] }) => {
      const key = CONFIG_KEYS.find((known) => known === name);
      if (parent === "properties" && key !== undefined && deeper.length === 0) {
        jsonSchema.description = asPlainText(docOf(key).what);
      }
    },
  });
  const text = JSON.stringify({ title: "Wavelog Worker configuration", ...schema }, null, 2);
  return `${text.replace(FLAT_ARRAY, (array) => array.replaceAll(/\n\s*/g, "").replaceAll(",", ", "))}\n`;
}

/** An array of plain words, which formatters of JSON put on one line. */
const FLAT_ARRAY = /\[(?:\s*"[^",]*",?)+\s*\]/g;

/** A configuration file with every key explained and most of them commented out. */
function sampleFile(): string {
  return `# yaml-language-server: $schema=docs/config.schema.json
#
# Configuration of the Wavelog Worker. Copy this file to config.yaml and fill in worker_secret; most
# other keys are commented out and show their default. The reference is docs/configuration.md.
# Every key can also come from the environment, e.g. ${environmentName("ws_port")}=9000.
# SIGHUP makes a running worker read this file again.

${CONFIG_KEYS.map(sampleKey).join("\n")}`;
}

function sampleKey(key: ConfigKey): string {
  const doc = docOf(key);
  const value = defaultValue(key);
  const line = value === undefined ? `${key}: ""` : `# ${key}: ${JSON.stringify(value)}`;
  const shown = doc.sample === undefined ? line : `${key}: ${JSON.stringify(doc.sample)}`;
  const change = doc.change.charAt(0).toLowerCase() + doc.change.slice(1);
  const texts = [doc.what, `Allowed: ${doc.allowed}.`, `Change it: ${change}`];
  if (doc.fallback !== undefined) {
    texts.push(`Default: ${doc.fallback}.`);
  }
  const comment = texts.map((text) => asComment(asPlainText(text)));
  return `${comment.join("\n")}\n${shown}\n`;
}

/** Markdown as plain text; a link becomes the file it leads to. */
function asPlainText(markdown: string): string {
  return markdown.replaceAll("`", "").replaceAll(/\[[^\]]*\]\(([^)]*)\)/g, "docs/$1");
}

/** Text as comment lines no longer than {@link SAMPLE_WIDTH}. */
function asComment(text: string): string {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length > SAMPLE_WIDTH) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return [...lines, line].join("\n");
}

/** The default for a table cell: its value as in the file, or in words where that says more. */
function defaultText(key: ConfigKey): string {
  const value = defaultValue(key);
  if (value === undefined) {
    return "none, required";
  }
  return docOf(key).fallback ?? `\`${String(value)}\``;
}

/** The default as the file would say it; `undefined` for a required key. */
function defaultValue(key: ConfigKey): unknown {
  return z.toJSONSchema(settingsSchema.shape[key], { io: "input" }).default;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const projectFolder = join(import.meta.dir, "../..");
  const stale = staleFiles(projectFolder);
  if (process.argv.includes("--write")) {
    for (const { path, text } of GENERATED_FILES.filter((file) => stale.includes(file.path))) {
      writeFileSync(join(projectFolder, path), text());
      process.stdout.write(`${path}: written\n`);
    }
  } else if (stale.length > 0) {
    process.stderr.write(`${stale.join(", ")}: not what the schema says; run ${WRITE_COMMAND}\n`);
    process.exitCode = 1;
  }
}
