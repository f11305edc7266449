import { exchange, type HttpAnswer } from "./http.ts";

/** The status object, as the contract names its keys. */
export interface StatusObject {
  readonly status: string;
  readonly version: string;
  readonly uptime: string;
  readonly registered_topics: number;
  readonly active_topics: number;
  readonly connected_clients: number;
  readonly connected_sockets: number;
  readonly topic_list?: readonly string[];
  readonly active_topic_list?: readonly string[];
  readonly cluster_nodes: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly slow_readers: number;
  readonly accept_pauses: number;
}

/** The internal API as Wavelog's PHP uses it: a new connection for every call. */
export class Api {
  readonly port: number;
  readonly #secret: string;

  constructor(port: number, secret: string) {
    this.port = port;
    this.#secret = secret;
  }

  /** Posts a body as it is. */
  async post(path: string, body: string | Uint8Array): Promise<HttpAnswer> {
    return await exchange(this.port, { path, secret: this.#secret, body });
  }

  async get(path: string): Promise<HttpAnswer> {
    return await exchange(this.port, { path, secret: this.#secret });
  }

  /** Registers a topic; without `requireToken` it has no `meta` at all. */
  async register(topic: string, requireToken?: boolean): Promise<void> {
    const meta = requireToken === undefined ? undefined : { require_token: requireToken };
    await this.#mustBeOk("/internal/register", JSON.stringify({ topic, meta }));
  }

  async unregister(topic: string): Promise<void> {
    await this.#mustBeOk("/internal/unregister", JSON.stringify({ topic }));
  }

  /** Publishes a payload given as JSON text, which goes out as it is. */
  async publish(topic: string, payload: string): Promise<void> {
    await this.#mustBeOk("/internal/publish", publishBody(topic, payload));
  }

  async status(query: string = ""): Promise<StatusObject> {
    const answer = await this.get(`/internal/status${query}`);
    if (answer.status !== 200) {
      throw new Error(`status: ${answer.status} ${answer.body}`);
    }
    return JSON.parse(answer.body) as StatusObject;
  }

  async #mustBeOk(path: string, body: string): Promise<void> {
    const answer = await this.post(path, body);
    if (answer.status !== 200 || answer.body !== "") {
      throw new Error(`POST ${path} ${body.slice(0, 100)}: ${answer.status} ${answer.body}`);
    }
  }
}

/** The body of a publish call around a payload given as JSON text. */
export function publishBody(topic: string, payload: string): string {
  return `{"topic":${JSON.stringify(topic)},"payload":${payload}}`;
}
