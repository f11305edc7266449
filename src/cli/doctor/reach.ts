import { isIP } from "node:net";
import { CHECK_IDS, type CheckId } from "./checks.ts";
import { type Finding, ok, problem, skipped, warning } from "./finding.ts";
import { isLoopback, type Site } from "./site.ts";
import { open, type Patience, resolveName } from "./wire.ts";

/** Addresses of one name that are tried at most. */
const MAX_ADDRESSES = 8;

/** What the way to the site's port has shown. */
export interface Reach {
  readonly findings: readonly [name: Finding, port: Finding];
  /** Of the name, tried or not. */
  readonly addresses: readonly string[];
  /** The first that takes connections. */
  readonly address: string | undefined;
}

/**
 * Whether the name is known, and the port takes connections.
 *
 * @param hasIpv6 Whether this machine can reach IPv6 addresses at all.
 */
export async function reachSite(
  { host, port }: Site,
  hasIpv6: boolean,
  patience: Patience,
): Promise<Reach> {
  const resolved =
    isIP(host) === 0
      ? await resolveName(host, patience)
      : ({ ok: true, addresses: [host] } as const);
  if (!resolved.ok) {
    const name = problem(
      "name",
      `${host} ${resolved.why}`,
      "correct --url, or the DNS record; browsers need the same name",
    );
    return {
      findings: [name, skipped("port", "the host is not known")],
      addresses: [],
      address: undefined,
    };
  }
  const addresses = [...new Set(resolved.addresses)].slice(0, MAX_ADDRESSES);
  const name =
    isIP(host) === 0
      ? ok("name", `${host} is ${addresses.join(" and ")}`)
      : ok("name", `${host} is an address`);
  const tried = addresses.filter(
    (address) => hasIpv6 || isIP(address) === 4 || isLoopback(address) || address === host,
  );
  const results = await Promise.all(
    tried.map(async (address) => {
      const opened = await open({ address, port, host, isTls: false }, patience);
      if (opened.ok) {
        opened.socket.destroy();
      }
      return { address, why: opened.ok ? undefined : opened.why };
    }),
  );
  const address = results.find(({ why }) => why === undefined)?.address;
  const silent = results.filter(({ why }) => why !== undefined);
  return { findings: [name, judgePort(host, port, address, silent)], addresses, address };
}

function judgePort(
  host: string,
  port: number,
  address: string | undefined,
  silent: readonly { readonly address: string; readonly why: string | undefined }[],
): Finding {
  const where = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (address === undefined) {
    const why = [...new Set(silent.map((one) => one.why))].join("; ");
    return problem(
      "port",
      `${where} ${why === "" ? "has no address that this machine can reach" : why}`,
      "does the web server run and listen on this port? does a firewall let browsers through?",
    );
  }
  const [first] = silent;
  return first === undefined
    ? ok("port", `${where} takes connections`)
    : warning(
        "port",
        `${where} takes connections at ${address}, but ${first.address} ${first.why}`,
        "browsers that try that address first lose time or fail: let the web server listen on it (listen",
        "[::]:443), or remove it from the DNS",
      );
}

/** What is not looked at any more from a check on, up to the last of a site. */
export function skippedFrom(first: CheckId, why: string): readonly Finding[] {
  return CHECK_IDS.slice(CHECK_IDS.indexOf(first)).map((id) => skipped(id, why));
}
