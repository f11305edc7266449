/** How an API fault is answered: the HTTP status and the plain text of the body. */
export interface ApiError {
  readonly status: number;
  readonly text: string;
  /** Goes out as `Retry-After`, in seconds. */
  readonly retryAfter?: number;
}

/**
 * Every fault the internal API answers (contract, "Internal HTTP API"). PHP takes a 404 on publish
 * as "register the topic and try again", so `topicNotRegistered` is given for that alone.
 */
export const API_ERRORS = {
  badRequest: { status: 400, text: "bad request" },
  missingTopic: { status: 400, text: "missing topic" },
  missingPayload: { status: 400, text: "missing payload" },
  topicTooLong: { status: 400, text: "topic too long: at most 1024 bytes of UTF-8" },
  badLimit: { status: 400, text: "bad limit: give a whole number from 1 to 1000" },
  forbidden: { status: 403, text: "forbidden" },
  notFound: { status: 404, text: "not found" },
  topicNotRegistered: { status: 404, text: "topic not registered" },
  notAWebSocket: {
    status: 426,
    text: "this is a WebSocket endpoint: send an upgrade request",
  },
  methodNotAllowed: { status: 405, text: "method not allowed" },
  bodyTooLarge: { status: 413, text: "body too large: at most 1 MiB" },
  internal: { status: 500, text: "internal error" },
  draining: { status: 503, text: "draining" },
  notReady: { status: 503, text: "not ready" },
  overloaded: { status: 503, text: "overloaded: publish again in a moment", retryAfter: 1 },
  tooManyTopics: { status: 507, text: "too many topics: unregister some or raise max_topics" },
} as const satisfies Record<string, ApiError>;

/** Faults of the WebSocket port before the upgrade (contract, "WebSocket"). */
export const UPGRADE_ERRORS = {
  missingTopic: { status: 400, text: "missing topic" },
  topicTooLong: API_ERRORS.topicTooLong,
  notAWebSocket: API_ERRORS.notAWebSocket,
  unsupportedVersion: { status: 426, text: "unsupported WebSocket version: 13 is spoken here" },
  badKey: { status: 400, text: "bad Sec-WebSocket-Key: send 16 random bytes in base64" },
  originNotAllowed: { status: 403, text: "origin not allowed" },
  notFound: { status: 404, text: "not found" },
  topicNotRegistered: { status: 404, text: "topic not registered" },
  uriTooLong: { status: 414, text: "URI too long" },
  draining: { status: 503, text: "draining" },
  notReady: { status: 503, text: "not ready" },
  internal: { status: 500, text: "internal error" },
  // What passes by itself; answered with `Retry-After`.
  tooManyConnections: { status: 503, text: "too many connections: try again later" },
  tooManyHandshakes: { status: 503, text: "too many handshakes: try again later" },
} as const satisfies Record<string, ApiError>;
