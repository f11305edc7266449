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

/** A Redis server of the bench's own, and what workers need to meet there. */
export interface BenchRedis extends AsyncDisposable {
  readonly port: number;
  readonly cluster: ClusterSettings;
  /** CPU time so far, in microseconds. */
  cpuUs(ticksPerSecond: number): number;
  /** Stops it in its tracks: connections stay, nothing answers (SIGSTOP). */
  freeze(): void;
  /** Lets it run on, so that it can be stopped in the end. */
  thaw(): void;
}

let launches = 0;

/** Starts a `redis-server` that keeps nothing. Throws when it does not serve within 5 s. */
export async function startRedis(setup: Setup): Promise<BenchRedis> {
  const program = Bun.which("redis-server");
  if (program === null) throw new Error("no redis-server: apt-get install redis-server");
  const [port = 0] = await freePorts(1);
  const child = new Child({
    name: "redis",
    command: [program, "--port", String(port), "--bind", "127.0.0.1", "--save", ""],
    log: join(setup.directory, `redis-${++launches}.log`),
    cleanup: setup.cleanup,
  });
  await waitForPort(port, Date.now() + START_MS, LOOK_PAUSE_MS, () => child.assertRunning());
  return {
    port,
    cluster: { redisUrl: `redis://127.0.0.1:${port}`, secret: newSecret() },
    cpuUs: (ticksPerSecond) => processCpuMicroseconds(child.pid, ticksPerSecond),
    freeze: () => process.kill(child.pid, "SIGSTOP"),
    thaw: () => process.kill(child.pid, "SIGCONT"),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
