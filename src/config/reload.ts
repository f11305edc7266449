import { statSync } from "node:fs";
import { readConfigFile } from "./config-file.ts";
import { type LoadOptions, type LoadResult, loadConfig } from "./load.ts";
import {
  CONFIG_KEYS,
  type Config,
  type ConfigKey,
  docOf,
  type Settings,
  toConfig,
} from "./schema.ts";
import { Secret } from "./secret.ts";

/** What reading the configuration again has come to. */
export type Reread =
  | {
      readonly ok: true;
      /** What is to be run with from now on; differs from before in the applied keys alone. */
      readonly config: Config;
      readonly applied: readonly ConfigKey[];
      /** Keys that differ from what the process runs with and need it started again. */
      readonly pending: readonly ConfigKey[];
    }
  /** One printable line, as `loadConfig` has it; nothing has changed. */
  | { readonly ok: false; readonly message: string };

/** The configuration of a process that runs, and the way to read it again. */
export class RunningConfig {
  readonly #options: LoadOptions;
  /** What the process runs with: of each key that needs a restart, what it was started with. */
  #settings: Settings;

  constructor(options: LoadOptions, loaded: Extract<LoadResult, { ok: true }>) {
    const readFile = options.readFile ?? readConfigFile;
    this.#options = {
      ...options,
      wasRead: loaded.file !== undefined,
      readFile: (path) => {
        refusePipe(path);
        return readFile(path);
      },
    };
    this.#settings = loaded.settings;
  }

  /** Reads the same file and environment again, and takes over what can change while running. */
  reread(): Reread {
    const loaded = loadConfig(this.#options);
    if (!loaded.ok) {
      return loaded;
    }
    const { settings } = loaded;
    const changed = CONFIG_KEYS.filter((key) => !isSame(settings[key], this.#settings[key]));
    const applied = changed.filter((key) => docOf(key).reload === "live");
    const pending = changed.filter((key) => docOf(key).reload === "restart");
    const taken = Object.fromEntries(applied.map((key) => [key, settings[key]]));
    this.#settings = { ...this.#settings, ...taken };
    return { ok: true, config: toConfig(this.#settings), applied, pending };
  }
}

/** A pipe that was read at the start is empty now, or would be waited for without an end. */
function refusePipe(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat !== undefined && !stat.isFile() && !stat.isDirectory()) {
    throw Object.assign(new Error("not a file"), { code: "ESPIPE" });
  }
}

/** Whether two values of a key mean the same. */
function isSame(one: Settings[ConfigKey], other: Settings[ConfigKey]): boolean {
  return meaning(one) === meaning(other);
}

function meaning(value: Settings[ConfigKey]): unknown {
  if (value instanceof Secret) {
    return value.reveal();
  }
  if (Array.isArray(value)) {
    return JSON.stringify(value);
  }
  return typeof value === "object" ? value.ms : value;
}
