import type { Notice } from "../protocol/envelope.ts";
import type { TopicMeta } from "../protocol/topic.ts";
import { refusesWrites } from "../redis/faults.ts";
import { scanKeys } from "../redis/scan.ts";
import type { RedisSession, Reply } from "../redis/session.ts";
import { type Known, Mirror } from "./mirror.ts";
import type { RegisterResult, TopicLimits, TopicRegistry } from "./registry.ts";

/** What a {@link RedisRegistry} needs. */
export interface RedisRegistryOptions extends TopicLimits {
  /** Begins every key (contract: `wavelog`). */
  readonly prefix: string;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Tells the other workers, so that their mirrors follow. Does not wait. */
  readonly tell: (change: Notice) => void;
}

/**
 * How long a caller waits for Redis before the mirror decides, in milliseconds (design, "When Redis
 * is away"). Once Redis has been silent for so long, nobody waits any more.
 */
const PATIENCE_MS = 200;

/**
 * How long a caller waits for a list, in milliseconds: a scan passes over everything in the
 * database, and PHP gives a call one second.
 */
const LIST_PATIENCE_MS = 500;

/** Topics handled in one go. */
const PAGE = 500;

/**
 * How long after a restore a removal may still be told that was made before it, in milliseconds:
 * longer than the longest pause between two attempts to reach Redis.
 */
const TAKE_BACK_MS = 30_000;

/**
 * By how much workers may differ about the time that a topic has left, in milliseconds: each heard
 * of it at its own moment. A registration made anew has more.
 */
const TAKE_BACK_SLACK_MS = 500;

/** No answer in time, or none at all: the mirror decides. */
const NO_ANSWER = Symbol("no answer");

/**
 * The registry that all workers share: `<prefix>:topic:<topic>` in Redis (contract, "Redis"), with a
 * mirror in this process.
 *
 * While Redis is there, it decides: what another program sets or deletes counts at once. While it is
 * away, the mirror decides; what is changed then is written when it comes back.
 */
export class RedisRegistry implements TopicRegistry {
  readonly #options: RedisRegistryOptions;
  #limits: TopicLimits;
  readonly #mirror: Mirror;
  readonly #keyPrefix: string;
  /** The session in use; `undefined` while Redis is away. */
  #session: RedisSession | undefined;
  /**
   * Topics changed here that Redis has not confirmed yet, each with the number of its last change;
   * what they are is in the mirror.
   */
  readonly #untold = new Map<string, number>();
  #changes = 0;
  /**
   * Topics given back to a Redis without memory, each with the expiry that was written: somebody may
   * have removed them meanwhile, and say so only now.
   */
  readonly #givenBack = new Map<string, number>();
  /**
   * Topics that were removed lately, each with the time: what Redis still holds of one may have been
   * given back by a worker that does not know yet, and is not learnt.
   */
  readonly #removed = new Map<string, number>();
  /** Topics of which somebody has said so while they were still being given back. */
  readonly #toTakeBack = new Set<string>();
  /** Which Redis it was, so that one without memory is recognised; `undefined` before the first. */
  #serverId: string | undefined;
  #listing: Promise<readonly string[]> | undefined;
  /** Questions to Redis whose answers may change the mirror. */
  #questions = 0;
  /** Topics changed while such questions were out: their answers are older than the change. */
  readonly #touched = new Set<string>();

  constructor(options: RedisRegistryOptions) {
    this.#options = options;
    this.#limits = options;
    this.#mirror = new Mirror(options.maxTopics, options.now);
    this.#keyPrefix = `${options.prefix}:topic:`;
  }

  /** Goes by other bounds from the next registration on; what is registered stays as it is. */
  reconfigure(limits: TopicLimits): void {
    this.#limits = limits;
    this.#mirror.reconfigure(limits.maxTopics);
  }

