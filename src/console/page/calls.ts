import type { TestResult } from "../messages.ts";

/** How long a call may take, in milliseconds; a test event waits up to 2 s for other nodes. */
const DEADLINE_MS = 8000;

/** What the worker's own state says: `ok`, the secret is wrong, or there is no answer to speak of. */
export type Answers = "ok" | "forbidden" | "none";

/** What came of a call: JSON, or a fault as the worker words it; status 0 for no answer at all. */
export type CallResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly status: number; readonly text: string };

/** Asks whether the worker answers to this secret. */
export async function answers(secret: string): Promise<Answers> {
  const result = await call(secret, "internal/status", undefined);
  if (result.ok) {
    return "ok";
  }
  return result.status === 403 ? "forbidden" : "none";
}

/** Publishes a test event; the payload is sent as it was typed. */
export async function publishTest(
  secret: string,
  topic: string,
  payload: string,
): Promise<CallResult<TestResult>> {
  const body = `{"topic":${JSON.stringify(topic)},"payload":${payload}}`;
  const result = await call(secret, "internal/test", body);
  return result.ok ? { ok: true, value: JSON.parse(result.value) } : result;
}

/** Registers a topic to which only those with a token may listen. */
export async function register(secret: string, topic: string): Promise<CallResult<string>> {
  const body = JSON.stringify({ topic, meta: { require_token: true } });
  return await call(secret, "internal/register", body);
}

async function call(
  secret: string,
  path: string,
  body: string | undefined,
): Promise<CallResult<string>> {
  try {
    const answer = await fetch(new URL(path, document.baseURI), {
      method: body === undefined ? "GET" : "POST",
      headers: { "X-Worker-Secret": asHeader(secret) },
      body: body ?? null,
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    const text = await answer.text();
    return answer.ok
      ? { ok: true, value: text }
      : { ok: false, status: answer.status, text: text.slice(0, 200) };
  } catch {
    return { ok: false, status: 0, text: "no answer" };
  }
}

/** A header holds bytes: those of UTF-8, each as the character of its number. */
function asHeader(secret: string): string {
  return Array.from(new TextEncoder().encode(secret), (byte) => String.fromCharCode(byte)).join("");
}
