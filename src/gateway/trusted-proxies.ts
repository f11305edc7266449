import { BlockList, isIP } from "node:net";

/**
 * Makes the check whether an address is a trusted proxy's.
 *
 * @param trusted IP addresses and networks in CIDR notation, of both kinds.
 */
export function trustedProxyCheck(trusted: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of trusted) {
    const [network = "", bits] = entry.split("/");
    if (bits === undefined) {
      list.addAddress(network, familyOf(network));
    } else {
      list.addSubnet(network, Number(bits), familyOf(network));
    }
  }
  return (address) => list.check(address, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}
