/** Longest text of foreign origin in a log line, in UTF-16 units. */
const MAX_LENGTH = 200;

/**
 * Makes text of foreign origin fit for a log line: no control or formatting characters, which could
 * forge lines or drive a terminal, and not long.
 */
export function printable(text: string): string {
  const cut = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  return cut.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}
