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
  // Behind a proxy everybody comes from the same address.
  let last = "";
  let isLastTrusted = false;
  return (address) => {
    if (address !== last) {
      last = address;
      isLastTrusted = list.check(address, familyOf(address));
    }
    return isLastTrusted;
  };
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}
