import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Api } from "./api.ts";
import { eventually } from "./changes.ts";
import type { Lines } from "./lines.ts";
import { freePorts, type Ports } from "./ports.ts";
import { Program } from "./program.ts";
import type { Target } from "./targets.ts";
import { LOOPBACK } from "./tcp-client.ts";
import { TempDir } from "./temp-dir.ts";
import { WsClient, type WsOptions } from "./ws-client.ts";

/** Longer than any start should take, for machines that do much else. */
const START_DEADLINE_MS = 15_000;

/** Others may take a port between its choice and its use. */
const START_TRIES = 5;

/** For the eyes of its owner only: it holds the secret. */
const CONFIG_MODE = 0o600;

/** A line of the worker's log. */
export interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface WorkerOptions {
  readonly target: Target;
  /** Keys of the configuration file beside ports, addresses and the secret, or instead of them. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** A file descriptor for its log, which is then not read here. */
  readonly stdout?: number;
  /** Ports to be used; free ones are found otherwise. */
  readonly ports?: Ports;
  /** A random one otherwise. */
  readonly secret?: string;
}

/** A secret as long as it must be. */
export function randomSecret(): string {
  return randomBytes(24).toString("base64url");
}

/** A worker that serves, started as operators start it. Killed at the end of its scope. */
export class WorkerProcess implements AsyncDisposable {
  readonly secret: string;
  readonly ports: Ports;
  readonly api: Api;
  readonly program: Program;
  readonly #dir: TempDir;
  readonly #configPath: string;
  #config: Readonly<Record<string, unknown>>;

  constructor(options: WorkerOptions, ports: Ports) {
    this.secret = options.secret ?? randomSecret();
    this.ports = ports;
    this.api = new Api(ports.internal, this.secret);
    this.#dir = new TempDir();
    this.#configPath = this.#dir.file("config.yaml");
    this.#config = {
      ws_port: ports.ws,
      ws_bind: LOOPBACK,
      internal_port: ports.internal,
      worker_secret: this.secret,
      ...options.config,
    };
    this.writeConfig(configText(this.#config));
    const command = [...options.target.command(), "serve", "--config", this.#configPath];
    this.program = new Program(command, {
      cwd: this.#dir.path,
      env: options.env ?? {},
      ...(options.stdout === undefined ? {} : { stdout: options.stdout }),
    });
  }

  get pid(): number {
    return this.program.pid;
  }

  get stdout(): Lines {
    return this.program.stdout;
  }

  get stderr(): Lines {
    return this.program.stderr;
  }

  /** The log so far; every line on standard output must be JSON. */
  get log(): readonly LogLine[] {
    return this.stdout.all.map(parseLogLine);
  }

  /** Waits for log lines with this message, the first `count` of them. */
  async logged(msg: string, count: number = 1): Promise<readonly LogLine[]> {
    return await this.stdout.until((lines) => {
      const found = lines.map(parseLogLine).filter((line) => line.msg === msg);
      return found.length >= count ? found : undefined;
    }, `${count} log line(s) "${msg}"`);
  }

  /** Puts another text into the configuration file. */
  writeConfig(text: string): void {
    writeFileSync(this.#configPath, text, { mode: CONFIG_MODE });
  }

  /**
   * Changes keys of the configuration file (`undefined` removes one), has the worker read it again,
   * and returns the log's lines about that.
   */
  async reload(
    changes: Readonly<Record<string, unknown>>,
    text?: string,
  ): Promise<readonly LogLine[]> {
    this.#config = { ...this.#config, ...changes };
    this.writeConfig(text ?? configText(this.#config));
    const before = this.stdout.all.length;
    this.program.signal("SIGHUP");
    return await this.stdout.until((lines) => {
      const news = lines.slice(before).map(parseLogLine);
      const about = news.filter(({ msg }) => msg.startsWith("configuration "));
      return about.length > 0 ? about : undefined;
    }, "a line about the reload");
  }

  /** Opens a socket that has not authenticated. */
  async open(topic: string, options: Partial<WsOptions> = {}): Promise<WsClient> {
    return await WsClient.open({ port: this.ports.ws, topic, ...options });
  }

  /** Opens a socket and authenticates. */
  async subscribe(
    topic: string,
    token?: string,
    options: Partial<WsOptions> = {},
  ): Promise<WsClient> {
    const credentials = token === undefined ? {} : { token };
    return await WsClient.subscribe({ port: this.ports.ws, topic, ...credentials, ...options });
  }

  /** Waits until the status shows this many sockets. */
  async socketsReach(count: number): Promise<void> {
    await eventually(
      async () => (await this.api.status()).connected_sockets === count,
      `${count} connected sockets`,
    );
  }

  /** Stops it as its supervisor does, and returns how it ended. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals> {
    this.program.signal(signal);
    return await this.program.exit();
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    this.program.signal("SIGKILL");
    await this.program.exit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    this.#dir[Symbol.dispose]();
  }
}

/** Starts a worker and waits until it serves. */
export async function startWorker(options: WorkerOptions): Promise<WorkerProcess> {
  for (let tries = 1; ; tries += 1) {
    const worker = new WorkerProcess(options, options.ports ?? freePorts());
    try {
      await eventually(() => isReady(worker), "the worker to serve", START_DEADLINE_MS);
      if (!worker.program.hasEnded) {
        return worker;
      }
      throw new Error(`the worker ended: ${worker.stderr.text}\n${worker.stdout.text}`);
    } catch (fault) {
      await worker[Symbol.asyncDispose]();
      const isClash = worker.stderr.text.includes("is taken by another program");
      if (options.ports !== undefined || !isClash || tries === START_TRIES) {
        throw fault;
      }
    }
  }
}

/** Whether there is nothing to wait for any more: it serves, or it has ended. */
async function isReady(worker: WorkerProcess): Promise<boolean> {
  return worker.program.hasEnded || (await worker.api.status()).status === "ok";
}

/** A configuration file; JSON values are YAML. */
export function configText(config: Readonly<Record<string, unknown>>): string {
  return Object.entries(config)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
    .join("");
}

function parseLogLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch (cause) {
    throw new Error(`no JSON in the log: ${line}`, { cause });
  }
}
