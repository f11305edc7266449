import { z } from "zod";
import { parseBindAddress } from "./bind-address.ts";
import { parseGoDuration } from "./go-duration.ts";
import { parseIpNetwork } from "./ip-network.ts";
import { parseOriginPattern } from "./origin-pattern.ts";
import { redisUrlProblem } from "./redis-url.ts";
import { Secret } from "./secret.ts";

/**
 * The kinds of values the configuration has. Each takes the form of the file and, since environment
 * variables have no other, text. Each error message follows the quoted value: `"70000" is not
 * allowed; give …`, and repeats nothing of it.
 */
export interface ValueKind<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** What it takes, in Markdown, as what follows "give". */
  readonly allowed: string;
}

/** A duration as it was written and as what it means. */
export interface Duration {
  readonly text: string;
  readonly ms: number;
}

/** Shortest `worker_secret`, in characters (contract). */
const MIN_SECRET_LENGTH = 32;

const SECOND_MS = 1_000;

/** Ten years. Beyond it nothing is meant, and sums of times stay far from any limit. */
const MAX_TTL_MS = 87_600 * 3_600 * SECOND_MS;

/** 24 hours, as in the contract. */
export const DEFAULT_TTL = "24h";

/** What a missing or too short secret needs. */
const MAKE_SECRET =
  'give at least 32 characters, for example the output of "wavelog_worker secret"';

function kind<Schema extends z.ZodType>(allowed: string, schema: Schema): ValueKind<Schema> {
  return { schema, allowed };
}

function notAllowed(allowed: string): string {
  return `is not allowed; give ${plain(allowed)}`;
}

/** The reference's Markdown as plain text. */
function plain(markdown: string): string {
  return markdown.replaceAll("`", "");
}

/** A whole number, also as text (environment variables have no other type). */
function wholeNumber(min: number, max: number, allowed: string) {
  const problem = notAllowed(allowed);
  const inRange = z.int(problem).min(min, problem).max(max, problem);
  const asText = z
    .string(problem)
    .regex(/^[0-9]{1,15}$/, problem)
    .transform(Number)
    .pipe(inRange);
  return z.union([inRange, asText], problem);
}

/** `auto`, or a whole number; `of` follows that, as in "of seconds". */
function autoOr(min: number, max: number, of = "") {
  const allowed = `\`auto\`, or a whole number${of} from ${min} to ${max}`;
  const problem = notAllowed(allowed);
  const schema = z.union([z.literal("auto", problem), wholeNumber(min, max, allowed)], problem);
  return kind(allowed, schema);
}

function range(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return kind(allowed, wholeNumber(min, max, allowed));
}

/** Yes or no, also as text (environment variables have no other type). */
function truth() {
  const allowed = "`true` or `false`";
  const problem = notAllowed(allowed);
  const asText = z.enum(["true", "false"], problem).transform((text) => text === "true");
  return kind(allowed, z.union([z.boolean(problem), asText], problem));
}

/** One of some words. */
function choice<const Words extends readonly string[]>(words: Words) {
  const listed = words.map((word) => `\`${word}\``).join(", ");
  const allowed = listed.replace(/, (?=[^,]*$)/, " or ");
  return kind(allowed, z.enum(words, notAllowed(allowed)));
}

/** Text that a function reads; what it finds wrong becomes the message. */
function parsedText<Value>(
  allowed: string,
  parse: (
    text: string,
  ) => { readonly value: Value } | { readonly problem: string; readonly value?: never },
) {
  return z.string(notAllowed(allowed)).transform((text, context) => {
    const parsed = parse(text);
    if ("problem" in parsed) {
      context.issues.push({ code: "custom", input: text, message: parsed.problem });
      return z.NEVER;
    }
    return parsed.value;
  });
}

export const port = range(1, 65_535);

const ADDRESS = 'an IP address or a host name, or `""` for all interfaces';

/** An address; all interfaces become `::`. */
export const bindAddress = kind(
  ADDRESS,
  parsedText(ADDRESS, (text) => {
    const result = parseBindAddress(text);
    return result.ok ? { value: result.address } : result;
  }),
);

const SECRET =
  "at least 32 characters, no control characters, no white space at either end. `wavelog_worker secret` prints a good one";

/** Text for a secret, as YAML may get it wrong. */
function secretText() {
  return z.string({
    error: ({ input }) => {
      if (input === undefined) {
        return `is not set; ${MAKE_SECRET}`;
      }
      return typeof input === "number"
        ? "is a number to YAML, which loses digits; put it in quotes"
        : "is not text; put it in quotes";
    },
  });
}

function toSecret(text: string, context: z.RefinementCtx): Secret {
  const problem = secretProblem(text);
  if (problem !== undefined) {
    context.issues.push({ code: "custom", input: text, message: problem });
    return z.NEVER;
  }
  return new Secret(text);
}

export const workerSecret = kind(
  SECRET,
  secretText().min(MIN_SECRET_LENGTH, `is too short; ${MAKE_SECRET}`).transform(toSecret),
);

/** A secret as {@link workerSecret}, or "" for none. */
export const previousSecret = kind(
  "the former `worker_secret`, or nothing",
  secretText()
    .regex(
      new RegExp(`^(?:|.{${MIN_SECRET_LENGTH},})$`, "s"),
      "is too short to have been worker_secret; give the former one, or remove it",
    )
    .transform(toSecret),
);

