import { cleanText } from "./fault-text.ts";
import { CONFIG_KEYS, type ConfigKey } from "./schema.ts";
import { suggestName } from "./suggest.ts";

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Every variable of ours begins with this. */
const PREFIX = "WAVELOG_WORKER_";

/** Longest variable name a warning repeats. */
const MAX_NAME_LENGTH = 80;

/**
 * What Kubernetes sets for a service of ours that is called, say, `wavelog-worker-ws`: an address
 * under the very name of a key. It is not meant as a setting.
 */
const SERVICE_LINK = /^(?:tcp|udp|sctp):\/\//;

/** The environment of this process. */
export function systemEnvironment(): Environment {
  return process.env;
}

/** The variable that sets a key. */
export function environmentName(key: ConfigKey): string {
  return `${PREFIX}${key.toUpperCase()}`;
}

export interface EnvironmentEntries {
  /** Values that are set; an empty variable counts as not set. */
  readonly entries: ReadonlyMap<ConfigKey, string>;
  /** One line for each variable with our prefix that sets nothing; never a value. */
  readonly warnings: readonly string[];
}

/**
 * Picks our variables out of an environment. Unknown ones are only warned about: container platforms
 * inject names of their own under the same prefix (`WAVELOG_WORKER_SERVICE_HOST`).
 */
export function readEnvironment(env: Environment): EnvironmentEntries {
  const keys = new Map(CONFIG_KEYS.map((key) => [environmentName(key), key]));
  const entries = new Map<ConfigKey, string>();
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || value === undefined || value === "") {
      continue;
    }
    const key = keys.get(name);
    if (key === undefined) {
      warnings.push(unknownWarning(name));
    } else if (key.endsWith("_port") && SERVICE_LINK.test(value)) {
      warnings.push(`environment ${name}: ignored, it is a Kubernetes service link and no port`);
    } else {
      entries.set(key, value);
    }
  }
  return { entries, warnings };
}

function unknownWarning(name: string): string {
  const meant = suggestName(name.slice(PREFIX.length), CONFIG_KEYS);
  const hint = meant === undefined ? "" : `; did you mean ${environmentName(meant)}?`;
  return `environment ${cleanText(name, MAX_NAME_LENGTH)}: ignored, there is no such setting${hint}`;
}
