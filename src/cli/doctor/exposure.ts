import { networkInterfaces } from "node:os";
import { type Finding, ok, skipped, warning } from "./finding.ts";
import { get, type Patience } from "./wire.ts";

/** Addresses tried at most. */
const MAX_ADDRESSES = 4;

/** Needs no secret; whatever is answered, somebody answers. */
const OPEN_PATH = "/healthz";

/** What is known about where the internal API is, and where it should not be. */
export interface Exposure {
  /** Of the internal API. */
  readonly port: number;
  /** Where PHP reaches it, which is right. */
  readonly rightHost: string;
  /** Addresses at which others would look: never this machine's own, inner ones. */
  readonly addresses: readonly string[];
}

/** Addresses of this machine by which others reach it. Link-local ones, which need a zone, are left out. */
export function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
    .map(({ address }) => address);
}

/** Looks whether the internal API answers where it should not. */
export async function judgeExposure(
  { port, rightHost, addresses }: Exposure,
  patience: Patience,
): Promise<Finding> {
  const wrong = [...new Set(addresses)]
    .filter((address) => address !== rightHost)
    .slice(0, MAX_ADDRESSES);
  if (wrong.length === 0) {
    return skipped("exposed", "no other address to try; --url with the public name gives one");
  }
  const answers = await Promise.all(
    wrong.map(async (address) => {
      const target = { address, port, host: address, isTls: false };
      const answer = await get(target, authorityOf(address, port), OPEN_PATH, patience);
      return answer !== undefined;
    }),
  );
  const open = wrong.filter((_, index) => answers[index]);
  if (open.length === 0) {
    return ok("exposed", `port ${port} does not answer at ${wrong.join(", ")}`);
  }
  return warning(
    "exposed",
    `the internal API's port ${port} answers at ${open.join(", ")} too, asked from here`,
    "internal_bind: 127.0.0.1 when PHP is on the same machine; else the address in a private network,",
    "and a firewall rule that lets PHP's machine in alone. In a container the address may be any, and",
    "what counts is the published port: 127.0.0.1:9001:9001.",
    `Try it from elsewhere: curl ${open.map((address) => `http://${authorityOf(address, port)}${OPEN_PATH}`).join(" ")}`,
  );
}

function authorityOf(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
