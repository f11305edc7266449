import { type ApiError, UPGRADE_ERRORS } from "../protocol/api-errors.ts";

/** The only version of the protocol (RFC 6455, 4.1). */
const VERSION = "13";

/** 16 bytes in base64 (RFC 6455, 4.1). */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** What an answer 426 says beside its text (RFC 9110, 15.5.22; RFC 6455, 4.4). */
export const UPGRADE_REQUIRED_HEADERS: Readonly<Record<string, string>> = {
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": VERSION,
};

/**
 * What is wrong with a request as an opening handshake (RFC 6455, 4.2.1), `undefined` when nothing
 * is. Looked at here since the WebSocket server itself does without the `Connection` header, and
 * answers other faults with less.
 */
export function handshakeFault(method: string, headers: Headers): ApiError | undefined {
  const isUpgrade =
    method === "GET" &&
    hasToken(headers.get("upgrade"), "websocket") &&
    hasToken(headers.get("connection"), "upgrade");
  if (!isUpgrade) {
    return UPGRADE_ERRORS.notAWebSocket;
  }
  if (headers.get("sec-websocket-version") !== VERSION) {
    return UPGRADE_ERRORS.unsupportedVersion;
  }
  return KEY.test(headers.get("sec-websocket-key") ?? "") ? undefined : UPGRADE_ERRORS.badKey;
}

/** Whether a header's list, which may be one of several lines, has a word; case does not count. */
function hasToken(list: string | null, word: string): boolean {
  return (list ?? "").split(",").some((entry) => entry.trim().toLowerCase() === word);
}
