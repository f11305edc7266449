import { createHmac } from "node:crypto";
import { sliceMember } from "./payload-slice.ts";
import { normalizeTopic } from "./topic.ts";

/** Largest envelope that is read, in UTF-16 units: a 1 MiB payload with room to spare. */
export const MAX_ENVELOPE_LENGTH = 2 * 1024 * 1024;

/**
 * The topic of envelopes that workers of this kind send each other: probes and notices. No socket
 * can watch it, so a worker of another kind delivers them to nobody.
 */
export const CLUSTER_TOPIC = "worker.cluster";

/** Longest `origin_id` that is read; ours, and the original's, have 16 hex digits. */
const MAX_ORIGIN_LENGTH = 64;

/** What a worker tells the others about a topic, so that each could go on without Redis. */
export type Notice =
  | {
      readonly type: "register";
      readonly topic: string;
      readonly requireToken: boolean;
      /** How long the registration lasts from now, in milliseconds. */
      readonly ttlMs: number;
    }
  | { readonly type: "unregister"; readonly topic: string };

/** What an envelope says. */
export type Envelope =
  | {
      readonly kind: "event";
      readonly originId: string;
      /** The origin's own count of what it has sent; absent from the original worker. */
      readonly seq: number | undefined;
      readonly topic: string;
      /** JSON text, byte for byte. */
      readonly payload: string;
    }
  | {
      readonly kind: "notice";
      readonly originId: string;
      readonly seq: number;
      readonly notice: Notice;
    }
  | {
      readonly kind: "probe";
      readonly originId: string;
      /** The last count that the origin had sent before it; absent when nothing is known of it. */
      readonly seq: number | undefined;
      /** What else it says; most say nothing. */
      readonly word: ProbeWord | undefined;
    };

/**
 * What a probe may say to the workers of this kind. To all others it is a probe like any: nothing
 * is logged for it, and nothing of it is kept for those who are away.
 */
export type ProbeWord =
  /** The origin stops. */
  | { readonly type: "bye" }
  /** A test event has just been published: who has it may say so. */
  | { readonly type: "trace"; readonly id: string; readonly topic: string }
  /** The answer: it was handed to so many sockets, so many milliseconds after it had come. */
  | {
      readonly type: "traced";
      readonly id: string;
      readonly sockets: number;
      readonly handedMs: number;
    };

/** Why an envelope is not acted on. */
export const ENVELOPE_FAULTS = ["too_large", "unreadable", "foreign_key"] as const;

/** One of {@link ENVELOPE_FAULTS}. */
export type EnvelopeFault = (typeof ENVELOPE_FAULTS)[number];

/** What an envelope was good for: `own` came from this process, `repeated` was known already. */
export const ENVELOPE_USES = ["event", "notice", "probe", "own", "repeated"] as const;

/** One of {@link ENVELOPE_USES}. */
export type EnvelopeUse = (typeof ENVELOPE_USES)[number];

export type EnvelopeResult =
  | {
      readonly ok: true;
      readonly envelope: Envelope;
      /** The key it carries; `undefined` for the original's. */
      readonly key: string | undefined;
    }
  | { readonly ok: false; readonly fault: EnvelopeFault };

/**
 * The fingerprint of an installation: the first 8 hex digits of HMAC-SHA256(worker_secret,
 * "wavelog:events") (contract, "Redis"). Two installations that share a Redis tell each other's
 * envelopes by it.
 */
export function keyFingerprint(secret: string): string {
  return createHmac("sha256", secret).update("wavelog:events").digest("hex").slice(0, 8);
}

/** Writes envelopes of one process: its `origin_id`, and its installation's `key`. */
export class EnvelopeWriter {
  /** How every envelope of this process begins; nothing of another process begins so. */
  readonly prefix: string;
  readonly #key: string;

  constructor(originId: string, key: string) {
    this.prefix = `{"origin_id":"${originId}",`;
    this.#key = key;
  }

  /** An event. The keys the original knows come first, in its order. */
  event(seq: number, topic: string, payload: string): string {
    const { prefix } = this;
    return `${prefix}"topic":${JSON.stringify(topic)},"payload":${payload},"seq":${seq},"key":"${this.#key}"}`;
  }

  notice(seq: number, notice: Notice): string {
    const topic = JSON.stringify(notice.topic);
    const body =
      notice.type === "register"
        ? `{"register":${topic},"require_token":${notice.requireToken},"ttl_ms":${notice.ttlMs}}`
        : `{"unregister":${topic}}`;
    return `${this.prefix}"topic":"${CLUSTER_TOPIC}","payload":null,"seq":${seq},"key":"${this.#key}","notice":${body}}`;
  }

