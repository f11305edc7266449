import { API_ERRORS, type ApiError } from "../protocol/api-errors.ts";
import type { TopicMeta } from "../protocol/topic.ts";
import { type Parsed, parsePublish, parseRegister, parseUnregister } from "./requests.ts";

/** What the internal API needs of the worker. */
export interface ApiPorts {
  readonly topics: {
    register(topic: string, meta: TopicMeta): Promise<"registered" | "refreshed" | "full">;
    unregister(topic: string): Promise<boolean>;
    lookup(topic: string): Promise<TopicMeta | undefined>;
  };
  readonly bus: {
    publish(topic: string, payload: string): void;
  };
  /**
   * Lets publishes in while the gateways keep up: `true` for now, else a promise whether it may
   * after a moment. `units` is the payload's length in UTF-16 units. Never rejects.
   */
  readonly room: (units: number) => true | Promise<boolean>;
  /** The status object, with the lists of topics if asked for. */
  readonly status: (withLists: boolean) => Promise<object>;
  /** All nodes of the cluster, as far as this one knows. */
  readonly cluster: () => Promise<object>;
  /** Stops the worker as a signal does; what is in flight is still answered. */
  readonly drain: () => void;
  /** Whether the worker is on its way out. */
  readonly isDraining: () => boolean;
  readonly events: ApiEvents;
}

/** Told of what the API has done. */
export interface ApiEvents {
  registered(topic: string, requireToken: boolean, isNew: boolean): void;
  registryFull(topic: string): void;
  unregistered(topic: string, wasKnown: boolean): void;
  /** A publish was refused because the gateways do not keep up. */
  overloaded(topic: string): void;
  forbidden(address: string): void;
  /** A handler has thrown, which is a bug; the request was answered with 500. */
  failed(fault: unknown): void;
}

/**
 * How a request is answered: a fault (`allow` names the methods of the path), an object as JSON, a
 * plain text, or 200 with an empty body.
 */
export type Answer =
  | { readonly kind: "fault"; readonly error: ApiError; readonly allow?: string }
  | { readonly kind: "json"; readonly value: object }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "empty" };

const EMPTY: Answer = { kind: "empty" };

/** Does what a request asks; `body` is empty where the method has none. Rejects only on a bug. */
export type Handler = (ports: ApiPorts, body: string, query: URLSearchParams) => Promise<Answer>;

/** One path of the API. */
export interface Route {
  readonly method: "GET" | "POST";
  /** Whether anybody may ask, without the secret; `HEAD` too, as balancers do. */
  readonly isOpen?: true;
  readonly handle: Handler;
}

async function register({ topics, events }: ApiPorts, body: string): Promise<Answer> {
  const parsed = parseRegister(body);
  if (!parsed.ok) {
    return refuse(parsed);
  }
  const { topic, meta } = parsed.value;
  const result = await topics.register(topic, meta);
  if (result === "full") {
    events.registryFull(topic);
    return { kind: "fault", error: API_ERRORS.tooManyTopics };
  }
  events.registered(topic, meta.requireToken, result === "registered");
  return EMPTY;
}

async function unregister({ topics, events }: ApiPorts, body: string): Promise<Answer> {
  const parsed = parseUnregister(body);
  if (!parsed.ok) {
    return refuse(parsed);
  }
  const { topic } = parsed.value;
  events.unregistered(topic, await topics.unregister(topic));
  return EMPTY;
}

async function publish(ports: ApiPorts, body: string): Promise<Answer> {
  const parsed = parsePublish(body);
  if (!parsed.ok) {
    return refuse(parsed);
  }
  const { topic, payload } = parsed.value;
  if ((await ports.topics.lookup(topic)) === undefined) {
    return { kind: "fault", error: API_ERRORS.topicNotRegistered };
  }
  const isIn = ports.room(payload.length);
  if (isIn !== true && !(await isIn)) {
    ports.events.overloaded(topic);
    return { kind: "fault", error: API_ERRORS.overloaded };
  }
  ports.bus.publish(topic, payload);
  return EMPTY;
}

async function status(ports: ApiPorts, _body: string, query: URLSearchParams): Promise<Answer> {
  return { kind: "json", value: await ports.status(query.get("topics") === "1") };
}

async function cluster(ports: ApiPorts): Promise<Answer> {
  return { kind: "json", value: await ports.cluster() };
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

function refuse(parsed: Extract<Parsed<unknown>, { ok: false }>): Answer {
  return { kind: "fault", error: parsed.error };
}

/** Every path of the internal API (contract, "Internal HTTP API"). */
export const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/internal/register", { method: "POST", handle: register }],
  ["/internal/unregister", { method: "POST", handle: unregister }],
  ["/internal/publish", { method: "POST", handle: publish }],
  ["/internal/push", { method: "POST", handle: publish }],
  ["/internal/status", { method: "GET", handle: status }],
  ["/internal/cluster", { method: "GET", handle: cluster }],
  ["/internal/drain", { method: "POST", handle: drain }],
  ["/healthz", { method: "GET", isOpen: true, handle: health }],
]);
