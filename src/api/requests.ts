import { API_ERRORS, type ApiError } from "../protocol/api-errors.ts";
import { sliceMember } from "../protocol/payload-slice.ts";
import { isTopicTooLong, normalizeTopic, type TopicMeta } from "../protocol/topic.ts";

/** What a body says, or how it is answered instead. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: ApiError };

/** A `register` body (contract, "Internal HTTP API"). */
export interface RegisterRequest {
  readonly topic: string;
  readonly meta: TopicMeta;
}

/** A `publish` body; `payload` is the text PHP sent, byte for byte. */
export interface PublishRequest {
  readonly topic: string;
  readonly payload: string;
}

/** Reads a `register` body; `meta` may be absent, its `require_token` too (then false). */
export function parseRegister(body: string): Parsed<RegisterRequest> {
  return parseTopical(body, (topic, { meta }) => {
    if (isTopicTooLong(topic)) {
      return fault(API_ERRORS.topicTooLong);
    }
    if (meta === undefined || meta === null) {
      return { ok: true, value: { topic, meta: { requireToken: false } } };
    }
    const requireToken = isObject(meta) ? (meta["require_token"] ?? false) : undefined;
    // Absent and null are false, as in the original; anything else but true and false is a mistake.
    return typeof requireToken === "boolean"
      ? { ok: true, value: { topic, meta: { requireToken } } }
      : fault(API_ERRORS.badRequest);
  });
}

/** Reads an `unregister` body. */
export function parseUnregister(body: string): Parsed<{ readonly topic: string }> {
  return parseTopical(body, (topic) => ({ ok: true, value: { topic } }));
}

/** Reads a `publish` body: parsed once as a check, then the payload's own text is cut out of it. */
export function parsePublish(body: string): Parsed<PublishRequest> {
  return parseTopical(body, (topic, { payload }) => {
    const text = payload === undefined ? undefined : sliceMember(body, "payload");
    return text === undefined
      ? fault(API_ERRORS.missingPayload)
      : { ok: true, value: { topic, payload: text } };
  });
}

function parseTopical<Value>(
  body: string,
  read: (topic: string, fields: Record<string, unknown>) => Parsed<Value>,
): Parsed<Value> {
  let fields: unknown;
  try {
    fields = JSON.parse(body);
  } catch {
    return fault(API_ERRORS.badRequest);
  }
  if (!isObject(fields)) {
    return fault(API_ERRORS.badRequest);
  }
  const topic = fields["topic"];
  if (topic === undefined || topic === null || topic === "") {
    return fault(API_ERRORS.missingTopic);
  }
  return typeof topic === "string"
    ? read(normalizeTopic(topic), fields)
    : fault(API_ERRORS.badRequest);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(error: ApiError): { readonly ok: false; readonly error: ApiError } {
  return { ok: false, error };
}