/** The secret travels in an HTTP header, which neither of these survives. */
function secretProblem(text: string): string | undefined {
  if (text.trim() !== text) {
    return "begins or ends with white space, which an HTTP header loses; remove it";
  }
  return /\p{Cc}/u.test(text)
    ? "contains control characters, which an HTTP header cannot carry; remove them"
    : undefined;
}

const REDIS_URL =
  "`redis://[user:password@]host:port/db`, the same with `rediss://` for TLS, `unix:///path/to/socket?db=0&user=…&password=…`, or nothing";

/** "" for none. A secret, since it may hold a password. */
export const redisUrl = kind(
  REDIS_URL,
  parsedText(REDIS_URL, (text) => {
    const problem = text === "" ? undefined : redisUrlProblem(text);
    return problem === undefined ? { value: new Secret(text) } : { problem };
  }),
);

const TTL = "a Go duration from `1s` to `87600h`, such as `24h`, `90m` or `1h30m`";

/** A duration within bounds; an empty text stands for the default, as in the original. */
function duration(allowed: string, fallback: string, minMs: number, maxMs: number) {
  return kind(
    allowed,
    parsedText<Duration>(allowed, (written) => {
      const text = written === "" ? fallback : written;
      const result = parseGoDuration(text);
      if (result.ok) {
        return result.ms >= minMs && result.ms <= maxMs
          ? { value: { text, ms: result.ms } }
          : { problem: notAllowed(allowed) };
      }
      const problem = result.fault === "missing_unit" ? "has no unit" : "is no duration";
      return { problem: `${problem}; give ${plain(allowed)}` };
    }),
  );
}

export const topicTtl = duration(TTL, DEFAULT_TTL, SECOND_MS, MAX_TTL_MS);

export const readyRequiresRedis = truth();

export const outboxEvents = range(1, 10_000_000);

export const outboxBytes = range(1_048_576, 4_294_967_296);

/** Five minutes: longer than a restart of Redis, shorter than an event is of use. */
export const DEFAULT_OUTBOX_AGE = "5m";

export const outboxAge = duration(
  "a Go duration from `1s` to `8m`, such as `5m` or `90s`",
  DEFAULT_OUTBOX_AGE,
  SECOND_MS,
  // Two minutes less than the catch-up log's ten, by which a late event must still be in it.
  8 * 60 * SECOND_MS,
);

export const drainTime = autoOr(0, 3600, " of seconds");

export const queuedEvents = range(100, 10_000_000);

export const queuedBytes = range(1_048_576, 1_073_741_824);

const PREFIX = "1 to 64 letters, digits and any of `.` `_` `:` `-`";

export const redisPrefix = kind(
  PREFIX,
  z.string(notAllowed(PREFIX)).regex(/^[A-Za-z0-9._:-]{1,64}$/, notAllowed(PREFIX)),
);

const CA_FILE = "the path of a PEM file, or nothing";

export const redisCaFile = kind(CA_FILE, z.string(notAllowed(CA_FILE)).max(4096));

const STATE_FILE = "the path of a file, or nothing";

/** "" for none. */
export const stateFile = kind(
  STATE_FILE,
  z
    .string(notAllowed(STATE_FILE))
    .max(4096, notAllowed(STATE_FILE))
    .regex(/^\P{Cc}*$/u, notAllowed(STATE_FILE)),
);

export const reusePort = truth();

export const gatewayThreads = autoOr(1, 64);

export const maxTopics = range(1, 10_000_000);

const ORIGINS =
  "origins, each `https://log.example.org` (scheme, host and port, no path) or `*.example.org` (every host below it)";

const origin = parsedText(ORIGINS, (text) => {
  const result = parseOriginPattern(text);
  return result.ok ? { value: result.pattern } : result;
});

export const allowedOrigins = kind(
  `a list of ${ORIGINS}; in the environment separated by commas`,
  z.preprocess(splitText, z.array(origin, notAllowed(ORIGINS))),
);

/** A number of sockets, or what the file limit leaves. */
export const maxConnections = autoOr(1, 10_000_000);

const PER_IP = "a whole number from 1 to 10000000, or 0 for no limit";

/** A number of sockets of one client address; 0 for no limit. */
export const maxPerIp = kind(PER_IP, wholeNumber(0, 10_000_000, PER_IP));

const NETWORKS = "IP addresses and networks, each `10.0.0.5`, `10.0.0.0/24` or `2001:db8::/32`";

const network = parsedText(NETWORKS, (text) => {
  const result = parseIpNetwork(text);
  return result.ok ? { value: result.network } : result;
});

export const trustedProxies = kind(
  `a list of ${NETWORKS}; in the environment separated by commas`,
  z.preprocess(splitText, z.array(network, notAllowed(NETWORKS))),
);

/** Of which a quarter is written in one turn, and that must not be too little for one event. */
export const maxBuffered = range(65_536, 67_108_864);

/** A list as the environment gives it: entries between commas. */
function splitText(value: unknown): unknown {
  if (typeof value !== "string") {
    return value;
  }
  const entries = value.split(",").map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "");
}

export const logFormat = choice(["auto", "text", "json"]);

/** pino's levels. */
export const logLevel = choice(["trace", "debug", "info", "warn", "error", "fatal", "silent"]);
