import type { IncomingMessage } from "node:http";

/** Largest body of a request (contract: over 1 MiB is 413). */
export const MAX_BODY_BYTES = 1024 * 1024;

/** A body as text, or why there is none. */
export type Body =
  | { readonly ok: true; readonly text: string; readonly bytes: number }
  | { readonly ok: false; readonly fault: "too_large" | "not_utf8" | "cut_short" };

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a request's body up to {@link MAX_BODY_BYTES}; what announces or sends more is given up
 * before it is held. Resolves always: a client that goes away leaves `cut_short`. How long a client
 * may take is the server's `requestTimeout`.
 */
export function readBody(request: IncomingMessage): Promise<Body> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) {
    return Promise.resolve({ ok: false, fault: "too_large" });
  }
  const { promise, resolve } = Promise.withResolvers<Body>();
  const chunks: Buffer[] = [];
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      chunks.length = 0;
      resolve({ ok: false, fault: "too_large" });
      return;
    }
    chunks.push(chunk);
  });
  request.on("end", () => resolve(decode(chunks, size)));
  request.on("error", () => resolve({ ok: false, fault: "cut_short" }));
  request.on("close", () => resolve({ ok: false, fault: "cut_short" }));
  return promise;
}

/** Text of the chunks. A body in one chunk, which is nearly every one, is not copied together. */
function decode(chunks: readonly Buffer[], size: number): Body {
  const [first] = chunks;
  const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
  try {
    return { ok: true, text: decoder.decode(bytes), bytes: size };
  } catch {
    return { ok: false, fault: "not_utf8" };
  }
}
