/** Goes after the key in a message; never holds any of the URL, which may contain a password. */
export type RedisUrlProblem = string;

/**
 * Checks the form `redis://[user:password@]host[:port][/db]` (`rediss://` with TLS), or
 * `unix:///path[?db=N&user=…&password=…]`.
 *
 * @returns what is wrong with it, or `undefined`.
 */
export function redisUrlProblem(text: string): RedisUrlProblem | undefined {
  if (!/^(?:rediss?|unix):\/\//.test(text)) {
    return 'does not begin with "redis://", "rediss://" or "unix://"';
  }
  const url = URL.parse(text);
  if (text.startsWith("unix:")) {
    const isPath = url !== null && url.hostname === "" && url.pathname.length > 1;
    return isPath && isUnixQuery(url.searchParams) && url.hash === ""
      ? undefined
      : "has no valid path; write unix:///run/redis/redis.sock?db=0";
  }
  if (url === null || url.hostname === "" || url.port === "0") {
    return "has no valid host and port; write redis://host:6379/0";
  }
  if (!/^(?:\/\d{0,5})?$/.test(url.pathname) || url.search !== "" || url.hash !== "") {
    return "has more after the host than a database number; write redis://host:6379/0";
  }
  return undefined;
}

/** A socket has no place for these before it, as a host has. */
function isUnixQuery(query: URLSearchParams): boolean {
  const keys = [...query.keys()];
  return (
    keys.every((key) => key === "db" || key === "user" || key === "password") &&
    /^\d{1,5}$/.test(query.get("db") ?? "0")
  );
}

/** A checked URL for output: its user and password are left out. */
export function maskRedisUrl(text: string): string {
  if (text === "") {
    return "";
  }
  const url = URL.parse(text);
  if (url === null) {
    return "[secret]";
  }
  if (url.protocol === "unix:") {
    const query = url.searchParams;
    const login = query.has("user") || query.has("password") ? "[secret]@" : "";
    return `unix://${login}${url.pathname}${query.has("db") ? `?db=${query.get("db")}` : ""}`;
  }
  const credentials = url.username === "" && url.password === "" ? "" : "[secret]@";
  return `${url.protocol}//${credentials}${url.host}${url.pathname}`;
}
