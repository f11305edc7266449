import { loadConfigFile, type ReadFile, readConfigFile } from "./config-file.ts";
import { type Environment, environmentName, readEnvironment } from "./environment.ts";
import { cleanPath, quoteKey, quoteValue } from "./fault-text.ts";
import { maskRedisUrl } from "./redis-url.ts";
import { brokenRules } from "./rules.ts";
import {
  CONFIG_KEYS,
  type Config,
  type ConfigKey,
  docOf,
  type Settings,
  settingsSchema,
  toConfig,
} from "./schema.ts";
import { Secret } from "./secret.ts";
import { suggestName } from "./suggest.ts";

/** Read when the command line names no file. */
export const DEFAULT_CONFIG_PATH = "config.yaml";

/** Keys whose text must not show in a message about another key either. */
const SECRET_KEYS = ["worker_secret", "worker_secret_previous"] as const;

/** Where a value comes from. */
export type ConfigSource = "file" | "environment" | "default";

export interface LoadOptions {
  readonly path: string;
  /** Whether somebody named the file; then it must exist. */
  readonly explicit: boolean;
  /** Whether it has been read before by this process; then it must still exist. */
  readonly wasRead?: boolean;
  readonly env: Environment;
  readonly readFile?: ReadFile;
}

export type LoadResult =
  | {
      readonly ok: true;
      readonly config: Config;
      /** The same under the file's keys. */
      readonly settings: Settings;
      readonly sources: Readonly<Record<ConfigKey, ConfigSource>>;
      /** Each value as text for people, secrets masked. */
      readonly shown: Readonly<Record<ConfigKey, string>>;
      /** The file that was read; `undefined` when there is none. */
      readonly file: string | undefined;
      /** One line each, for the log; without values. */
      readonly warnings: readonly string[];
    }
  /** One printable line: where, which key, what is wrong, what to do. Without secrets. */
  | { readonly ok: false; readonly message: string };

/**
 * Reads the configuration: defaults, over them the file, over that the environment. Never throws for
 * what a person may have written.
 */
export function loadConfig(options: LoadOptions): LoadResult {
  const path = cleanPath(options.path);
  const file = loadConfigFile(options.path, options.readFile ?? readConfigFile);
  if (file.kind === "fault") {
    return { ok: false, message: `${path}: ${file.problem}` };
  }
  const environment = readEnvironment(options.env);
  const haveSecret = environment.entries.has("worker_secret");
  const mustExist = options.explicit || options.wasRead === true || !haveSecret;
  if (file.kind === "missing" && mustExist) {
    return { ok: false, message: `${path}: ${missingProblem(options)}` };
  }

  const inFile = file.kind === "read" ? setEntries(file.entries) : new Map<string, unknown>();
  const sources = sourcesOf(inFile, environment.entries);
  // Own properties on no prototype: a file may have a key called `__proto__`.
  const raw: Record<string, unknown> = Object.create(null);
  for (const [key, value] of [...inFile, ...environment.entries]) {
    raw[key] = value;
  }
  const place = (key: ConfigKey): string =>
    sources[key] === "environment" ? `environment ${environmentName(key)}` : `${path}: ${key}`;

  const secretTexts = SECRET_KEYS.map((key) => String(raw[key] ?? ""));

  const parsed = settingsSchema.safeParse(raw, { reportInput: true });
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => {
      if (issue.code === "unrecognized_keys") {
        return issue.keys.map((key) => `${path}: ${unknownProblem(key, secretTexts)}`);
      }
      const key = issue.path[0] as ConfigKey;
      return `${place(key)}: ${valueProblem(key, issue, secretTexts)}`;
    });
    return { ok: false, message: oneLine(problems) };
  }

  const broken = brokenRules(parsed.data).map(({ keys, problem }) => {
    const set = keys.find((key) => sources[key] !== "default") ?? keys[0];
    return `${place(set)}: ${problem}`;
  });
  if (broken.length > 0) {
    return { ok: false, message: oneLine(broken) };
  }
  return {
    ok: true,
    config: toConfig(parsed.data),
    settings: parsed.data,
    sources,
    shown: forEachKey((key) => showValue(key, parsed.data)),
    file: file.kind === "read" ? options.path : undefined,
    warnings: environment.warnings,
  };
}

/** More faults than this at once are counted only. */
const MAX_PROBLEMS = 5;

function oneLine(problems: readonly string[]): string {
  const rest = problems.length - MAX_PROBLEMS;
  const shown = problems.slice(0, MAX_PROBLEMS).join("; ");
  return rest > 0 ? `${shown}; and ${rest} more` : shown;
}

function missingProblem({ explicit, wasRead = false }: LoadOptions): string {
  if (wasRead) {
    return "not found any more; put it back";
  }
  return explicit
    ? "not found; check the name given with --config"
    : `not found, and ${environmentName("worker_secret")} is not set; create the file (see config.sample.yaml) or name one with --config`;
}

function unknownProblem(key: string, secretTexts: readonly string[]): string {
  const meant = suggestName(key, CONFIG_KEYS);
  const advice = meant === undefined ? "remove it" : `did you mean "${meant}"?`;
  return `${quoteKey(key, secretTexts)} is no key of this file; ${advice}`;
}

/** A check's message follows the value it is about, unless that is secret or absent. */
function valueProblem(
  key: ConfigKey,
  issue: { readonly message: string; readonly input?: unknown },
  secretTexts: readonly string[],
): string {
  const hidden = isSecret(key) || issue.input === undefined;
  return hidden ? issue.message : `${quoteValue(issue.input, secretTexts)} ${issue.message}`;
}

function isSecret(key: ConfigKey): boolean {
  return docOf(key).secret === true;
}

/** Leaves out keys of ours without a value: they are not set. Others stay, to be refused. */
function setEntries(entries: ReadonlyMap<string, unknown>): ReadonlyMap<string, unknown> {
  const known = new Set<string>(CONFIG_KEYS);
  return new Map([...entries].filter(([key, value]) => value !== null || !known.has(key)));
}

function sourcesOf(
  inFile: ReadonlyMap<string, unknown>,
  env: ReadonlyMap<ConfigKey, string>,
): Readonly<Record<ConfigKey, ConfigSource>> {
  return forEachKey((key) => {
    if (env.has(key)) {
      return "environment";
    }
    return inFile.has(key) ? "file" : "default";
  });
}

function showValue(key: ConfigKey, settings: Settings): string {
  const value = settings[key];
  if (value instanceof Secret) {
    const text = value.reveal();
    return text && (key === "redis_url" ? maskRedisUrl(text) : String(value));
  }
  if (Array.isArray(value)) {
    return value.join(", ");
  }
  return typeof value === "object" ? value.text : String(value);
}

function forEachKey<Value>(make: (key: ConfigKey) => Value): Record<ConfigKey, Value> {
  return Object.fromEntries(CONFIG_KEYS.map((key) => [key, make(key)])) as Record<ConfigKey, Value>;
}
