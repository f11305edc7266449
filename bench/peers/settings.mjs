import { readFileSync } from "node:fs";

/** For connections that all come at once; Node's own 511 would make clients repeat their SYN. */
const BACKLOG = 4096;
const HOST = "127.0.0.1";

/**
 * What the bench wrote for this server; the only argument names the file.
 *
 * @returns {{ wsPort: number, httpPort: number, secret: string, redisUrl?: string }}
 */
export function readSettings() {
  const [, , file] = process.argv;
  if (file === undefined) throw new Error("usage: node SERVER.mjs SETTINGS.json");
  return JSON.parse(readFileSync(file, "utf8"));
}

/**
 * Listens on 127.0.0.1.
 *
 * @param {import("node:http").Server} server
 * @param {number} port
 */
export function listen(server, port) {
  server.listen({ host: HOST, port, backlog: BACKLOG });
}

/** Ends the process with status 0 when it is told to stop. */
export function stopOnSignal() {
  process.once("SIGTERM", () => process.exit(0));
}
