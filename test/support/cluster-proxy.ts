import { LOOPBACK } from "./tcp-client.ts";

/** Which way bytes go: from the worker to Redis, or back. */
export type Direction = "to-server" | "to-client";

export const BOTH: readonly Direction[] = ["to-server", "to-client"];

/**
 * What becomes of bytes while the network is cut. `lose`: they are gone, and a connection that has
 * lost any is reset on healing. `keep`: they arrive on healing, as TCP sends again what was not
 * acknowledged, even from a socket that its owner has closed meanwhile.
 */
export type CutMode = "lose" | "keep";

type ProxySocket = Bun.Socket<undefined>;

/** One way of a connection: what it has taken and not yet passed on. */
class Way {
  /** Where it leads; `undefined` until that side is connected. */
  to: ProxySocket | undefined;
  mode: CutMode | undefined;
  hasLost = false;
  #kept: Uint8Array[] = [];
  #hasEnded = false;

  take(bytes: Uint8Array): void {
    if (this.mode === "lose") {
      this.hasLost = true;
      return;
    }
    // The buffer belongs to the socket that has read it.
    this.#kept.push(Uint8Array.from(bytes));
    this.flush();
  }

  /** The sending side has closed. */
  end(): void {
    this.#hasEnded = true;
    this.flush();
  }

  flush(): void {
    if (this.to === undefined || this.mode !== undefined) {
      return;
    }
    for (let next = this.#kept[0]; next !== undefined; next = this.#kept[0]) {
      const sent = Math.max(0, this.to.write(next));
      if (sent < next.length) {
        this.#kept[0] = next.subarray(sent);
        return;
      }
      this.#kept.shift();
    }
    if (this.#hasEnded) {
      this.to.end();
    }
  }
}

/** A connection that goes through a {@link TcpProxy}. */
export class ProxyConnection {
  readonly #ways: Readonly<Record<Direction, Way>> = {
    "to-server": new Way(),
    "to-client": new Way(),
  };
  #hasSubscribed = false;

  /** Whether the client has subscribed to a channel here. */
  get isSubscriber(): boolean {
    return this.#hasSubscribed;
  }

  way(direction: Direction): Way {
    return this.#ways[direction];
  }

  cut(directions: readonly Direction[], mode: CutMode): void {
    for (const direction of directions) {
      this.#ways[direction].mode = mode;
    }
  }

  heal(): void {
    if (BOTH.some((direction) => this.#ways[direction].hasLost)) {
      this.reset();
      return;
    }
    for (const direction of BOTH) {
      this.#ways[direction].mode = undefined;
      this.#ways[direction].flush();
    }
  }

  /** Sends bytes to the server as if they came from the client. */
  inject(bytes: Uint8Array): void {
    this.#ways["to-server"].take(bytes);
  }

  /** Ends both sides abruptly. */
  reset(): void {
    for (const direction of BOTH) {
      this.#ways[direction].to?.terminate();
    }
  }

  fromClient(bytes: Uint8Array): void {
    this.#hasSubscribed ||= /\bsubscribe\b/i.test(Buffer.from(bytes).toString("latin1"));
    this.#ways["to-server"].take(bytes);
  }
}

/** A network between a worker and Redis that can be cut, in silence, and healed. */
export class TcpProxy implements Disposable {
  readonly port: number;
  readonly #listener: Bun.TCPSocketListener<undefined>;
  readonly #byClient = new Map<ProxySocket, ProxyConnection>();
  /** Every connection so far: one of its sides may still be open. */
  readonly #all = new Set<ProxyConnection>();
  #target: number;
  #cut: { readonly directions: readonly Direction[]; readonly mode: CutMode } | undefined;

  /** @param target The port of the server on this machine. */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Bun.listen<undefined>({
      hostname: LOOPBACK,
      port: 0,
      socket: {
        open: (client) => void this.#open(client),
        data: (client, bytes) => this.#byClient.get(client)?.fromClient(bytes),
        drain: (client) => this.#byClient.get(client)?.way("to-client").flush(),
        end: (client) => this.#byClient.get(client)?.way("to-server").end(),
        close: (client) => this.#closed(client),
        error: (client) => this.#closed(client),
      },
    });
    this.port = this.#listener.port;
  }

  get url(): string {
    return `redis://${LOOPBACK}:${this.port}/0`;
  }

  get connections(): readonly ProxyConnection[] {
    return [...this.#byClient.values()];
  }

  /** Stops passing bytes on, without a word to either side; new connections fare alike. */
  cut(directions: readonly Direction[], mode: CutMode): void {
    this.#cut = { directions, mode };
    for (const connection of this.connections) {
      connection.cut(directions, mode);
    }
  }

  heal(): void {
    this.#cut = undefined;
    for (const connection of this.#all) {
      connection.heal();
    }
  }

  /** Ends all connections abruptly. */
  reset(): void {
    for (const connection of this.#all) {
      connection.reset();
    }
  }

  /** Leads to another server: new connections, and, by ending them, those there are. */
  switchTo(port: number): void {
    this.#target = port;
    this.reset();
  }

  /**
   * Moves to another server as an address does whose host has died: new connections lead there, and
   * those there are stay open and dead.
   */
  moveTo(port: number): void {
    this.#target = port;
    for (const connection of this.connections) {
      connection.cut(BOTH, "lose");
    }
    this.#cut = undefined;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    this.reset();
  }

  async #open(client: ProxySocket): Promise<void> {
    const connection = new ProxyConnection();
    this.#byClient.set(client, connection);
    this.#all.add(connection);
    connection.way("to-client").to = client;
    if (this.#cut !== undefined) {
      connection.cut(this.#cut.directions, this.#cut.mode);
    }
    try {
      await Bun.connect<undefined>({
        hostname: LOOPBACK,
        port: this.#target,
        socket: {
          open: (server) => {
            server.setNoDelay(true);
            connection.way("to-server").to = server;
            connection.way("to-server").flush();
          },
          data: (_server, bytes) => connection.way("to-client").take(bytes),
          drain: () => connection.way("to-server").flush(),
          end: () => connection.way("to-client").end(),
          close: () => connection.way("to-client").end(),
          error: () => connection.way("to-client").end(),
        },
      });
      client.setNoDelay(true);
    } catch {
      client.terminate();
    }
  }

  #closed(client: ProxySocket): void {
    this.#byClient.get(client)?.way("to-server").end();
    this.#byClient.delete(client);
  }
}
