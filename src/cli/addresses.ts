import { isAnyAddress } from "../config/bind-address.ts";

/** Where a program on this machine reaches a port bound to an address, as `host:port`. */
export function reachableAt(bind: string, port: number): string {
  const host = reachableHost(bind);
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The host alone, an IPv6 address without brackets. */
export function reachableHost(bind: string): string {
  return isAnyAddress(bind) ? "127.0.0.1" : bind;
}

/**
 * The WebSocket endpoint at an address somebody gave: `/ws` is added unless it is there, a query is
 * left out.
 *
 * @returns `undefined` when the text is no WebSocket address.
 */
export function webSocketEndpoint(address: string): URL | undefined {
  const url = URL.parse(address);
  if (url === null || !/^wss?:$/.test(url.protocol) || url.hostname === "") {
    return undefined;
  }
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith("/ws") ? path : `${path}/ws`;
  url.search = "";
  url.hash = "";
  return url;
}
