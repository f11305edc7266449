import { join } from "node:path";
import { type ApiAnswer, callApi } from "../cluster/api.ts";
import { writeNodeConfig } from "../cluster/node.ts";
import { ROOT } from "../cluster/places.ts";
import type { NodePorts } from "../cluster/ports.ts";
import { waitUntil } from "../cluster/wait.ts";
import { Supervised } from "./supervised.ts";

/** Longer than a worker takes on a busy machine, in milliseconds. */
const START_DEADLINE_MS = 20_000;

/** As much of the status object as is read here. */
export interface WorkerStatus {
  readonly connected_sockets: number;
  readonly cluster_nodes: number;
  readonly redis: "off" | "up" | "down";
  readonly node: string;
}

/** Which form of the program is run. */
export type WorkerTarget = "source" | "dist";

export interface WorkerOptions {
  readonly name: string;
  readonly directory: string;
  readonly ports: NodePorts;
  readonly secret: string;
  readonly target: WorkerTarget;
  /** Keys of its configuration file beside ports and secrets. */
  readonly config: Readonly<Record<string, string>>;
}

/** A worker under a supervisor. */
export class Worker implements AsyncDisposable {
  readonly ports: NodePorts;
  readonly process: Supervised;
  readonly #options: WorkerOptions;
  readonly #configFile: string;
  /** What opens its internal API. */
  #secret: string;

  constructor(options: WorkerOptions) {
    const { name, directory, ports, secret, target } = options;
    const fileName = name.replaceAll(" ", "-");
    this.#options = options;
    this.ports = ports;
    this.#secret = secret;
    this.#configFile = join(directory, `${fileName}.yaml`);
    this.#write(secret);
    const program =
      target === "dist"
        ? [join(ROOT, "dist/wavelog_worker")]
        : [process.execPath, join(ROOT, "src/main.ts")];
    this.process = new Supervised({
      name,
      command: [...program, "serve", "--config", this.#configFile],
      log: join(directory, `${fileName}.log`),
    });
  }

  get name(): string {
    return this.#options.name;
  }

  /** Writes its file anew with other secrets, and has it read that. */
  async reload(secret: string, previous: string | undefined, signal: AbortSignal): Promise<void> {
    this.#write(secret, previous);
    this.process.signal("SIGHUP");
    this.#secret = secret;
    const knows = async (): Promise<boolean> => (await this.status()) !== undefined;
    await waitUntil(knows, `${this.name} to take the new secret`, START_DEADLINE_MS, signal);
  }

  /** Calls its internal API with some secret. */
  async call(secret: string, path: string): Promise<ApiAnswer> {
    return await callApi(this.ports.internal, secret, path);
  }

  /** Its status; `undefined` while it gives none. */
  async status(): Promise<WorkerStatus | undefined> {
    try {
      const { status, text } = await this.call(this.#secret, "/internal/status");
      return status === 200 ? (JSON.parse(text) as WorkerStatus) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Waits until its status is as wanted. */
  async becomes(
    isRight: (status: WorkerStatus) => boolean,
    what: string,
    signal: AbortSignal,
  ): Promise<void> {
    const look = async (): Promise<boolean> => {
      const status = await this.status();
      return status !== undefined && isRight(status);
    };
    await waitUntil(look, `${this.name} to ${what}`, START_DEADLINE_MS, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }

  #write(secret: string, previous?: string): void {
    const { ports, config } = this.#options;
    writeNodeConfig(this.#configFile, ports, {
      ...config,
      worker_secret: secret,
      ...(previous === undefined ? {} : { worker_secret_previous: previous }),
    });
  }
}
