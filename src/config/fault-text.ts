/** Longest value a message repeats, in characters; enough to recognise it. */
const MAX_VALUE_LENGTH = 60;

/** Longest file name a message repeats. */
const MAX_PATH_LENGTH = 200;

/**
 * What must not reach a terminal or a log from outside: control characters (newlines and escape
 * sequences among them), invisible and direction-changing ones, line separators, lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Text that may hold a secret put in the wrong place: it names one, or has a run of characters as
 * long as a secret must be.
 */
const MAY_BE_SECRET = /secret|passw|[0-9a-z+/=_]{32}/i;

/** Shortest secret that is one (contract). */
const MIN_SECRET_LENGTH = 32;

/** A shorter "secret" is a slip of its own (`9000`) and would hide other values for nothing. */
const MIN_SECRET_PART = 8;

/** What stands in a message for a value that is not shown. */
const NOT_SHOWN = "the value (not shown here)";

/** Text for one line of output: unprintable characters become `?`, and what is too long is cut. */
export function cleanText(text: string, maxLength: number): string {
  // Cut before cleaning too: the text may be a megabyte.
  const clean = text.slice(0, maxLength + 1).replace(UNPRINTABLE, "?");
  if (clean.length <= maxLength) {
    return clean;
  }
  // A cut through a surrogate pair leaves half of it, which is no character.
  const cut = clean.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, "");
  return `${cut.trimEnd()}…`;
}

/** A file name for a message. */
export function cleanPath(path: string): string {
  return cleanText(path, MAX_PATH_LENGTH);
}

/**
 * A setting's value for a message: in quotes, on one line, shortened. Lists and mappings are only
 * called that, and what holds the secret or may be one is not shown: while no secret is known, that
 * is any text as long as one.
 *
 * @param secretTexts The secrets of this configuration, "" for an unknown one.
 */
export function quoteValue(value: unknown, secretTexts: readonly string[]): string {
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? "a list" : "a mapping";
  }
  const text = String(value);
  const isHidden =
    MAY_BE_SECRET.test(text) ||
    secretTexts.some((secret) => holdsSecret(text, secret)) ||
    (text.length >= MIN_SECRET_LENGTH &&
      secretTexts.every((secret) => secret.length < MIN_SECRET_LENGTH));
  return isHidden ? NOT_SHOWN : `"${cleanText(text, MAX_VALUE_LENGTH)}"`;
}

function holdsSecret(text: string, secretText: string): boolean {
  return secretText.length >= MIN_SECRET_PART && text.includes(secretText);
}

/**
 * An unknown key for a message: only its leading name characters, since a missing space after the
 * colon makes YAML read `key:value` as one key.
 *
 * @param secretTexts As for {@link quoteValue}.
 */
export function quoteKey(key: string, secretTexts: readonly string[]): string {
  const name = /^[A-Za-z0-9_.-]{0,31}(?![A-Za-z0-9_.-])/.exec(key)?.[0] ?? "";
  if (name === "" || secretTexts.some((secret) => holdsSecret(name, secret))) {
    return "a key (not shown here)";
  }
  return name === key ? `"${name}"` : `"${name}…"`;
}
