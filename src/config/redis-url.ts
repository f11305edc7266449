/** Goes after the key in a message; never holds any of the URL, which may contain a password. */
export type RedisUrlProblem = string;

/**
 * Checks the form `redis://[user:password@]host[:port][/db]` (`rediss://` with TLS).
 *
 * @returns what is wrong with it, or `undefined`.
 */
export function redisUrlProblem(text: string): RedisUrlProblem | undefined {
  if (!/^rediss?:\/\//.test(text)) {
    return 'does not begin with "redis://" or "rediss://"';
  }
  const url = URL.parse(text);
  if (url === null || url.hostname === "" || url.port === "0") {
    return "has no valid host and port; write redis://host:6379/0";
  }
  if (!/^(?:\/\d{0,5})?$/.test(url.pathname) || url.search !== "" || url.hash !== "") {
    return "has more after the host than a database number; write redis://host:6379/0";
  }
  return undefined;
}

/** A checked URL for output: its user and password are left out. */
export function maskRedisUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) {
    return "[secret]";
  }
  const credentials = url.username === "" && url.password === "" ? "" : "[secret]@";
  return `${url.protocol}//${credentials}${url.host}${url.pathname}`;
}