  async register(topic: string, meta: TopicMeta): Promise<RegisterResult> {
    const wasKnown = this.#mirror.get(topic) !== undefined;
    if (!wasKnown && this.#mirror.isFull()) {
      return "full";
    }
    const { ttlMs } = this.#limits;
    this.#mirror.set(topic, meta, ttlMs);
    this.#touch(topic);
    this.#removed.delete(topic);
    this.#options.tell({ type: "register", topic, requireToken: meta.requireToken, ttlMs });
    await this.#write(topic, ["SET", this.#key(topic), encodeMeta(meta), "PX", String(ttlMs)]);
    return wasKnown ? "refreshed" : "registered";
  }

  async unregister(topic: string): Promise<boolean> {
    const wasKnown = this.#mirror.delete(topic);
    this.#touch(topic);
    this.#bury(topic);
    this.#options.tell({ type: "unregister", topic });
    const removed = await this.#write(topic, ["DEL", this.#key(topic)]);
    return wasKnown || removed === 1;
  }

  async lookup(topic: string): Promise<TopicMeta | undefined> {
    if (this.#untold.has(topic)) {
      return this.#mirror.get(topic)?.meta;
    }
    return this.#withQuestion(async () => {
      const value = await this.#ask(["GET", this.#key(topic)]);
      if (value === NO_ANSWER) {
        return this.#mirror.get(topic)?.meta;
      }
      if (typeof value !== "string") {
        if (!this.#touched.has(topic)) {
          this.#mirror.delete(topic);
        }
        return undefined;
      }
      const meta = decodeMeta(value);
      if (this.#mirror.get(topic)?.meta.requireToken !== meta.requireToken) {
        void this.#learn([topic]);
      }
      return meta;
    });
  }

  async list(): Promise<readonly string[]> {
    const session = this.#usable();
    if (session === undefined) {
      return this.#mirror.entries().map(([topic]) => topic);
    }
    // Callers that come while a list is being made get the same one.
    this.#listing ??= this.#scanOrMirror(session).finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async count(): Promise<number> {
    return (await this.list()).length;
  }

  /** Forgets what has expired; to be called now and then. */
  sweep(): void {
    this.#mirror.sweep();
  }

  /** Another worker has changed a topic. */
  heard(change: Notice): void {
    this.#touch(change.topic);
    if (change.type === "register") {
      this.#removed.delete(change.topic);
      this.#mirror.set(change.topic, { requireToken: change.requireToken }, change.ttlMs);
    } else {
      this.#mirror.delete(change.topic);
      this.#bury(change.topic);
      void this.#takeBack(change.topic);
    }
  }

  /**
   * Brings a fresh session and this process to the same knowledge: writes what was changed
   * meanwhile, gives back what a Redis without memory has lost. From then on Redis decides. Rejects
   * when the session is lost, or its server is a replica or still loading.
   */
  async restore(session: RedisSession): Promise<void> {
    const { serverId } = session;
    // With nothing to write, a session that is lost already would pass for restored.
    await session.send(["TIME"]);
    try {
      if (this.#serverId !== undefined && serverId !== this.#serverId) {
        await this.#giveBack(session);
      }
      // More may be changed while these are being written.
      while (this.#untold.size > 0) {
        await this.#tell(session);
      }
    } catch (fault) {
      // A Redis that is full still carries events; what it has refused is told again later.
      if (!refusesWrites(fault)) {
        throw fault;
      }
    }
    this.#serverId = serverId;
    this.#session = session;
    for (const topic of this.#toTakeBack) {
      void this.#takeBack(topic);
    }
    this.#toTakeBack.clear();
    setTimeout(() => this.#givenBack.clear(), TAKE_BACK_MS).unref();
  }

  /** The session is lost: from now on the mirror decides. */
  suspend(): void {
    this.#session = undefined;
  }

  /** Tries again to write what Redis has refused. To be called now and then. Never rejects. */
  async retell(): Promise<void> {
    if (this.#session !== undefined) {
      await this.#tell(this.#session).catch(() => undefined);
    }
  }

  /** Learns every topic in Redis, so that the mirror can decide without it. Never rejects. */
  async learnAll(): Promise<void> {
    const session = this.#session;
    if (session === undefined) {
      return;
    }
    try {
      const topics = await this.#scan(session);
      const listed = new Set(topics);
      for (const [topic] of this.#mirror.entries()) {
        if (!listed.has(topic)) {
          // Removed by somebody while this worker was away, or just registered: Redis knows.
          await this.lookup(topic);
        }
      }
      for (let at = 0; at < topics.length; at += PAGE) {
        await this.#learn(topics.slice(at, at + PAGE));
      }
    } catch {
      // The session is lost; the next one learns.
    }
  }

  #key(topic: string): string {
    return this.#keyPrefix + topic;
  }

  /** The session, unless it is away or has been silent for too long. */
  #usable(): RedisSession | undefined {
    const session = this.#session;
    return session !== undefined && session.stalledMs() < PATIENCE_MS ? session : undefined;
  }

  /** Sends a command and waits for the answer as long as a caller may. Never rejects. */
  async #ask(command: readonly string[]): Promise<Reply | typeof NO_ANSWER> {
    const reply = this.#usable()?.send(command);
    return reply === undefined ? NO_ANSWER : patiently(reply, PATIENCE_MS);
  }

  /** Writes a change; until Redis has confirmed it, however late, it counts as untold. */
  async #write(topic: string, command: readonly string[]): Promise<Reply | typeof NO_ANSWER> {
    this.#changes += 1;
    this.#untold.set(topic, this.#changes);
    const reply = this.#usable()?.send(command);
    if (reply === undefined) {
      return NO_ANSWER;
    }
    const change = this.#changes;
    reply.then(
      () => this.#told(topic, change),
      // It stays untold.
      () => undefined,
    );
    return patiently(reply, PATIENCE_MS);
  }

  /** Redis has confirmed a change; a later one of the same topic is still to be told. */
  #told(topic: string, change: number): void {
    if (this.#untold.get(topic) === change) {
      this.#untold.delete(topic);
    }
  }

  /** Writes all that is untold. Rejects when Redis refuses one of them; that one stays untold. */
  async #tell(session: RedisSession): Promise<void> {
    const changes = [...this.#untold];
    for (let at = 0; at < changes.length; at += PAGE) {
      const page = changes.slice(at, at + PAGE).map(async ([topic, change]) => {
        await session.send(this.#truth(topic));
        this.#told(topic, change);
      });
      await Promise.all(page);
    }
  }

  /** The command that makes Redis know of a topic what this process knows. */
  #truth(topic: string): readonly string[] {
    const known = this.#mirror.get(topic);
    return known === undefined ? ["DEL", this.#key(topic)] : this.#set(topic, known);
  }

  #set(topic: string, { meta, expiresAt }: Known): readonly string[] {
    const remaining = String(Math.max(1, Math.ceil(expiresAt - this.#options.now())));
    return ["SET", this.#key(topic), encodeMeta(meta), "PX", remaining];
  }

  /** Writes every topic known here that Redis does not have, with its remaining TTL. */
  async #giveBack(session: RedisSession): Promise<void> {
    const topics = this.#mirror.entries().map(([topic]) => topic);
    for (let at = 0; at < topics.length; at += PAGE) {
      const replies: Promise<Reply>[] = [];
      for (const topic of topics.slice(at, at + PAGE)) {
        // Looked at anew: it may have been removed while the pages before were written.
        const known = this.#mirror.get(topic);
        if (known !== undefined) {
          this.#givenBack.set(topic, known.expiresAt);
          replies.push(session.send([...this.#set(topic, known), "NX"]));
        }
      }
      await Promise.all(replies);
    }
  }

  /**
   * Removes a topic that this worker has just given back, since it turns out that somebody had
   * removed it. A registration made after that has more time left, and stays. Never rejects.
   */
  async #takeBack(topic: string): Promise<void> {
    const expiresAt = this.#givenBack.get(topic);
    const session = this.#session;
    if (expiresAt === undefined) {
      return;
    }
    if (session === undefined) {
      this.#toTakeBack.add(topic);
      return;
    }
    this.#givenBack.delete(topic);
    try {
      const ttlMs = Number(await session.send(["PTTL", this.#key(topic)]));
      if (ttlMs <= expiresAt - this.#options.now() + TAKE_BACK_SLACK_MS) {
        await session.send(["DEL", this.#key(topic)]);
      }
    } catch {
      // The session is lost; the key expires by itself.
    }
  }

  /** Takes note of what Redis knows of these topics. Never rejects. */
  async #learn(topics: readonly string[]): Promise<void> {
    const session = this.#usable();
    const learnOne = async (topic: string): Promise<void> => {
      const [value, ttlMs] = await Promise.all([
        session?.send(["GET", this.#key(topic)]),
        session?.send(["PTTL", this.#key(topic)]),
      ]);
      const isOld = this.#touched.has(topic) || this.#wasRemoved(topic);
      if (typeof value === "string" && typeof ttlMs === "number" && !isOld) {
        // A key that another program set without an expiry gets ours here.
        this.#mirror.set(topic, decodeMeta(value), ttlMs > 0 ? ttlMs : this.#limits.ttlMs);
      }
    };
    await this.#withQuestion(() => Promise.allSettled(topics.map(learnOne)));
  }

  /** A topic has been removed, here or elsewhere. */
  #bury(topic: string): void {
    const now = this.#options.now();
    this.#removed.delete(topic);
    this.#removed.set(topic, now);
    // In the order of removal: the oldest go first.
    for (const [oldest, at] of this.#removed) {
      if (now - at < TAKE_BACK_MS && this.#removed.size <= this.#limits.maxTopics) {
        return;
      }
      this.#removed.delete(oldest);
    }
  }

  #wasRemoved(topic: string): boolean {
    const at = this.#removed.get(topic);
    return at !== undefined && this.#options.now() - at < TAKE_BACK_MS;
  }

  /** A topic has been changed here: answers that are on their way are older. */
  #touch(topic: string): void {
    if (this.#questions > 0) {
      this.#touched.add(topic);
    }
  }

  async #withQuestion<Value>(ask: () => Promise<Value>): Promise<Value> {
    this.#questions += 1;
    try {
      return await ask();
    } finally {
      this.#questions -= 1;
      if (this.#questions === 0) {
        this.#touched.clear();
      }
    }
  }

  async #scanOrMirror(session: RedisSession): Promise<readonly string[]> {
    const found = await patiently(this.#scan(session), LIST_PATIENCE_MS);
    if (found === NO_ANSWER) {
      return this.#mirror.entries().map(([topic]) => topic);
    }
    const topics = new Set(found);
    // What Redis does not know yet counts here as it will be.
    for (const topic of this.#untold.keys()) {
      if (this.#mirror.get(topic) === undefined) {
        topics.delete(topic);
      } else {
        topics.add(topic);
      }
    }
    return [...topics];
  }

  /** All topics in Redis. Rejects when the session is lost. */
  async #scan(session: RedisSession): Promise<readonly string[]> {
    const keys = await scanKeys(session, this.#keyPrefix);
    return keys.map((key) => key.slice(this.#keyPrefix.length));
  }
}

function encodeMeta({ requireToken }: TopicMeta): string {
  return `{"require_token":${requireToken}}`;
}

/**
 * What the key of a topic says. Without `require_token` no token is required, as in the original; a
 * value that is not understood protects its topic rather than opening it.
 */
function decodeMeta(value: string): TopicMeta {
  try {
    const fields: unknown = JSON.parse(value);
    const isObject = typeof fields === "object" && fields !== null;
    const { require_token: requireToken = false } = isObject
      ? (fields as { require_token?: unknown })
      : { require_token: true };
    return { requireToken: requireToken !== false };
  } catch {
    return { requireToken: true };
  }
}

/** An answer, or {@link NO_ANSWER} when it fails or takes longer. Never rejects. */
async function patiently<Value>(
  reply: Promise<Value>,
  patienceMs: number,
): Promise<Value | typeof NO_ANSWER> {
  const { promise, resolve } = Promise.withResolvers<Value | typeof NO_ANSWER>();
  const timer = setTimeout(() => resolve(NO_ANSWER), patienceMs);
  reply.then(resolve, () => resolve(NO_ANSWER));
  const answer = await promise;
  clearTimeout(timer);
  return answer;
}
