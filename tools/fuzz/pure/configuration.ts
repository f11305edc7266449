import fc from "fast-check";
import { environmentName } from "../../../src/config/environment.ts";
import { type LoadResult, loadConfig } from "../../../src/config/load.ts";
import { CONFIG_KEYS, type Config } from "../../../src/config/schema.ts";
import { originCheck } from "../../../src/gateway/origin.ts";
import { connectionOptions } from "../../../src/redis/connection-options.ts";
import { asRecord, must, mustBeOneLine, mustEqual } from "../check.ts";
import { mutated } from "../generate/mutation.ts";
import { hexText, repeatedText, seldom, wildText } from "../generate/text.ts";
import { aliasBomb, anyValue, oddLine, scalar } from "../generate/yaml.ts";
import { pureTarget } from "./target.ts";

/** Five faults at most are told, each with a name, a shortened value and what to do. */
const MAX_MESSAGE_LENGTH = 3000;

const MIN_SECRET_LENGTH = 32;

/** Values that are meant for the keys, nearly all of them good; they may have any other. */
const GOOD_VALUES: Readonly<Record<string, readonly string[]>> = {
  ws_port: ["9000", "1", "65535", '"9000"'],
  ws_bind: ["", '""', "127.0.0.1", '"::"', "localhost", '"::1"'],
  internal_port: ["9001", "9000", "0", "65536"],
  internal_bind: ["127.0.0.1", "0.0.0.0", "worker.internal"],
  redis_url: ['""', "redis://127.0.0.1:6379/0", "rediss://a:b@redis.example:1/2", "unix:///r.sock"],
  redis_prefix: ["wavelog", "club2"],
  redis_ca_file: ["/etc/ca.pem"],
  cluster_outbox_events: ["1", "50000"],
  cluster_outbox_bytes: ["1048576"],
  cluster_outbox_age: ["5m", "90s", "8m1s"],
  topic_ttl: ["24h", "1h30m", "1s", "999ms", "87600h", '""'],
  gateway_threads: ["auto", "1", "64"],
  max_topics: ["100000"],
  allowed_origins: [
    '["https://log.example.org", "*.example.net"]',
    "[]",
    "\n  - https://a.example",
  ],
  log_format: ["auto", "json"],
  log_level: ["info", "silent"],
};

/** A secret as people have them: of hex, base64, a UUID, or words. */
const secret: fc.Arbitrary<string> = fc.oneof(
  hexText(32, 64),
  fc.base64String({ minLength: 32, maxLength: 64 }),
  hexText(32).map((text) => text.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")),
  hexText(9).map((text) => `correct horse! ${text} battery, staple`),
);

const key = fc.oneof(
  { weight: 18, arbitrary: fc.constantFrom<string>(...CONFIG_KEYS) },
  { weight: 1, arbitrary: mutated(fc.constantFrom<string>(...CONFIG_KEYS)) },
  { weight: 1, arbitrary: wildText(10) },
);

/** Of so many entries this many have a value that is meant for the key. */
const GOOD = 16;
const ALL = 20;

const entry = fc
  .tuple(key, fc.nat({ max: 999 }), anyValue, fc.constantFrom(":", " : ", ":\t", ":  "))
  .map(([name, choice, value, colon]) => {
    const good = choice % ALL < GOOD ? (GOOD_VALUES[name] ?? []) : [];
    const text = good[choice % good.length] ?? value;
    // Rarely without the space, which YAML wants.
    return `${name}${choice % ALL === 0 ? colon : ": "}${text}`;
  });

interface Case {
  /** The file's bytes, each a character: a case is to be read by people. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** Must not be told to anybody. */
  readonly secret: string;
}

const variable = fc.tuple(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<string>(...CONFIG_KEYS.map(environmentName)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        "WAVELOG_WORKER_",
        "WAVELOG_WORKER_PORT",
        "WAVELOG_WORKER_WS_PROT",
      ),
    },
    { weight: 1, arbitrary: wildText(12).map((text) => `WAVELOG_WORKER_${text}`) },
  ),
  fc.oneof(
    wildText(20),
    fc.constantFrom(...Object.values(GOOD_VALUES).flat()),
    fc.constantFrom("tcp://10.0.0.1:9000", "https://a.example, *.b.example", "   "),
  ),
);

const environment = seldom(
  fc.constant({}),
  3,
  fc.array(variable, { maxLength: 3 }).map((all) => Object.fromEntries(all)),
);

const file = fc
  .record({
    secret,
    quotes: fc.constantFrom('"', "'", ""),
    lines: fc.array(fc.oneof({ weight: 15, arbitrary: entry }, { weight: 1, arbitrary: oddLine }), {
      maxLength: 6,
    }),
    /** Where the secret's own line stands; it may be missing, or under another key. */
    at: fc.nat({ max: 7 }),
    under: fc.oneof({ weight: 12, arbitrary: fc.constant("worker_secret") }, key),
    lineBreak: fc.constantFrom("\n", "\n", "\r\n"),
  })
  .map(({ secret: text, quotes, lines, at, under, lineBreak }) => {
    const own = `${under}: ${quotes}${text}${quotes}`;
    const all = [...lines.slice(0, at), ...(at < 7 ? [own] : []), ...lines.slice(at)];
    return { secret: text, text: all.join(lineBreak) };
  });

