import type { StatusObject } from "./api.ts";
import { eventually } from "./changes.ts";
import { SOURCE_RUN, type Target } from "./targets.ts";
import { type LogLine, randomSecret, startWorker, type WorkerProcess } from "./worker.ts";

/** Lines of the log that tests wait for. */
export const LOG = {
  unavailable: "cluster: redis unavailable, falling back to single-instance: ",
  joined: "cluster: redis is there, joined",
  lost: "cluster: redis lost, serving alone meanwhile",
  sent: "cluster: events kept meanwhile were sent",
  caughtUp: "cluster: events missed meanwhile were caught up",
  skipped: "cluster: envelope skipped",
} as const;

/** How soon a dead path must be known, in milliseconds. */
export const FOUND_WITHIN_MS = 5000;

/** How long a worker may take to be back after Redis is, in milliseconds: its longest pause, twice. */
export const BACK_WITHIN_MS = 15_000;

/** Between two looks at a worker's state, in milliseconds: rarer than `eventually` alone would. */
const LOOK_INTERVAL_MS = 50;

/** The status object with what a cluster adds. */
export interface NodeStatus extends StatusObject {
  readonly redis: "off" | "up" | "down";
  readonly node: string;
}

/** A node as `GET /internal/cluster` lists it. */
export interface ListedNode {
  readonly node: string;
  readonly host: string;
  readonly version: string;
  readonly started: string;
  readonly topics: number;
  readonly sockets: number;
  readonly clients: number;
  readonly probe_ms: number | null;
}

export interface ClusterView {
  readonly node: string;
  readonly redis: "off" | "up" | "down";
  readonly nodes: readonly ListedNode[];
}

export interface NodesOptions {
  /** One `redis_url` for all, or one for each. */
  readonly redis: string | readonly string[];
  readonly count?: number;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly secret?: string;
  readonly target?: Target;
  /** `false`: does not wait until they are one cluster. */
  readonly waitsUntilUp?: boolean;
}

let topics = 0;

/** Several workers with the same secret and Redis: one cluster. Gone at the end of its scope. */
export class Nodes implements AsyncDisposable {
  readonly secret: string;
  readonly #options: NodesOptions;
  readonly #workers: WorkerProcess[];

  private constructor(options: NodesOptions, secret: string, workers: WorkerProcess[]) {
    this.#options = options;
    this.secret = secret;
    this.#workers = workers;
  }

  /** Starts them at the same time and waits until they are one. */
  static async start(options: NodesOptions): Promise<Nodes> {
    const secret = options.secret ?? randomSecret();
    const numbers = Array.from({ length: options.count ?? 3 }, (_, number) => number);
    const starts = numbers.map((number) => startWorker(workerOptions(options, secret, number)));
    const settled = await Promise.allSettled(starts);
    const workers = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const nodes = new Nodes(options, secret, workers);
    try {
      await Promise.all(starts);
      if (options.waitsUntilUp ?? true) {
        await nodes.areUp();
      }
      return nodes;
    } catch (fault) {
      await nodes[Symbol.asyncDispose]();
      throw fault;
    }
  }

  get all(): readonly WorkerProcess[] {
    return this.#workers;
  }

  /** A node by its number, from 0. */
  at(number: number): WorkerProcess {
    const worker = this.#workers[number];
    if (worker === undefined) {
      throw new Error(`there is no node ${number}`);
    }
    return worker;
  }

  /** Starts a node again, on the same ports, after it has ended; with another secret if one is given. */
  async restart(
    number: number,
    secret: string = this.secret,
    config: Readonly<Record<string, unknown>> = {},
  ): Promise<WorkerProcess> {
    const { ports } = this.at(number);
    await this.at(number)[Symbol.asyncDispose]();
    const options = workerOptions(this.#options, secret, number);
    const worker = await startWorker({
      ...options,
      config: { ...options.config, ...config },
      ports,
    });
    this.#workers[number] = worker;
    return worker;
  }

  /** Waits until each has joined and counts all of them. */
  async areUp(deadlineMs: number = BACK_WITHIN_MS): Promise<void> {
    const count = this.#workers.length;
    await Promise.all(
      this.#workers.map((worker) =>
        statusBecomes(
          worker,
          ({ redis, cluster_nodes }) => redis === "up" && cluster_nodes === count,
          `a cluster of ${count}`,
          deadlineMs,
        ),
      ),
    );
  }

  /** Registers a topic of a new name through one node, so that all know it. */
  async newTopic(number: number = 0): Promise<string> {
    topics += 1;
    const topic = `cluster.topic.${topics}`;
    await this.at(number).api.register(topic, false);
    return topic;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
}

function workerOptions(options: NodesOptions, secret: string, number: number) {
  const { redis, config, target = SOURCE_RUN } = options;
  const url = typeof redis === "string" ? redis : redis[number];
  return { target, secret, config: { redis_url: url, ...config } };
}

/** The status object of a node. */
export async function nodeStatus(worker: WorkerProcess): Promise<NodeStatus> {
  return (await worker.api.status()) as NodeStatus;
}

/** The cluster as a node sees it. */
export async function clusterView(worker: WorkerProcess): Promise<ClusterView> {
  const answer = await worker.api.get("/internal/cluster");
  if (answer.status !== 200) {
    throw new Error(`cluster: ${answer.status} ${answer.body}`);
  }
  return JSON.parse(answer.body) as ClusterView;
}

/** Waits until a node's status is as wanted; how long that took, in milliseconds. */
export async function statusBecomes(
  worker: WorkerProcess,
  isRight: (status: NodeStatus) => boolean,
  what: string,
  deadlineMs?: number,
): Promise<number> {
  const start = performance.now();
  let last: NodeStatus | undefined;
  try {
    await eventually(
      async () => {
        last = await nodeStatus(worker);
        if (isRight(last)) {
          return true;
        }
        await Bun.sleep(LOOK_INTERVAL_MS);
        return false;
      },
      what,
      deadlineMs,
    );
  } catch (cause) {
    const log = worker.log.slice(-5).map((line) => JSON.stringify(line));
    throw new Error(`${what}: ${JSON.stringify(last)}\n${log.join("\n")}`, { cause });
  }
  return performance.now() - start;
}

/** The lines of a node's log with this message, so far. */
export function logLines(worker: WorkerProcess, msg: string): readonly LogLine[] {
  return worker.log.filter((line) => line.msg === msg);
}

/** Waits until a node has lost Redis once more than before; how long that took, in milliseconds. */
export async function losesRedis(
  worker: WorkerProcess,
  before: number,
  start: number,
): Promise<number> {
  await worker.logged(LOG.lost, before + 1);
  return performance.now() - start;
}

/** Waits until a node has joined so many times since its start. */
export async function hasJoined(
  worker: WorkerProcess,
  times: number,
  deadlineMs: number = BACK_WITHIN_MS,
): Promise<void> {
  await worker.stdout.until(
    (lines) =>
      lines.filter((line) => line.includes(LOG.joined)).length >= times ? true : undefined,
    `the node to have joined ${times} time(s)`,
    deadlineMs,
  );
}
