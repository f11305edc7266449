const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** JSON's white space is space, tab, line feed and carriage return: all at or below a space. */
const SPACE = 0x20;

/**
 * Finds the source text of a top-level member of a JSON object, byte for byte as it was sent
 * (contract: "The payload is forwarded byte for byte"). Of doubled keys the last counts, as it does
 * for `JSON.parse`; keys written with escapes (`"pay\u006coad"`) count as what they spell.
 *
 * The result is a slice of `json`: nothing is copied here.
 *
 * @param json Text that `JSON.parse` has accepted as an object; for anything else the result is
 *   meaningless (but the scan still ends).
 * @returns The value's text without surrounding white space, or `undefined` when there is no such
 *   member.
 */
export function sliceMember(json: string, key: string): string | undefined {
  let start = -1;
  let end = -1;
  let at = skipSpace(json, json.indexOf("{") + 1);
  while (json.charCodeAt(at) === QUOTE) {
    const keyEnd = skipString(json, at);
    const isWanted = spells(json, at, keyEnd, key);
    at = skipSpace(json, keyEnd);
    if (json.charCodeAt(at) !== COLON) {
      break;
    }
    at = skipSpace(json, at + 1);
    const valueStart = at;
    at = skipValue(json, at);
    if (isWanted) {
      start = valueStart;
      end = at;
    }
    at = skipSpace(json, at);
    if (json.charCodeAt(at) !== COMMA) {
      break;
    }
    at = skipSpace(json, at + 1);
  }
  return start < 0 ? undefined : json.slice(start, end);
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (json.charCodeAt(at) <= SPACE) {
    at += 1;
  }
  return at;
}

/** From an opening quote to just behind the closing one. */
function skipString(json: string, quote: number): number {
  let close = json.indexOf('"', quote + 1);
  while (close >= 0 && isEscaped(json, close)) {
    close = json.indexOf('"', close + 1);
  }
  return close < 0 ? json.length : close + 1;
}

/** Whether an odd number of backslashes stands before `at`. */
function isEscaped(json: string, at: number): boolean {
  let first = at;
  while (json.charCodeAt(first - 1) === BACKSLASH) {
    first -= 1;
  }
  return (at - first) % 2 === 1;
}

/** From the first character of a value to just behind its last one. */
function skipValue(json: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < json.length) {
    const char = json.charCodeAt(at);
    if (char === QUOTE) {
      at = skipString(json, at);
      if (depth === 0) {
        return at;
      }
      continue;
    }
    if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      depth += 1;
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) {
      // The brace that closes the whole object ends a bare value such as a number before it.
      if (depth === 0) {
        return at;
      }
      depth -= 1;
      if (depth === 0) {
        return at + 1;
      }
    } else if (depth === 0 && (char === COMMA || char <= SPACE)) {
      return at;
    }
    at += 1;
  }
  return at;
}

function spells(json: string, quote: number, end: number, key: string): boolean {
  if (end - quote - 2 === key.length) {
    return json.startsWith(key, quote + 1);
  }
  return hasEscape(json, quote, end) && JSON.parse(json.slice(quote, end)) === key;
}

/** Looks at the key alone: searching on from each of very many keys would take forever. */
function hasEscape(json: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    if (json.charCodeAt(at) === BACKSLASH) {
      return true;
    }
  }
  return false;
}
