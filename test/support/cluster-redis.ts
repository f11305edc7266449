import { eventually } from "./changes.ts";
import { type RedisAddress, RedisClient } from "./cluster-redis-client.ts";
import { freePorts } from "./ports.ts";
import { Program } from "./program.ts";
import { LOOPBACK } from "./tcp-client.ts";
import { TempDir } from "./temp-dir.ts";

/** Others may take a port between its choice and its use. */
const START_TRIES = 5;

const READY = /Ready to accept connections|Sentinel ID is/;

export interface RedisServerOptions {
  /** A free one otherwise. */
  readonly port?: number;
  /** Words of the command line beside port, address and folder. */
  readonly args?: readonly string[];
  /** A configuration file, given its folder; the server may write to it. */
  readonly file?: string;
  /** How a test reaches it, when a plain connection to its port does not do. */
  readonly address?: RedisAddress;
}

/**
 * A real `redis-server` that keeps nothing on disk: started, stopped, killed, frozen, and started
 * anew with an empty memory on the same port. Gone at the end of its scope.
 */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #options: RedisServerOptions;
  readonly #dir = new TempDir();
  #program: Program | undefined;

  private constructor(options: RedisServerOptions, port: number) {
    this.#options = options;
    this.port = port;
  }

  /** Starts a server and waits until it serves. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let tries = 1; ; tries += 1) {
      const server = new RedisServer(options, options.port ?? freePort());
      try {
        await server.start();
        return server;
      } catch (fault) {
        await server[Symbol.asyncDispose]();
        if (options.port !== undefined || tries === START_TRIES) {
          throw fault;
        }
      }
    }
  }

  /** What workers have as `redis_url`. */
  get url(): string {
    return `redis://${LOOPBACK}:${this.port}/0`;
  }

  /** A connection of the test's own. */
  async client(): Promise<RedisClient> {
    return await RedisClient.connect({ port: this.port, ...this.#options.address });
  }

  /** Sends one command over a connection of its own. */
  async once(...words: readonly (string | number)[]) {
    using client = await this.client();
    return await client.do(...words);
  }

  /** Starts it again, with nothing in its memory. */
  async start(): Promise<void> {
    const { file, args = [] } = this.#options;
    if (file !== undefined) {
      await Bun.write(this.#dir.file("redis.conf"), file);
    }
    const program = new Program(
      [
        "redis-server",
        ...(file === undefined ? [] : [this.#dir.file("redis.conf")]),
        ...["--port", String(this.port), "--bind", LOOPBACK, "--dir", this.#dir.path],
        ...(args.includes("--sentinel") ? [] : ["--save", "", "--appendonly", "no"]),
        ...args,
      ],
      { cwd: this.#dir.path },
    );
    this.#program = program;
    await program.stdout.until((lines) => {
      if (program.hasEnded) {
        throw new Error(`redis-server has ended:\n${lines.slice(-5).join("\n")}`);
      }
      return lines.find((line) => READY.test(line));
    }, "redis-server to be ready");
  }

  /** Ends it as an operator does. */
  async stop(): Promise<void> {
    this.#running.signal("SIGTERM");
    await this.#running.exit();
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    this.#running.signal("SIGKILL");
    await this.#running.exit();
  }

  /** Stops it in the middle of whatever it does; its connections stay open. */
  freeze(): void {
    this.#running.signal("SIGSTOP");
  }

  thaw(): void {
    this.#running.signal("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
    this.#dir[Symbol.dispose]();
  }

  get #running(): Program {
    if (this.#program === undefined) {
      throw new Error("redis-server has not been started");
    }
    return this.#program;
  }
}

/** A port nobody listens on at this moment. */
export function freePort(): number {
  return freePorts().ws;
}

/** Waits until a replica has everything that its master has. */
export async function inSync(replica: RedisServer): Promise<void> {
  await eventually(
    async () => String(await replica.once("INFO", "replication")).includes("master_link_status:up"),
    "the replica to be in sync",
  );
}
