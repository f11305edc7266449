import { isIP } from "node:net";

export type NetworkResult =
  /** An IP address, or a network in CIDR notation. */
  | { readonly ok: true; readonly network: string }
  /** Goes after the quoted value in a message; repeats nothing of it. */
  | { readonly ok: false; readonly problem: string };

const EXPECTED = 'is no address; write "10.0.0.5", "10.0.0.0/24" or "2001:db8::/32"';

/** Reads one entry of `trusted_proxies`. */
export function parseIpNetwork(text: string): NetworkResult {
  const [address = "", bits, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more.length > 0 || address.includes("%")) {
    return { ok: false, problem: EXPECTED };
  }
  const most = family === 4 ? 32 : 128;
  if (bits === undefined) {
    return { ok: true, network: address };
  }
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > most) {
    return { ok: false, problem: `has no good prefix length; give 0 to ${most} after the slash` };
  }
  return { ok: true, network: `${address}/${Number(bits)}` };
}
