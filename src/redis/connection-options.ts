import type { RedisClientOptions } from "redis";

/** How to reach a Redis server, as the client takes it. */
export type ConnectionOptions = Pick<
  RedisClientOptions,
  "username" | "password" | "database" | "socket"
>;

/** Redis' own port. */
const DEFAULT_PORT = 6379;

/**
 * Reads a checked `redis_url`: `redis://[user:password@]host:port/db`, `rediss://` with TLS, or
 * `unix:///path/to/socket?db=2&user=…&password=…`.
 *
 * @param tlsCa PEM text of the authorities that may have signed the server's certificate; without
 *   it, the system's.
 * @param connectTimeout Milliseconds for the socket alone.
 */
export function connectionOptions(
  url: string,
  tlsCa: string | undefined,
  connectTimeout: number,
): ConnectionOptions {
  const { protocol, hostname, port, pathname, username, password, searchParams } = new URL(url);
  if (protocol === "unix:") {
    return {
      ...login(searchParams.get("user") ?? "", searchParams.get("password") ?? ""),
      database: Number(searchParams.get("db") ?? 0),
      socket: { path: unescapeText(pathname), tls: false, connectTimeout },
    };
  }
  const address = {
    // IPv6 addresses stand in brackets in a URL, and nowhere else.
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? DEFAULT_PORT : Number(port),
    connectTimeout,
  };
  const common = {
    ...login(unescapeText(username), unescapeText(password)),
    database: Number(pathname.slice(1) || 0),
  };
  if (protocol === "rediss:") {
    const ca = tlsCa === undefined ? {} : { ca: tlsCa };
    return { ...common, socket: { ...address, ...ca, tls: true } };
  }
  return { ...common, socket: address };
}

/** Text of a URL without its escapes; a percent sign that escapes nothing stands for itself. */
function unescapeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** User and password, where there are any: an empty one is not the same as none. */
function login(username: string, password: string): { username?: string; password?: string } {
  return {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
  };
}
