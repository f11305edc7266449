import { API_ERRORS, type ApiError } from "../protocol/api-errors.ts";
import { READINESS_HEADER, type Readiness } from "../protocol/readiness.ts";
import type { TopicMeta } from "../protocol/topic.ts";
import { prefersRepresentation } from "./preference.ts";
import {
  type Parsed,
  type PublishRequest,
  parsePublish,
  parseRegister,
  parseUnregister,
} from "./requests.ts";

/** Entries of each kind that `GET /internal/recent` lists, unless asked for more or less. */
const DEFAULT_RECENT_LIMIT = 100;

/** Most of them; making a longer list would hold up publishes for some milliseconds. */
const MAX_RECENT_LIMIT = 1000;

/** What the internal API needs of the worker. */
export interface ApiPorts {
  readonly topics: {
    register(topic: string, meta: TopicMeta): Promise<"registered" | "refreshed" | "full">;
    unregister(topic: string): Promise<boolean>;
    lookup(topic: string): Promise<TopicMeta | undefined>;
  };
  readonly bus: {
    /** Returns the bus' count of the event. */
    publish(topic: string, payload: string): number;
    /**
     * What became of an event that has just been published: how many other nodes Redis has passed it
     * on to, or that it waits for that. Takes some 200 ms at most, and never rejects.
     */
    outcome(
      seq: number,
    ): Promise<
      { readonly redis: "off" | "queued" } | { readonly redis: "sent"; readonly nodes: number }
    >;
  };
  /** This node's id. */
  readonly node: string;
  /** How many sockets of this process watch a topic. */
  readonly sockets: (topic: string) => number;
  /**
   * Lets publishes in while the gateways keep up: `true` for now, else a promise whether it may
   * after a moment. `units` is the payload's length in UTF-16 units. Never rejects.
   */
  readonly room: (units: number) => true | Promise<boolean>;
  /** The status object, with the lists of topics if asked for. */
  readonly status: (withLists: boolean) => Promise<object>;
  /** All nodes of the cluster, as far as this one knows. */
  readonly cluster: () => Promise<object>;
  /** What went on here lately, at most so many of each kind; of one topic if one is given. */
  readonly recent: (query: {
    readonly topic: string | undefined;
    readonly limit: number;
  }) => object;
  /**
   * Calls `publish`, which publishes an event, and says where that has arrived, within some seconds;
   * `undefined`, without having called it, while too many others are followed. Never rejects.
   */
  readonly test: (topic: string, publish: () => void) => Promise<object | undefined>;
  /** A file of the operator's page. Rejects only on a bug. */
  readonly page: (file: PageFileName) => Promise<PageFile>;
  /** Stops the worker as a signal does; what is in flight is still answered. */
  readonly drain: () => void;
  /** Whether the worker is on its way out. */
  readonly isDraining: () => boolean;
  /** Whether the worker can do its work. */
  readonly readiness: () => Readiness;
  /** What a monitoring system reads: the text, and its media type. Rejects only on a bug. */
  readonly metrics: {
    readonly contentType: string;
    text(): Promise<string>;
  };
  readonly events: ApiEvents;
}

/** The files of the operator's page, by their paths. */
export const PAGE_FILES = ["/", "/console.css", "/console.js"] as const;

/** One of {@link PAGE_FILES}. */
export type PageFileName = (typeof PAGE_FILES)[number];

/** A file as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
  readonly headers: Headers;
}

/** Told of what the API has done, each with the caller's `X-Request-Id` if it has sent one. */
export interface ApiEvents {
  /** A call was answered; `error` is what it was refused with. */
  answered(call: string, error: ApiError | undefined): void;
  /** An event was accepted: the call's body had so many bytes, its answer took so long. */
  published(bytes: number, durationMs: number): void;
  registered(topic: string, requireToken: boolean, isNew: boolean, requestId?: string): void;
  registryFull(topic: string, requestId?: string): void;
  unregistered(topic: string, wasKnown: boolean, requestId?: string): void;
  /** An event of so many bytes, with the bus' count of it, is on its way to so many sockets here. */
  accepted(topic: string, bytes: number, sockets: number, seq: number, requestId?: string): void;
  /** A publish was refused because the gateways do not keep up. */
  overloaded(topic: string, requestId?: string): void;
  forbidden(address: string, requestId?: string): void;
  /** A call was let in by the secret that is being replaced. */
  previousSecretUsed(address: string, requestId?: string): void;
  /** A handler has thrown, which is a bug; the request was answered with 500. */
  failed(fault: unknown, requestId?: string): void;
}

/** A request's headers by lower-case name. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Headers beside those that every answer has. */
type Headers = Readonly<Record<string, string>>;

