import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Child } from "./child.ts";
import type { Contender, Launch } from "./contenders/contender.ts";
import { freePorts, waitForPort } from "./ports.ts";
import { cpuMicroseconds, type Memory, memory } from "./proc.ts";
import type { Setup } from "./setup.ts";
import { newSecret } from "./token.ts";

/** Topics are equally long, since the load generator writes one over the other. */
const TOPIC_DIGITS = 5;
/** For the first answer: far more than any goal, so that a slow start is still measured. */
export const START_MS = 20_000;
/** Between two looks at a starting server. */
const LOOK_PAUSE_MS = 10;

/** The names of so many topics: bench.00000, bench.00001 … */
export function topicNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `bench.${String(i).padStart(TOPIC_DIGITS, "0")}`);
}

/** What the nodes of one cluster have in common. */
export interface ClusterSettings {
  readonly redisUrl: string;
  readonly secret: string;
}

/** What a server is started for. */
export interface StartOptions {
  /** One topic when it is not told. */
  readonly topics?: number;
  readonly cluster?: ClusterSettings;
}

/** A server about to be started. */
export interface Prepared {
  readonly contender: Contender;
  readonly launch: Launch;
  readonly topics: readonly string[];
  /** Where its output goes. */
  readonly log: string;
}

/** A server that serves its topics. Stops at the end of its block. */
export interface RunningServer extends AsyncDisposable {
  readonly contender: Contender;
  readonly launch: Launch;
  readonly topics: readonly string[];
  readonly pid: number;
  /** CPU time so far, in microseconds, of all its processes. */
  cpuUs(): number;
  memory(): Memory;
  /** Throws, with the end of its log, when it runs no longer. */
  assertRunning(): Promise<void>;
}

let launches = 0;

async function morePorts(count: number): Promise<number[]> {
  return await freePorts(count);
}

/** Free ports, a secret, configuration files: everything up to the start itself. */
export async function prepareServer(
  setup: Setup,
  contender: Contender,
  options: StartOptions = {},
): Promise<Prepared> {
  const directory = join(setup.directory, `${contender.name}-${++launches}`);
  await mkdir(directory);
  const [wsPort, httpPort] = await freePorts(2);
  if (wsPort === undefined || httpPort === undefined) throw new Error("no free ports");
  const launch = await contender.launch({
    setup,
    wsPort,
    httpPort,
    morePorts,
    directory,
    secret: options.cluster?.secret ?? newSecret(),
    redisUrl: options.cluster?.redisUrl,
  });
  return {
    contender,
    launch,
    topics: topicNames(options.topics ?? 1),
    log: join(directory, "output.log"),
  };
}

async function awaitReady({ launch, topics }: Prepared, child: Child): Promise<void> {
  const deadline = Date.now() + START_MS;
  await waitForPort(launch.httpPort, deadline, LOOK_PAUSE_MS, () => child.assertRunning());
  await waitForPort(launch.wsPort, deadline, LOOK_PAUSE_MS, () => child.assertRunning());
  await launch.prepare?.(topics);
}

/** Starts a prepared server; see {@link startServer}. */
export async function startPrepared(setup: Setup, prepared: Prepared): Promise<RunningServer> {
  const { contender, launch, topics } = prepared;
  const child = new Child({
    name: contender.name,
    // Through the generator's `exec`: a session of its own, a raised file limit, a common end.
    command: [setup.programs.load, "exec", ...launch.command],
    environment: launch.environment ?? {},
    log: prepared.log,
    cleanup: setup.cleanup,
    // Others' ways of ending are not what is measured.
    anyStatus: contender.name !== "worker",
  });
  try {
    await awaitReady(prepared, child);
    return {
      contender,
      launch,
      topics,
      pid: child.pid,
      cpuUs: () => cpuMicroseconds(child.pid, setup.clockTicks),
      memory: () => memory(child.pid),
      assertRunning: () => child.assertRunning(),
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child.abandon();
    throw error;
  }
}

/**
 * Starts a server and makes its topics known. Throws, with the end of its log, when the server
 * ends before it serves, and when it does not serve within 20 s.
 */
export async function startServer(
  setup: Setup,
  contender: Contender,
  options: StartOptions = {},
): Promise<RunningServer> {
  return await startPrepared(setup, await prepareServer(setup, contender, options));
}
