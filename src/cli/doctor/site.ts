import { isIP } from "node:net";
import { webSocketEndpoint } from "../addresses.ts";

/** The address that browsers use, taken apart. */
export interface Site {
  /** With `/ws`, without a query. */
  readonly endpoint: string;
  readonly isTls: boolean;
  /** Name or IP address, an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** As the `Host` header has it. */
  readonly authority: string;
  /** What stands before `/ws`, without a slash at its end: `/worker`, or "". */
  readonly prefix: string;
  /** The origin of a page of the same host, which is where Wavelog usually is. */
  readonly pageOrigin: string;
}

/** Reads an address; `undefined` when it is no WebSocket address. */
export function readSite(address: string): Site | undefined {
  const url = webSocketEndpoint(address);
  if (url === undefined) {
    return undefined;
  }
  const isTls = url.protocol === "wss:";
  return {
    endpoint: url.href,
    isTls,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    authority: url.host,
    prefix: url.pathname.replace(/\/ws$/, ""),
    pageOrigin: `${isTls ? "https" : "http"}://${url.host}`,
  };
}

/** Whether a host is this machine, by the address that only it can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