/** How a request is answered: a fault, an object as JSON, a plain text, or 200 with an empty body. */
export type Answer =
  | { readonly kind: "fault"; readonly error: ApiError; readonly headers?: Headers }
  | { readonly kind: "json"; readonly value: object; readonly headers?: Headers }
  | {
      readonly kind: "text";
      readonly text: string;
      /** Media type, where it is not plain text. */
      readonly type?: string;
      readonly headers?: Headers;
    }
  | { readonly kind: "empty" };

/** RFC 7240, 3. */
const PREFERENCE_APPLIED: Headers = { "Preference-Applied": "return=representation" };

const EMPTY: Answer = { kind: "empty" };

/** Does what a request asks; `body` is empty where the method has none. Rejects only on a bug. */
export type Handler = (
  ports: ApiPorts,
  body: string,
  query: URLSearchParams,
  headers: RequestHeaders,
) => Promise<Answer>;

/** One path of the API. */
export interface Route {
  readonly method: "GET" | "POST";
  /** What the call is about, whatever its path is. */
  readonly call: string;
  /** Whether anybody may ask, without the secret; `HEAD` too, as balancers do. */
  readonly isOpen?: true;
  /**
   * Whether the secret may come as `Authorization: Bearer` too, for programs that can send no header
   * of ours.
   */
  readonly takesBearer?: true;
  readonly handle: Handler;
}

async function register(
  { topics, events }: ApiPorts,
  body: string,
  _query: URLSearchParams,
  headers: RequestHeaders,
): Promise<Answer> {
  const parsed = parseRegister(body);
  if (!parsed.ok) {
    return refuse(parsed);
  }
  const { topic, meta } = parsed.value;
  const result = await topics.register(topic, meta);
  if (result === "full") {
    events.registryFull(topic, requestIdOf(headers));
    return { kind: "fault", error: API_ERRORS.tooManyTopics };
  }
  const isNew = result === "registered";
  events.registered(topic, meta.requireToken, isNew, requestIdOf(headers));
  return EMPTY;
}

async function unregister(
  { topics, events }: ApiPorts,
  body: string,
  _query: URLSearchParams,
  headers: RequestHeaders,
): Promise<Answer> {
  const parsed = parseUnregister(body);
  if (!parsed.ok) {
    return refuse(parsed);
  }
  const { topic } = parsed.value;
  events.unregistered(topic, await topics.unregister(topic), requestIdOf(headers));
  return EMPTY;
}

async function publish(
  ports: ApiPorts,
  body: string,
  query: URLSearchParams,
  headers: RequestHeaders,
): Promise<Answer> {
  const admitted = await admitEvent(ports, body, headers);
  if (!admitted.ok) {
    return refuse(admitted);
  }
  const { seq, sockets } = acceptEvent(ports, admitted.value, headers);
  const isPreferred = prefersRepresentation(headers["prefer"]);
  if (!isPreferred && query.get("detail") !== "1") {
    return EMPTY;
  }
  const value = await publishDetail(ports, seq, sockets);
  return { kind: "json", value, ...(isPreferred ? { headers: PREFERENCE_APPLIED } : {}) };
}

/** As a publish, but answered with where the event has arrived. */
async function test(
  ports: ApiPorts,
  body: string,
  _query: URLSearchParams,
  headers: RequestHeaders,
): Promise<Answer> {
  const admitted = await admitEvent(ports, body, headers);
  if (!admitted.ok) {
    return refuse(admitted);
  }
  const event = admitted.value;
  const value = await ports.test(event.topic, () => acceptEvent(ports, event, headers));
  return value === undefined
    ? { kind: "fault", error: API_ERRORS.overloaded }
    : { kind: "json", value };
}

/** Reads an event, and lets it in if its topic is registered and there is room for it. */
async function admitEvent(
  ports: ApiPorts,
  body: string,
  headers: RequestHeaders,
): Promise<Parsed<PublishRequest>> {
  const parsed = parsePublish(body);
  if (!parsed.ok) {
    return parsed;
  }
  const { topic, payload } = parsed.value;
  if ((await ports.topics.lookup(topic)) === undefined) {
    return { ok: false, error: API_ERRORS.topicNotRegistered };
  }
  const isIn = ports.room(payload.length);
  if (isIn !== true && !(await isIn)) {
    ports.events.overloaded(topic, requestIdOf(headers));
    return { ok: false, error: API_ERRORS.overloaded };
  }
  return parsed;
}

/** Publishes an event, and tells of it. */
function acceptEvent(
  ports: ApiPorts,
  { topic, payload }: PublishRequest,
  headers: RequestHeaders,
): { readonly seq: number; readonly sockets: number } {
  const seq = ports.bus.publish(topic, payload);
  const bytes = Buffer.byteLength(payload, "utf8");
  const sockets = ports.sockets(topic);
  ports.events.accepted(topic, bytes, sockets, seq, requestIdOf(headers));
  return { seq, sockets };
}