const content = file.chain(({ secret: hidden, text }) => {
  const whole = fc.constant(text);
  return fc
    .oneof(
      { weight: 6, arbitrary: whole.map(bytesOf) },
      { weight: 3, arbitrary: mutated(whole).map(bytesOf) },
      { weight: 1, arbitrary: mutated(whole.map(bytesOf)) },
    )
    .map((bytes) => ({ file: bytes, secret: hidden }));
});

const strange = seldom(
  fc.oneof(
    { weight: 6, arbitrary: fc.array(oddLine, { maxLength: 8 }).map((all) => all.join("\n")) },
    { weight: 3, arbitrary: scalar(wildText(60)) },
    {
      weight: 1,
      arbitrary: repeatedText(
        fc.constantFrom("[", "{", "a: ", "- ", "? ", "&a ", "a: 1\n", "'", "#", " ", "\t", "*a "),
        2000,
      ),
    },
  ),
  100,
  aliasBomb,
).map((text) => ({ file: bytesOf(text), secret: "" }));

const noText = fc
  .uint8Array({ maxLength: 80 })
  .map((bytes) => ({ file: Buffer.from(bytes).toString("latin1"), secret: "" }));

const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.oneof(
      { weight: 16, arbitrary: content },
      { weight: 2, arbitrary: strange },
      { weight: 1, arbitrary: noText },
    ),
    environment,
  )
  .map(([some, env]) => ({ ...some, env }));

/** The bytes of a text, each a character. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function check({ file: bytes, env, secret: hidden }: Case): void {
  const result = loadConfig({
    path: "config.yaml",
    explicit: true,
    env,
    readFile: () => Buffer.from(bytes, "latin1"),
  });
  if (!result.ok) {
    mustBeOneLine(result.message, MAX_MESSAGE_LENGTH, "the message");
    mustNotTell(result.message, hasOtherSecret(bytes, env, hidden) ? "" : hidden, "the message");
    return;
  }
  checkComplete(result.config);
  checkShown(result, hidden);
}

/** Whether another secret is set, so that the one under some other key is just a text. */
function hasOtherSecret(bytes: string, env: Case["env"], hidden: string): boolean {
  const set = env[environmentName("worker_secret")] || secretIn(bytes);
  return set !== hidden && set.length >= MIN_SECRET_LENGTH;
}

function secretIn(bytes: string): string {
  try {
    const text = Buffer.from(bytes, "latin1").toString("utf8");
    return String(asRecord(Bun.YAML.parse(text))?.["worker_secret"] ?? "");
  } catch {
    return "";
  }
}

function mustNotTell(text: string, hidden: string, what: string): void {
  must(hidden === "" || !text.includes(hidden), () => `${what} tells the secret: ${text}`);
}

/** An accepted configuration has everything the worker relies on, in the bounds it relies on. */
function checkComplete(config: Config): void {
  const isWhole = (value: unknown, min: number, max: number): boolean =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
  for (const [name, value] of Object.entries(config)) {
    must(value !== undefined && value !== null, `${name} is missing`);
  }
  must(isWhole(config.wsPort, 1, 65_535), "a port for browsers that is none");
  must(isWhole(config.internalPort, 1, 65_535), "an internal port that is none");
  must(config.wsBind !== "" && config.internalBind !== "", "an address that is empty");
  const revealed = config.workerSecret.reveal();
  must(
    revealed.length >= MIN_SECRET_LENGTH && !/\p{Cc}/u.test(revealed),
    "a secret that no header can carry",
  );
  must(config.topicTtlMs >= 1000 && config.topicTtlMs <= 87_600 * 3_600_000, "a time to live");
  must(isWhole(config.outbox.events, 1, 10_000_000), "a bound of events");
  must(isWhole(config.outbox.bytes, 1_048_576, 4_294_967_296), "a bound of bytes");
  must(config.outbox.ageMs >= 1000 && config.outbox.ageMs <= 480_000, "an age");
  must(config.gatewayThreads === "auto" || isWhole(config.gatewayThreads, 1, 64), "threads");
  must(isWhole(config.maxTopics, 1, 10_000_000), "a bound of topics");
  must(/^[A-Za-z0-9._:-]{1,64}$/.test(config.redisPrefix), "a prefix");
  // What the parts do with it at the start must not fail either.
  originCheck(config.allowedOrigins)("https://log.example.org");
  const url = config.redisUrl.reveal();
  if (url !== "") {
    connectionOptions(url, undefined, 1);
  }
}

/** Whatever is shown of an accepted configuration is printable, and holds no secret. */
function checkShown(result: Extract<LoadResult, { ok: true }>, hidden: string): void {
  const { config, shown, sources, warnings } = result;
  mustEqual(Object.keys(shown), CONFIG_KEYS, "the keys that are shown");
  mustEqual(Object.keys(sources), CONFIG_KEYS, "the keys whose source is told");
  for (const warning of warnings) {
    mustBeOneLine(warning, MAX_MESSAGE_LENGTH, "a warning");
  }
  const isItself = config.workerSecret.reveal() === hidden;
  const said = [...warnings, shown.worker_secret, String(config.workerSecret)].join("\n");
  mustNotTell(said, config.workerSecret.reveal(), "what is shown");
  if (isItself) {
    mustNotTell(JSON.stringify(config), hidden, "the configuration as JSON");
    mustNotTell(Bun.inspect(config), hidden, "the configuration in a log");
  }
}

/** `loadConfig`: a file is taken whole or refused in one line, and no secret is told. */
export const configuration = pureTarget<Case>({
  name: "configuration",
  weight: 4,
  cases,
  check,
  size: (input) => input.file.length,
});
