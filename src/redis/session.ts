import { createClient } from "redis";
import type { ConnectionOptions } from "./connection-options.ts";

/** What Redis answers: RESP2's types, as far as they are used here. */
export type Reply = string | number | null | readonly Reply[];

/**
 * One life of the connection to Redis: a socket for commands and one for the subscription. It is
 * used until it is lost, and never comes back: whoever wants to go on opens another one. So nothing
 * can be half connected, or connected and not subscribed.
 */
export interface RedisSession {
  /**
   * Which Redis it is: new with every start of a server, so that one without memory is recognised.
   * Where `INFO` is not permitted nothing is known, and every session counts as one to a new server.
   */
  readonly serverId: string;
  /**
   * Sends a command. Replies come in the order of the calls. Rejects with Redis' own error, or when
   * the session is lost; has no deadline of its own, since a session that stalls is given up as a
   * whole.
   */
  send(command: readonly string[]): Promise<Reply>;
  /** Subscribes the second socket to the channel. Rejects as `send` does. */
  subscribe(channel: string, onMessage: (message: string) => void): Promise<void>;
  /** Milliseconds for which the oldest unanswered command has waited; 0 when none waits. */
  stalledMs(): number;
  /** Resolves with the reason, once, when the session is lost or closed. */
  readonly lost: Promise<string>;
  /** Ends the session; what has not been answered is rejected. */
  close(reason: string): void;
}

/**
 * Opens a session: both sockets connected, authenticated, the database selected.
 *
 * Rejects with the reason when that fails or takes longer than the deadline; nothing is left open.
 *
 * @param now Milliseconds on a clock that never goes back.
 */
export async function openSession(
  options: ConnectionOptions,
  deadlineMs: number,
  now: () => number,
): Promise<RedisSession> {
  const session = new ClientSession(options, now);
  const timer = setTimeout(() => session.close("no answer in time"), deadlineMs);
  try {
    await session.connect();
    return session;
  } catch (cause) {
    session.close(reasonOf(cause));
    throw new Error(await session.lost, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** The client without its own reconnecting, queueing and timing: those are decided here. */
function makeClient(options: ConnectionOptions) {
  return createClient({
    ...options,
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    // Replaces the client's default of 5 s, which does not bound a command already written.
    commandOptions: { timeout: 0 },
    socket: { ...options.socket, reconnectStrategy: false },
  });
}

class ClientSession implements RedisSession {
  readonly lost: Promise<string>;
  serverId = "";
  readonly #now: () => number;
  readonly #commands: ReturnType<typeof makeClient>;
  readonly #subscriber: ReturnType<typeof makeClient>;
  readonly #resolveLost: (reason: string) => void;
  #isClosed = false;
  #unanswered = 0;
  #waitingSince = 0;

  constructor(options: ConnectionOptions, now: () => number) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.lost = promise;
    this.#resolveLost = resolve;
    this.#now = now;
    this.#commands = makeClient(options);
    this.#subscriber = makeClient(options);
    for (const client of [this.#commands, this.#subscriber]) {
      client.on("error", (fault: unknown) => this.close(reasonOf(fault)));
      client.on("end", () => this.close("connection ended"));
      client.on("connect", () => {
        // Closed while the socket was being made: the client did not know of it yet.
        if (this.#isClosed) {
          client.destroy();
        }
      });
    }
  }

  async connect(): Promise<void> {
    const clients = [this.#commands, this.#subscriber];
    await Promise.all(clients.map((client) => client.connect()));
    // Without password and database nothing has been asked yet, and a frozen server takes sockets.
    await Promise.all(clients.map((client) => client.ping().catch(unlessForbidden)));
    const info = await this.#commands.sendCommand<Reply>(["INFO", "server"]).catch(() => "");
    this.serverId = /^run_id:(\S+)/m.exec(String(info))?.[1] ?? crypto.randomUUID();
  }

  async send(command: readonly string[]): Promise<Reply> {
    if (this.#unanswered === 0) {
      this.#waitingSince = this.#now();
    }
    this.#unanswered += 1;
    try {
      return await this.#commands.sendCommand<Reply>(command);
    } finally {
      this.#unanswered -= 1;
      // Replies come in order: whatever waits now was sent after the one just answered.
      this.#waitingSince = this.#now();
    }
  }

  async subscribe(channel: string, onMessage: (message: string) => void): Promise<void> {
    // The client lets a subscription wait for a connection that never comes back.
    const lost = this.lost.then((reason) => {
      throw new Error(reason);
    });
    await Promise.race([this.#subscriber.subscribe(channel, onMessage), lost]);
    lost.catch(() => undefined);
  }

  stalledMs(): number {
    return this.#unanswered === 0 ? 0 : this.#now() - this.#waitingSince;
  }

  close(reason: string): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#resolveLost(reason);
    for (const client of [this.#commands, this.#subscriber]) {
      if (client.isOpen) {
        client.destroy();
      }
    }
  }
}

/** A server that forbids a command has answered all the same. */
function unlessForbidden(fault: unknown): void {
  if (!(fault instanceof Error) || !/^NOPERM\b/.test(fault.message)) {
    throw fault;
  }
}

/** One line about a fault, as the log shows it; never holds an address' password. */
function reasonOf(fault: unknown): string {
  if (fault instanceof AggregateError && fault.errors.length > 0) {
    return reasonOf(fault.errors[0]);
  }
  return fault instanceof Error ? fault.message : String(fault);
}