/** What a caller is told who wants to know what became of an event (docs/protocol.md). */
async function publishDetail({ node, bus }: ApiPorts, seq: number, sockets: number) {
  const outcome = await bus.outcome(seq);
  const { redis } = outcome;
  // Without Redis there is nobody else; while it waits, nobody knows.
  const nodes = redis === "sent" ? outcome.nodes : redis === "off" ? 0 : null;
  return { id: `${node}-${seq}`, sockets, nodes, redis };
}

async function status(ports: ApiPorts, _body: string, query: URLSearchParams): Promise<Answer> {
  return { kind: "json", value: await ports.status(query.get("topics") === "1") };
}

async function cluster(ports: ApiPorts): Promise<Answer> {
  return { kind: "json", value: await ports.cluster() };
}

async function recent(ports: ApiPorts, _body: string, query: URLSearchParams): Promise<Answer> {
  const topic = query.get("topic") ?? undefined;
  if (topic === "") {
    return { kind: "fault", error: API_ERRORS.missingTopic };
  }
  const limit = readLimit(query.get("limit"));
  return limit === undefined
    ? { kind: "fault", error: API_ERRORS.badLimit }
    : { kind: "json", value: ports.recent({ topic, limit }) };
}

/** `undefined` when it is none. */
function readLimit(text: string | null): number | undefined {
  if (text === null) {
    return DEFAULT_RECENT_LIMIT;
  }
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= MAX_RECENT_LIMIT ? limit : undefined;
}

async function drain(ports: ApiPorts): Promise<Answer> {
  ports.drain();
  return EMPTY;
}

/** Whether the worker is alive and stays: for load balancers. */
async function health(ports: ApiPorts): Promise<Answer> {
  return ports.isDraining()
    ? { kind: "fault", error: API_ERRORS.draining }
    : { kind: "text", text: "ok" };
}

/** Whether the worker can do its work, without any detail: for load balancers. */
async function ready(ports: ApiPorts): Promise<Answer> {
  const readiness = ports.readiness();
  const headers = { [READINESS_HEADER]: readiness };
  switch (readiness) {
    case "ready":
    case "degraded":
      return { kind: "text", text: readiness, headers };
    case "not_ready":
      return { kind: "fault", error: API_ERRORS.notReady, headers };
    case "draining":
      return { kind: "fault", error: API_ERRORS.draining, headers };
  }
}

async function metrics(ports: ApiPorts): Promise<Answer> {
  return { kind: "text", text: await ports.metrics.text(), type: ports.metrics.contentType };
}

/** What the caller calls the request, as it has written it. */
export function requestIdOf(headers: RequestHeaders): string | undefined {
  const id = headers["x-request-id"];
  return typeof id === "string" ? id : undefined;
}

/** A file of the page: whoever wants to see anything in it has to know the secret. */
function pageFile(name: PageFileName): Route {
  const handle: Handler = async (ports) => ({ kind: "text", ...(await ports.page(name)) });
  return { method: "GET", call: "page", isOpen: true, handle };
}

/** What is there for the page's live connection, asked for without an upgrade. */
async function live(): Promise<Answer> {
  return { kind: "fault", error: API_ERRORS.notAWebSocket };
}

function refuse(parsed: Extract<Parsed<unknown>, { ok: false }>): Answer {
  return { kind: "fault", error: parsed.error };
}

/** Every path of the internal API (contract, "Internal HTTP API"). */
export const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/internal/register", { method: "POST", call: "register", handle: register }],
  ["/internal/unregister", { method: "POST", call: "unregister", handle: unregister }],
  ["/internal/publish", { method: "POST", call: "publish", handle: publish }],
  ["/internal/push", { method: "POST", call: "publish", handle: publish }],
  ["/internal/status", { method: "GET", call: "status", handle: status }],
  ["/internal/cluster", { method: "GET", call: "cluster", handle: cluster }],
  ["/internal/recent", { method: "GET", call: "recent", handle: recent }],
  ["/internal/test", { method: "POST", call: "test", handle: test }],
  ["/internal/drain", { method: "POST", call: "drain", handle: drain }],
  ["/internal/metrics", { method: "GET", call: "metrics", takesBearer: true, handle: metrics }],
  ["/healthz", { method: "GET", call: "healthz", isOpen: true, handle: health }],
  ["/readyz", { method: "GET", call: "readyz", isOpen: true, handle: ready }],
  ["/live", { method: "GET", call: "live", isOpen: true, handle: live }],
  ...PAGE_FILES.map((name) => [name, pageFile(name)] as const),
]);
