/** Who is connected, as the status object counts it (contract, status object). */
export interface Headcount {
  readonly sockets: number;
  /** Distinct users; every anonymous socket counts as one. */
  readonly clients: number;
  /** Topics with at least one socket. */
  readonly activeTopics: number;
}

/** Wavelog's user id of a socket without a token. */
const ANONYMOUS = 0;

/** Keeps count of subscribed sockets by user and by topic, so that asking costs nothing. */
export class Census {
  readonly #byTopic = new Map<string, number>();
  readonly #byUser = new Map<number, number>();
  #sockets = 0;

  /** A socket has been subscribed. */
  add(topic: string, userId: number): void {
    this.#sockets += 1;
    change(this.#byTopic, topic, 1);
    change(this.#byUser, userId, 1);
  }

  /** A subscribed socket is gone. */
  remove(topic: string, userId: number): void {
    this.#sockets -= 1;
    change(this.#byTopic, topic, -1);
    change(this.#byUser, userId, -1);
  }

  headcount(): Headcount {
    const anonymous = this.#byUser.get(ANONYMOUS) ?? 0;
    const users = this.#byUser.size - (anonymous > 0 ? 1 : 0);
    return {
      sockets: this.#sockets,
      clients: users + anonymous,
      activeTopics: this.#byTopic.size,
    };
  }

  /** Sockets on a topic. */
  socketsOn(topic: string): number {
    return this.#byTopic.get(topic) ?? 0;
  }

  /** How many sockets each topic has; topics without any are not there. */
  watchers(): ReadonlyMap<string, number> {
    return this.#byTopic;
  }

  /** Topics with at least one socket, in no particular order. */
  activeTopics(): readonly string[] {
    return [...this.#byTopic.keys()];
  }
}

function change<Key>(counts: Map<Key, number>, key: Key, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) {
    counts.delete(key);
  } else {
    counts.set(key, count);
  }
}
