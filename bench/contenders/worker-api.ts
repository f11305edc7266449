import { makeToken } from "../token.ts";
import type { Dialect } from "./contender.ts";

/** Long enough for any answer of a server that has just begun to listen. */
const REQUEST_MS = 5_000;

/** The protocol of the worker, which the yardstick and some peers speak as well. */
export function workerDialect(secret: string): Dialect {
  return {
    subscribe: "/ws?topic={topic}",
    talk: [{ send: '{"type":"auth","token":"{token}"}' }, { await: '{"type":"auth_ok"}' }],
    push: { prefix: '{"type":"push","payload":', suffix: "}" },
    publish: {
      path: "/internal/publish",
      headers: [`X-Worker-Secret: ${secret}`],
      prefix: '{"topic":"{topic}","payload":',
      suffix: "}",
      escaped: false,
    },
  };
}

/** What lets a browser subscribe to a topic of a server with this secret. */
export function workerToken(secret: string): (topic: string) => string {
  return (topic) => makeToken(secret, topic);
}

/** Registers topics at a worker; a token is required on each. Throws when one is refused. */
export async function register(
  httpPort: number,
  secret: string,
  topics: readonly string[],
): Promise<void> {
  for (const topic of topics) {
    const response = await fetch(`http://127.0.0.1:${httpPort}/internal/register`, {
      method: "POST",
      headers: { "X-Worker-Secret": secret },
      body: JSON.stringify({ topic, meta: { require_token: true } }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    if (response.status === 200) continue;
    throw new Error(`register answered ${response.status} ${await response.text()}`);
  }
}