  /**
   * A probe; `count` tells one from the next, `seq` is the last count sent before it, so that whoever
   * hears the probe knows what it should have heard.
   */
  probe(count: number, seq: number): string {
    return this.#probe(count, seq, "");
  }

  /** A probe that says something, and is not meant to be measured by. */
  word(seq: number, word: ProbeWord): string {
    return this.#probe(0, seq, `"word":${JSON.stringify(word)},`);
  }

  #probe(count: number, seq: number, word: string): string {
    const known = seq > 0 ? `"seq":${seq},` : "";
    return `${this.prefix}"topic":"${CLUSTER_TOPIC}","payload":null,${known}"key":"${this.#key}",${word}"probe":${count}}`;
  }
}

/**
 * Reads an envelope, which anybody who reaches Redis may have written. Never throws.
 *
 * @param isOurs Whether a key is one of this installation's fingerprints; an envelope with another
 *   one is `foreign_key`, one without is the original's and counts (contract, "Redis").
 */
export function readEnvelope(text: string, isOurs: (key: string) => boolean): EnvelopeResult {
  if (text.length > MAX_ENVELOPE_LENGTH) {
    return { ok: false, fault: "too_large" };
  }
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return UNREADABLE;
  }
  if (!isObject(fields)) {
    return UNREADABLE;
  }
  const { origin_id: originId, key, topic, payload } = fields;
  if (typeof originId !== "string" || originId === "" || originId.length > MAX_ORIGIN_LENGTH) {
    return UNREADABLE;
  }
  if (key !== undefined && !(typeof key === "string" && isOurs(key))) {
    return { ok: false, fault: "foreign_key" };
  }
  if (typeof topic !== "string" || topic === "" || payload === undefined) {
    return UNREADABLE;
  }
  // Counts and notices are this implementation's own, and it signs them with its key.
  const seq = key === undefined ? undefined : readSeq(fields["seq"]);
  if (seq === null) {
    return UNREADABLE;
  }
  if (fields["probe"] !== undefined) {
    const word = key === undefined ? undefined : readWord(fields["word"]);
    return { ok: true, envelope: { kind: "probe", originId, seq, word }, key };
  }
  if (fields["notice"] !== undefined && key !== undefined) {
    const notice = readNotice(fields["notice"]);
    return notice === undefined || seq === undefined
      ? UNREADABLE
      : { ok: true, envelope: { kind: "notice", originId, seq, notice }, key };
  }
  const source = sliceMember(text, "payload");
  return source === undefined
    ? UNREADABLE
    : {
        ok: true,
        envelope: { kind: "event", originId, seq, topic: normalizeTopic(topic), payload: source },
        key,
      };
}

const UNREADABLE: EnvelopeResult = { ok: false, fault: "unreadable" };

/** `undefined` when absent, `null` when it is no count. */
function readSeq(value: unknown): number | undefined | null {
  if (value === undefined) {
    return undefined;
  }
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null;
}

function readNotice(value: unknown): Notice | undefined {
  if (!isObject(value)) {
    return undefined;
  }
  const { register, unregister, require_token: requireToken, ttl_ms: ttlMs } = value;
  if (typeof register === "string" && register !== "") {
    return typeof requireToken === "boolean" && isPositive(ttlMs)
      ? { type: "register", topic: normalizeTopic(register), requireToken, ttlMs }
      : undefined;
  }
  return typeof unregister === "string" && unregister !== ""
    ? { type: "unregister", topic: normalizeTopic(unregister) }
    : undefined;
}

/** `undefined` for none, and for what a later version may say. */
function readWord(value: unknown): ProbeWord | undefined {
  if (!isObject(value)) {
    return undefined;
  }
  const { type, id, topic, sockets, handedMs } = value;
  if (type === "bye") {
    return { type };
  }
  if (typeof id !== "string" || id.length > MAX_ORIGIN_LENGTH) {
    return undefined;
  }
  if (type === "trace" && typeof topic === "string" && topic !== "") {
    return { type, id, topic: normalizeTopic(topic) };
  }
  const isAnswer = isCount(sockets) && typeof handedMs === "number" && handedMs >= 0;
  return type === "traced" && isAnswer ? { type, id, sockets, handedMs } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPositive(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
