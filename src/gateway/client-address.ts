import { isIP } from "node:net";

/** Longest forwarding header that is looked at; a longer one is somebody's game. */
const MAX_HEADER_LENGTH = 256;

/**
 * The client's address for the log: the first address in `X-Forwarded-For`, else the one in
 * `X-Real-IP`, else the peer's. What is no IP address is never used, so nothing a client writes
 * there reaches a log.
 */
export function clientAddress(
  forwardedFor: string | null,
  realIp: string | null,
  peer: string | undefined,
): string {
  for (const header of [forwardedFor, realIp]) {
    if (header !== null && header.length <= MAX_HEADER_LENGTH) {
      for (const entry of header.split(",")) {
        const address = cleanAddress(entry);
        if (address !== undefined) {
          return address;
        }
      }
    }
  }
  return cleanAddress(peer ?? "") ?? "unknown";
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
