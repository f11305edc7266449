import type { Server } from "node:http";

/** What `listen` of `node:http` calls in Bun, by its description: it has no name outside. */
const REAL_LISTEN = "kRealListen";

/**
 * Starts listening on a port that other processes of the same user may share (`SO_REUSEPORT`). Bun
 * ignores `reusePort` in `listen` of `node:http`, though the function below it takes
 * it. A `node:net` server that hands its connections over is no way out: with that one, Bun ends neither
 * slow requests nor slow bodies.
 *
 * @throws The system's error (`code`: `EADDRINUSE`, …), or when this Bun has no such function.
 */
export function listenShared(server: Server, port: number, hostname: string): void {
  const symbol = Object.getOwnPropertySymbols(Object.getPrototypeOf(server)).find(
    ({ description }) => description === REAL_LISTEN,
  );
  const listen: unknown = symbol === undefined ? undefined : Reflect.get(server, symbol);
  if (typeof listen !== "function") {
    throw new Error("this build cannot share it; remove reuse_port");
  }
  const tls = undefined;
  const socketPath = undefined;
  Reflect.apply(listen, server, [tls, port, hostname, socketPath, true]);
}
