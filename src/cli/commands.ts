/** Options that take a value, with the word that stands for it in the help. */
export const VALUE_OPTIONS = {
  config: { value: "FILE", text: "configuration file (default: config.yaml)" },
  topic: { value: "TOPIC", text: "topic, for example radio.user.7" },
  user: { value: "N", text: "Wavelog user id in the token (default: 0, nobody)" },
  ttl: { value: "DURATION", text: "how long the token is valid (default: 24h)" },
  url: {
    value: "URL",
    text: "WebSocket address, ws:// or wss:// (default: from the configuration)",
  },
  payload: { value: "JSON", text: "what to publish; - reads it from standard input" },
  internal: {
    value: "URL",
    text: "the worker's internal API, http:// (default: from the configuration)",
  },
  origin: { value: "ORIGIN", text: "the page's, as browsers send it: https://log.example.org" },
  idle: { value: "SECONDS", text: "how long to stay silent and look for pings (default: 65)" },
} as const;

/** Options that are there or not. */
export const FLAG_OPTIONS = {
  json: { text: "print JSON, for programs" },
  watch: { text: "go on, once a second, until Ctrl-C" },
  quick: { text: "leave the long look at a silent connection out" },
} as const;

export type ValueOptionName = keyof typeof VALUE_OPTIONS;

export type FlagName = keyof typeof FLAG_OPTIONS;

export type OptionName = ValueOptionName | FlagName;

/** What the help and the argument check know about a command. */
export interface CommandSpec {
  readonly summary: string;
  readonly required: readonly ValueOptionName[];
  readonly optional: readonly OptionName[];
  /** What an option means to this command, where that is not what it means to others. */
  readonly optionTexts?: Readonly<Partial<Record<OptionName, string>>>;
  readonly examples: readonly string[];
}

export const COMMANDS = {
  serve: {
    summary: "run the worker (the default)",
    required: [],
    optional: ["config"],
    examples: ["wavelog_worker --config /etc/wavelog_worker/config.yaml"],
  },
  check: {
    summary: "check the configuration and say what the worker would run with",
    required: [],
    optional: ["config"],
    examples: ["wavelog_worker check --config /etc/wavelog_worker/config.yaml"],
  },
  secret: {
    summary: "print a new worker_secret",
    required: [],
    optional: [],
    examples: ["wavelog_worker secret"],
  },
  token: {
    summary: "print a token with which a browser may listen to a topic",
    required: ["topic"],
    optional: ["user", "ttl", "config"],
    examples: ["wavelog_worker token --topic radio.user.7 --user 7 --ttl 1h30m"],
  },
  listen: {
    summary: "print what is published to a topic, as a browser gets it",
    required: ["topic"],
    optional: ["user", "url", "config"],
    examples: [
      "wavelog_worker listen --topic demo",
      "wavelog_worker listen --topic demo --url wss://log.example.org/worker",
    ],
  },
  publish: {
    summary: "publish to a topic, as Wavelog does",
    required: ["topic", "payload"],
    optional: ["config"],
    examples: [
      `wavelog_worker publish --topic demo --payload '{"hello":"world"}'`,
      "wavelog_worker publish --topic demo --payload - < event.json",
    ],
  },
  status: {
    summary: "print how a worker does, and the others of its cluster",
    required: [],
    optional: ["url", "json", "watch", "config"],
    optionTexts: {
      url: "a worker's internal API, http:// (default: from the configuration)",
    },
    examples: [
      "wavelog_worker status",
      "wavelog_worker status --url http://10.0.0.12:9001 --watch",
      "wavelog_worker status --json",
    ],
  },
  doctor: {
    summary: "test from outside what breaks in practice, and say how to mend it",
    required: [],
    optional: ["url", "origin", "internal", "idle", "quick", "json", "config"],
    optionTexts: {
      url: "WebSocket address of browsers, wss:// (default: past the web server)",
    },
    examples: [
      "wavelog_worker doctor --url wss://log.example.org/worker",
      "wavelog_worker doctor --url wss://log.example.org/worker --quick --json",
    ],
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];

export function isCommandName(word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word);
}

export function isFlag(option: OptionName): option is FlagName {
  return Object.hasOwn(FLAG_OPTIONS, option);
}
