import { isIP } from "node:net";

export type OriginResult =
  /** An exact origin (`https://log.example.org`) or a host wildcard (`*.example.org`). */
  | { readonly ok: true; readonly pattern: string }
  /** Goes after the quoted value in a message; repeats nothing of it, which is not ours to clean. */
  | { readonly ok: false; readonly problem: string };

/** `scheme://host[:port]` of a scheme that browsers have no rules for (apps have such origins). */
const OTHER_ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9_.:[\]-]+$/;

/** A host's labels are never empty; the URL parser lets such pass, and makes some of what it drops. */
const LABELS = /^[^.]+(?:\.[^.]+)*\.?$/;

const EXPECTED = 'is no origin; write "https://log.example.org" or "*.example.org"';

/**
 * Reads one entry of `allowed_origins` and puts it in the form browsers send: lower case, host in
 * ASCII (punycode), no default port.
 */
export function parseOriginPattern(text: string): OriginResult {
  if (text === "*") {
    return problem("is no origin; leave allowed_origins empty to let any origin in");
  }
  if (text.startsWith("*.")) {
    const host = hostOnly(text.slice(2));
    // No host is below an IP address.
    return host === undefined || isIP(host) !== 0
      ? problem(EXPECTED)
      : { ok: true, pattern: `*.${host}` };
  }
  const lower = text.toLowerCase();
  if (!lower.includes("://")) {
    return problem(
      hostOnly(lower) === undefined ? EXPECTED : 'has no scheme; put "https://" before it',
    );
  }
  if (/^https?:\/\/\*\./.test(lower)) {
    return problem('is a wildcard with a scheme; write it without, as "*.example.org"');
  }
  if (!/^https?:/.test(lower)) {
    return OTHER_ORIGIN.test(lower) ? { ok: true, pattern: lower } : problem(EXPECTED);
  }
  return parseWebOrigin(lower);
}

function parseWebOrigin(lower: string): OriginResult {
  const url = URL.parse(lower);
  if (url === null || !LABELS.test(url.hostname) || url.hostname.includes("*")) {
    return problem(EXPECTED);
  }
  const rest = `${url.username}${url.password}${url.search}${url.hash}`;
  // `origin` has no path, so a bare trailing slash shows only in the text.
  if (rest !== "" || url.pathname !== "/" || /[/?#]$/.test(lower)) {
    return problem(
      "is more than an origin; write scheme, host and port only, without a slash after it",
    );
  }
  return { ok: true, pattern: url.origin };
}

/** A host name as browsers write it, or `undefined` when the text is more or less than one. */
function hostOnly(text: string): string | undefined {
  if (!/^[^\s/?#@:*[\]\\]+$/.test(text)) {
    return undefined;
  }
  const host = URL.parse(`http://${text}`)?.hostname ?? "";
  return LABELS.test(host) ? host : undefined;
}

function problem(text: string): OriginResult {
  return { ok: false, problem: text };
}
