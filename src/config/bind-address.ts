import { isIP } from "node:net";

/** All interfaces, IPv6 and IPv4 alike (dual stack). */
export const ALL_INTERFACES = "::";

/** All IPv4 interfaces. */
const ALL_IPV4 = "0.0.0.0";

/** RFC 1123 labels, and the underscore that container networks allow themselves. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*\.?$/i;

/** A last label that is a number makes a broken IPv4 address, never a host name. */
const NUMERIC_END = /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i;

export type BindResult =
  | { readonly ok: true; readonly address: string }
  /** Goes after the quoted value in a message. */
  | { readonly ok: false; readonly problem: string };

/** Reads the address a port is bound to: an IP address, a host name, or "" for all interfaces. */
export function parseBindAddress(text: string): BindResult {
  if (text === "" || isUnspecifiedIpv6(text)) {
    return { ok: true, address: ALL_INTERFACES };
  }
  if (isIP(text) !== 0 || (HOST_NAME.test(text) && !NUMERIC_END.test(text))) {
    return { ok: true, address: text };
  }
  if (/^\[.*\]$/.test(text)) {
    return problem("has brackets; write the IPv6 address without them");
  }
  if (/:\d+$/.test(text) && isIP(text.replace(/:\d+$/, "")) === 4) {
    return problem("has a port; write the address alone, the port has a key of its own");
  }
  return problem('is no address; give an IP address or a host name, or "" for all interfaces');
}

/** `::`, which may be spelled `::0`, `0:0:0:0:0:0:0:0` and otherwise. */
function isUnspecifiedIpv6(text: string): boolean {
  return isIP(text) === 6 && URL.parse(`http://[${text}]`)?.hostname === `[${ALL_INTERFACES}]`;
}

/** Whether an address stands for all interfaces. */
export function isAnyAddress(address: string): boolean {
  return address === ALL_INTERFACES || address === ALL_IPV4;
}

/**
 * The address to listen on: "all interfaces" without IPv6 in the kernel is all of IPv4, as in the
 * original. Other addresses stay what they are, so that one that cannot be had is told.
 */
export function listenAddress(address: string, hasIpv6: boolean): string {
  return address === ALL_INTERFACES && !hasIpv6 ? ALL_IPV4 : address;
}

/** Whether two sockets on these addresses cannot have the same port. */
export function bindsOverlap(one: string, other: string): boolean {
  if (one === ALL_INTERFACES || other === ALL_INTERFACES || one === other) {
    return true;
  }
  const [first, second] = [loopbackAsAddress(one), loopbackAsAddress(other)];
  return first === second || covers(first, second) || covers(second, first);
}

/** `0.0.0.0` covers every IPv4 address; a host name may turn out to be one. */
function covers(any: string, address: string): boolean {
  return any === ALL_IPV4 && isIP(address) !== 6;
}

function loopbackAsAddress(address: string): string {
  return address.toLowerCase() === "localhost" ? "127.0.0.1" : address;
}

function problem(text: string): BindResult {
  return { ok: false, problem: text };
}
