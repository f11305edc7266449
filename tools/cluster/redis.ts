import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Child } from "./child.ts";
import { deployFile, LOOPBACK } from "./places.ts";
import { waitUntil } from "./wait.ts";

/** Longer than an empty Redis takes on any machine, in milliseconds. */
const START_DEADLINE_MS = 10_000;

/** Starts a Redis with `deploy/redis.conf` on a port of its own, and waits until it answers. */
export async function startRedis(
  directory: string,
  port: number,
  signal: AbortSignal,
): Promise<Child> {
  signal.throwIfAborted();
  const home = join(directory, "redis");
  // There already when it was stopped and is started again.
  mkdirSync(home, { recursive: true });
  const redis = new Child({
    name: "Redis",
    command: [
      ...["redis-server", deployFile("redis.conf")],
      ...["--bind", LOOPBACK, "--port", String(port), "--dir", home, "--daemonize", "no"],
    ],
    log: join(directory, "redis.log"),
  });
  const answers = async (): Promise<boolean> => {
    redis.assertRunning();
    return await ping(port);
  };
  try {
    await waitUntil(answers, "Redis to answer", START_DEADLINE_MS, signal);
    return redis;
  } catch (fault) {
    await redis[Symbol.asyncDispose]();
    throw fault;
  }
}

function ping(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: LOOPBACK });
  socket.once("connect", () => socket.write("PING\r\n"));
  socket.once("data", (bytes) => resolve(bytes.toString().startsWith("+PONG")));
  socket.once("error", () => resolve(false));
  socket.once("close", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
