import fc from "fast-check";
import { maskRedisUrl, redisUrlProblem } from "../../../src/config/redis-url.ts";
import { connectionOptions } from "../../../src/redis/connection-options.ts";
import { must, mustBeOneLine, mustEqual } from "../check.ts";
import { mutated } from "../generate/mutation.ts";
import { hexText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

interface Right {
  readonly kind: "right";
  readonly scheme: "redis" | "rediss" | "unix";
  readonly user: string;
  readonly password: string;
  /** A host, or a path for `unix`. */
  readonly place: string;
  readonly port: number | null;
  readonly db: number | null;
}

type Case = Right | { readonly kind: "any"; readonly text: string; readonly password: string };

const HOSTS = ["localhost", "127.0.0.1", "[::1]", "redis.example.org", "redis-1", "10.0.0.1"];

/** Well-formed text, since a URL can carry no other, and printable beginnings. */
const word = seldom(hexText(0, 12), 2, wildText(10)).map((text) => text.toWellFormed());

const login = { user: word, password: word };

const right: fc.Arbitrary<Right> = fc.oneof(
  fc.record({
    kind: fc.constant("right" as const),
    scheme: fc.constantFrom("redis" as const, "rediss" as const),
    ...login,
    place: fc.constantFrom(...HOSTS),
    port: fc.option(fc.integer({ min: 1, max: 65_535 })),
    db: fc.option(fc.nat({ max: 99_999 })),
  }),
  fc.record({
    kind: fc.constant("right" as const),
    scheme: fc.constant("unix" as const),
    ...login,
    place: fc.constantFrom("/run/redis.sock", "/a b", "/var/run/redis/redis-server.sock"),
    port: fc.constant(null),
    db: fc.option(fc.nat({ max: 99_999 })),
  }),
);

function written({ scheme, user, password, place, port, db }: Right): string {
  const [name, pass] = [encodeURIComponent(user), encodeURIComponent(password)];
  if (scheme === "unix") {
    const query = [
      ...(db === null ? [] : [`db=${db}`]),
      ...(user === "" ? [] : [`user=${name}`]),
      ...(password === "" ? [] : [`password=${pass}`]),
    ].join("&");
    return `unix://${place.replaceAll(" ", "%20")}${query === "" ? "" : `?${query}`}`;
  }
  const credentials = user === "" && password === "" ? "" : `${name}:${pass}@`;
  const end = `${port === null ? "" : `:${port}`}${db === null ? "" : `/${db}`}`;
  return `${scheme}://${credentials}${place}${end}`;
}

const cases: fc.Arbitrary<Case> = fc.oneof(
  { weight: 3, arbitrary: right },
  {
    weight: 2,
    arbitrary: right.chain((whole) =>
      mutated(fc.constant(written(whole))).map((text) => ({
        kind: "any" as const,
        text,
        password: whole.password,
      })),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("redis://", "rediss://", "unix://", ""), wildText())
      .map(([scheme, rest]) => ({ kind: "any" as const, text: scheme + rest, password: "" })),
  },
);

/** A password that stands nowhere in a URL by chance, and is written as it is. */
const TELLING = /^[0-9a-f]{8,}$/;

function check(input: Case): void {
  const text = input.kind === "right" ? written(input) : input.text;
  const problem = redisUrlProblem(text);
  if (problem !== undefined) {
    must(input.kind === "any", () => `${text} is refused: it ${problem}`);
    mustBeOneLine(problem, 200, "a problem");
    return;
  }
  const { password } = input;
  const mask = maskRedisUrl(text);
  const isTold = TELLING.test(password) && mask.includes(password);
  // Damage may have made another part of the URL of what was the password, or doubled it.
  const isPassword = passwordOf(text) === password && text.split(password).length === 2;
  must(!isTold || !isPassword, () => `a password is told: ${mask}`);
  const options = connectionOptions(text, undefined, 1);
  if (input.kind === "right") {
    checkOptions(input, options);
  }
}

function passwordOf(text: string): string {
  const url = new URL(text);
  try {
    return decodeURIComponent(url.password) || (url.searchParams.get("password") ?? "");
  } catch {
    return "";
  }
}

function checkOptions(
  { scheme, user, password, place, port, db }: Right,
  options: ReturnType<typeof connectionOptions>,
): void {
  mustEqual(options.username ?? "", user, "a user");
  mustEqual(options.password ?? "", password, "a password");
  mustEqual(options.database, db ?? 0, "a database");
  const socket: Readonly<Record<string, unknown>> = { ...options.socket };
  if (scheme === "unix") {
    mustEqual(socket["path"], place, "a path");
    return;
  }
  mustEqual(socket["host"], place.replace(/^\[|\]$/g, ""), "a host");
  mustEqual(socket["port"], port ?? 6379, "a port");
  mustEqual(socket["tls"] ?? false, scheme === "rediss", "TLS");
}

/** What is taken for a Redis URL leads where it says, and is shown without its password. */
export const redisUrls = pureTarget<Case>({
  name: "redis-urls",
  weight: 2,
  cases,
  check,
  size: (input) => (input.kind === "any" ? input.text.length : 0),
});
