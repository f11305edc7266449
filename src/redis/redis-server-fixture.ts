import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectionOptions } from "./connection-options.ts";
import { openSession, type RedisSession, type Reply } from "./session.ts";

/** How long a wait lasts when nothing else is said, in milliseconds: generous, for busy machines. */
export const DEADLINE_MS = 10_000;

/** Between two looks at something that cannot tell of its changes, in milliseconds. */
const LOOK_INTERVAL_MS = 5;

/**
 * Ports below those that Linux gives to outgoing connections (from 32768): while a server restarts,
 * no connection of a test may be given its port.
 */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;

/** Servers that run now, and where: none may outlive the tests, even when those are broken off. */
const running = new Set<Bun.Subprocess>();
const directories = new Set<string>();
process.on("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL");
  }
  for (const directory of directories) {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** How a {@link RedisServer} is to be reached. */
export interface RedisServerOptions {
  /** The default user's password. */
  readonly password?: string;
  /** Over TLS alone, with a certificate made for it. */
  readonly tls?: boolean;
  /** Over a Unix socket alone. */
  readonly unixSocket?: boolean;
  /** More of the command line, for example `["--databases", "4"]`. */
  readonly extra?: readonly string[];
}

/** A real Redis server of a test's own: in memory, on a free port of 127.0.0.1, gone after it. */
export class RedisServer implements AsyncDisposable {
  readonly #options: RedisServerOptions;
  readonly #directory: string;
  readonly #sessions: RedisSession[] = [];
  #port: number;
  #child: Bun.Subprocess | undefined;
  #admin: RedisSession | undefined;

  private constructor(options: RedisServerOptions) {
    this.#options = options;
    this.#directory = mkdtempSync(join(tmpdir(), "wavelog-worker-redis-"));
    directories.add(this.#directory);
    this.#port = randomPort();
  }

  /** Starts a server and waits until it answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options);
    try {
      if (options.tls === true) {
        server.#makeCertificate();
      }
      // A port that is free when chosen may be taken a moment later.
      for (let tries = 1; !(await server.#launch()); tries += 1) {
        if (tries === 10) {
          throw new Error("redis-server does not start; is it installed?");
        }
        server.#port = randomPort();
      }
      return server;
    } catch (fault) {
      await server[Symbol.asyncDispose]();
      throw fault;
    }
  }

  get port(): number {
    return this.#port;
  }

  /** As `redis_url` takes it, of the first database. */
  get url(): string {
    return this.urlOf(0);
  }

  /** As `redis_url` takes it. */
  urlOf(database: number, password: string = this.#options.password ?? ""): string {
    if (this.#options.unixSocket === true) {
      const login = password === "" ? "" : `&password=${encodeURIComponent(password)}`;
      return `unix://${this.#file("redis.sock")}?db=${database}${login}`;
    }
    const scheme = this.#options.tls === true ? "rediss" : "redis";
    const login = password === "" ? "" : `:${encodeURIComponent(password)}@`;
    return `${scheme}://${login}127.0.0.1:${this.#port}/${database}`;
  }

  /** PEM text of the authority that has signed its certificate; `undefined` without TLS. */
  async ca(): Promise<string | undefined> {
    return this.#options.tls === true ? Bun.file(this.#file("cert.pem")).text() : undefined;
  }

  /** A file with that text. */
  get caFile(): string {
    return this.#file("cert.pem");
  }

  /** A session as a worker has it, closed at the end of the test at the latest. */
  async open(
    now: () => number = () => performance.now(),
    url: string = this.url,
  ): Promise<RedisSession> {
    const options = connectionOptions(url, await this.ca(), DEADLINE_MS);
    const session = await openSession(options, DEADLINE_MS, now);
    this.#sessions.push(session);
    return session;
  }

  /** Sends a command as another program, over a connection of its own. */
  async command(...words: readonly (string | number)[]): Promise<Reply> {
    this.#admin ??= await this.#openAdmin();
    return this.#admin.send(words.map(String));
  }

  /** Ends it as an operator does; what it held is lost. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Ends it as the kernel does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** From now on it answers nothing, while its connections stay open. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  /** Ends {@link freeze}. */
  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Starts it anew on the same port, empty; ends it first where it runs. */
  async restart(): Promise<void> {
    await this.kill();
    await eventually(() => this.#launch(), "redis-server to start on the same port");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) {
      session.close("end of test");
    }
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
    directories.delete(this.#directory);
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  async #openAdmin(): Promise<RedisSession> {
    const session = await this.open();
    void session.lost.then(() => {
      this.#admin = undefined;
    });
    return session;
  }

  /** Whether it has started; `false` when it has ended instead, as with a port that is taken. */
  async #launch(): Promise<boolean> {
    const child = Bun.spawn(["redis-server", ...this.#arguments()], {
      cwd: this.#directory,
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      stdio: ["ignore", "ignore", "ignore"],
    });
    running.add(child);
    void child.exited.then(() => running.delete(child));
    this.#child = child;
    return eventually(async () => {
      if (child.exitCode !== null || child.signalCode !== null) {
        return { hasStarted: false };
      }
      const session = await this.open();
      await session.send(["PING"]);
      session.close("has answered");
      return { hasStarted: true };
    }, "redis-server to answer").then(({ hasStarted }) => hasStarted);
  }

  #arguments(): readonly string[] {
    const { password, tls, unixSocket, extra = [] } = this.#options;
    const port = String(this.#port);
    let address = ["--port", port];
    if (tls === true) {
      const files = ["--tls-cert-file", this.caFile, "--tls-key-file", this.#file("key.pem")];
      address = ["--port", "0", "--tls-port", port, ...files, "--tls-auth-clients", "no"];
    } else if (unixSocket === true) {
      address = ["--port", "0", "--unixsocket", this.#file("redis.sock")];
    }
    return [
      ...address,
      ...["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      ...(password === undefined ? [] : ["--requirepass", password]),
      ...extra,
    ];
  }

  /** A certificate that is its own authority, for 127.0.0.1 and localhost, for a day. */
  #makeCertificate(): void {
    const { exitCode, stderr } = Bun.spawnSync([
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-nodes", "-days", "1", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
      ...["-keyout", this.#file("key.pem"), "-out", this.caFile],
    ]);
    if (exitCode !== 0) {
      throw new Error(`openssl made no certificate: ${stderr.toString()}`);
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#admin?.close("the server ends");
    this.#admin = undefined;
    this.#child?.kill(signal);
    // One that is frozen takes no other signal than SIGKILL.
    this.#child?.kill("SIGCONT");
    await this.#child?.exited;
  }
}

function randomPort(): number {
  return FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
}

/**
 * Looks again and again until there is something to see.
 *
 * @param look Returns `undefined` or `false` while there is nothing, or throws.
 */
export async function eventually<Seen>(
  look: () => Promise<Seen> | Seen,
  what: string,
  deadlineMs: number = DEADLINE_MS,
): Promise<Exclude<Seen, undefined | false>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    let cause: unknown;
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) {
        return seen as Exclude<Seen, undefined | false>;
      }
    } catch (fault) {
      cause = fault;
    }
    if (performance.now() >= end) {
      throw new Error(`waited ${deadlineMs} ms in vain for ${what}`, { cause });
    }
    await Bun.sleep(LOOK_INTERVAL_MS);
  }
}

/** The message with which a promise rejects; that it does not is a fault. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
  throw new Error("expected a rejection, but there was none");
}
