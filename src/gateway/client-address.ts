import { isIP } from "node:net";

/**
 * How much of a forwarding header is looked at, from its end, in characters: some ten proxies. What
 * stands before was written by the client, who may write as much as it likes.
 */
const MAX_HEADER_LENGTH = 512;

/** Who a connection comes from. */
export interface ClientAddress {
  /** An IP address, or `unknown`. */
  readonly address: string;
  /**
   * Whether the limits per address concern it. They don't where it is a trusted proxy's own, which
   * stands for many clients, or where there is none.
   */
  readonly isOneClient: boolean;
  /** Whether a forwarding header was there that the peer had no right to. */
  readonly isHeaderIgnored: boolean;
}

/**
 * Finds the client's address. Forwarding headers count only when the peer is a trusted proxy:
 * `X-Forwarded-For`, to which every proxy has added its peer at the end, is read from there, past
 * trusted proxies, to the first address that is none; what stands before that address, the client
 * may have written itself. Without it `X-Real-IP` counts. What is no IP address is never used, so
 * nothing a client writes there reaches a log.
 */
export function clientAddress(
  forwardedFor: string | null,
  realIp: string | null,
  peer: string | undefined,
  isTrusted: (address: string) => boolean,
): ClientAddress {
  const own = cleanAddress(peer ?? "");
  if (own === undefined) {
    return { address: "unknown", isOneClient: false, isHeaderIgnored: false };
  }
  if (!isTrusted(own)) {
    const isHeaderIgnored = forwardedFor !== null || realIp !== null;
    return { address: own, isOneClient: true, isHeaderIgnored };
  }
  const header = forwardedFor?.trim() ? forwardedFor : (realIp ?? "");
  const address = lastUntrusted(header, own, isTrusted);
  return { address, isOneClient: !isTrusted(address), isHeaderIgnored: false };
}

/**
 * The last address in a header that is not trusted; the first one when all are. What comes before
 * something that is no address is not looked at: a trusted proxy has not known its peer there.
 */
function lastUntrusted(
  header: string,
  own: string,
  isTrusted: (address: string) => boolean,
): string {
  const entries = header.slice(-MAX_HEADER_LENGTH).split(",");
  // The first entry may have been cut in two.
  const first = header.length > MAX_HEADER_LENGTH ? 1 : 0;
  let address = own;
  for (const entry of entries.slice(first).reverse()) {
    if (entry.trim() === "") {
      continue;
    }
    const next = cleanAddress(entry);
    if (next === undefined) {
      break;
    }
    address = next;
    if (!isTrusted(address)) {
      break;
    }
  }
  return address;
}

/** An IP address without port, brackets, zone or IPv4-in-IPv6 clothing; `undefined` for all else. */
function cleanAddress(text: string): string | undefined {
  let address = text.trim();
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(address);
  if (bracketed?.[1] !== undefined) {
    address = bracketed[1];
  } else if (/^[\d.]+:\d+$/.test(address)) {
    address = address.slice(0, address.indexOf(":"));
  }
  const zone = address.indexOf("%");
  if (zone >= 0) {
    address = address.slice(0, zone);
  }
  if (isIP(address) === 0) {
    return undefined;
  }
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address;
}
