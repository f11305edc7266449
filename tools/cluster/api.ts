import { LOOPBACK } from "./places.ts";

/** Longer than any answer takes, in milliseconds. */
const CALL_DEADLINE_MS = 2000;

/** What the internal API has answered. */
export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/** Calls the internal API of this machine: a GET, or a POST when there is a body. */
export async function callApi(
  port: number,
  secret: string,
  path: string,
  body?: string,
): Promise<ApiAnswer> {
  const response = await fetch(`http://${LOOPBACK}:${port}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "X-Worker-Secret": secret },
    ...(body === undefined ? {} : { body }),
    // A new connection each time, as PHP does; and never through a proxy that somebody has set.
    keepalive: false,
    proxy: "",
    signal: AbortSignal.timeout(CALL_DEADLINE_MS),
  });
  return { status: response.status, text: await response.text() };
}
