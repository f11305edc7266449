import { join } from "node:path";
import { Child } from "./child.ts";
import { freePorts, waitForPort } from "./ports.ts";
import { processCpuMicroseconds } from "./proc.ts";
import type { ClusterSettings } from "./servers.ts";
import type { Setup } from "./setup.ts";
import { newSecret } from "./token.ts";

/** A Redis without data starts at once. */
const START_MS = 5_000;
/** Between two looks at a starting server. */
const LOOK_PAUSE_MS = 10;

/** A Redis server of the bench's own, and what nodes need to meet there. */
export interface BenchRedis extends AsyncDisposable {
  readonly port: number;
  readonly cluster: ClusterSettings;
  /** CPU time since its latest start, in microseconds. */
  cpuUs(): number;
  /** Stops it in its tracks: connections stay, nothing answers (SIGSTOP). */
  freeze(): void;
  /** Lets it run on, so that it can be stopped in the end. */
  thaw(): void;
  /** Ends it as a crash would (SIGKILL): connections are reset, what it kept is gone. */
  kill(): Promise<void>;
  /** Starts it anew on its port, empty. Throws when it does not serve within 5 s. */
  restart(): Promise<void>;
}

let launches = 0;

async function launchRedis(setup: Setup, program: string, port: number): Promise<Child> {
  const redis = [program, "--port", String(port), "--bind", "127.0.0.1", "--save", ""];
  const child = new Child({
    name: "redis",
    // Through the generator's `exec`: a session of its own, so that its CPU time can be told.
    command: [setup.programs.load, "exec", ...redis],
    log: join(setup.directory, `redis-${++launches}.log`),
    cleanup: setup.cleanup,
  });
  try {
    const deadline = Date.now() + START_MS;
    await waitForPort(port, deadline, LOOK_PAUSE_MS, () => child.assertRunning());
    return child;
  } catch (error) {
    await child.abandon();
    throw error;
  }
}

/** Starts a `redis-server` that keeps nothing. Throws when it does not serve within 5 s. */
export async function startRedis(setup: Setup): Promise<BenchRedis> {
  const program = Bun.which("redis-server");
  if (program === null) throw new Error("no redis-server: apt-get install redis-server");
  const [port = 0] = await freePorts(1);
  let child: Child | undefined = await launchRedis(setup, program, port);
  const running = (): Child => {
    if (child === undefined) throw new Error("redis was killed and not started again");
    return child;
  };
  return {
    port,
    cluster: { redisUrl: `redis://127.0.0.1:${port}`, secret: newSecret() },
    cpuUs: () => processCpuMicroseconds(running().pid, setup.clockTicks),
    freeze: () => process.kill(running().pid, "SIGSTOP"),
    thaw: () => process.kill(running().pid, "SIGCONT"),
    kill: async () => {
      const killed = running();
      child = undefined;
      process.kill(killed.pid, "SIGKILL");
      await killed.abandon();
    },
    restart: async () => {
      if (child !== undefined) throw new Error("redis is running already");
      child = await launchRedis(setup, program, port);
    },
    // Killed when a scenario failed half-way: nothing is left to be stopped.
    [Symbol.asyncDispose]: async () => await child?.[Symbol.asyncDispose](),
  };
}
