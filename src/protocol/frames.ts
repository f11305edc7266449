/** Answer to a good handshake, as literal text (contract, "WebSocket"). */
export const AUTH_OK_FRAME = '{"type":"auth_ok"}';

/** Largest frame a client may send, in bytes; a longer one is closed with 1009 (contract). */
export const MAX_CLIENT_FRAME_BYTES = 4096;

/**
 * Errors a client can be told in an `error` frame: code and text. Any of them makes the browser
 * code give up at once, so none is sent for a passing condition.
 */
export const SOCKET_ERRORS = {
  auth_required: "send a valid auth frame with a token first",
  unauthorized: "the token is not valid for this topic",
  auth_expired: "the token has expired",
} as const;

export type SocketErrorCode = keyof typeof SOCKET_ERRORS;

/** The `error` frame for a code. */
export function errorFrame(code: SocketErrorCode): string {
  return `{"type":"error","code":"${code}","message":"${SOCKET_ERRORS[code]}"}`;
}

/**
 * The `push` frame around a payload, in exactly this key order and spacing (contract).
 *
 * @param payload Valid JSON text, forwarded as it is.
 */
export function pushFrame(payload: string): string {
  return `{"type":"push","payload":${payload}}`;
}

/** The `status` frame around a status object given as JSON text. */
export function statusFrame(payload: string): string {
  return `{"type":"status","payload":${payload}}`;
}

/** The answer to a good refresh: until when, in Unix seconds, the socket is good now. */
export function refreshedFrame(expires: number): string {
  return `{"type":"refreshed","expires":${expires}}`;
}

/** What a client's frame means; everything the contract does not name is `other` and ignored. */
export type ClientFrame =
  | {
      readonly type: "auth" | "refresh";
      /** `undefined` when absent or empty; `null` when present but no string. */
      readonly token: string | null | undefined;
    }
  | { readonly type: "status" }
  | { readonly type: "other" };

const OTHER: ClientFrame = { type: "other" };
const STATUS: ClientFrame = { type: "status" };

/** Reads a client's text frame. Never throws: what is no JSON object of a known type is `other`. */
export function readClientFrame(text: string): ClientFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return OTHER;
  }
  if (typeof value !== "object" || value === null) {
    return OTHER;
  }
  const { type, token } = value as Record<string, unknown>;
  if (type === "status") {
    return STATUS;
  }
  if (type !== "auth" && type !== "refresh") {
    return OTHER;
  }
  if (token === undefined || token === null || token === "") {
    return { type, token: undefined };
  }
  return { type, token: typeof token === "string" ? token : null };
}
