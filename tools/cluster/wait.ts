import { connect } from "node:net";
import { LOOPBACK } from "./places.ts";

/** Between two looks at something that starts, in milliseconds. */
const LOOK_PAUSE_MS = 20;

/**
 * Looks again and again until there is something to see.
 *
 * @param look What it throws ends the wait.
 * @param what Names what is waited for in the message when it does not come.
 * @throws the signal's reason when that aborts.
 */
export async function waitUntil(
  look: () => Promise<boolean>,
  what: string,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await look())) {
    signal.throwIfAborted();
    if (performance.now() > end) {
      throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    }
    await Bun.sleep(LOOK_PAUSE_MS);
  }
  signal.throwIfAborted();
}

/** Whether a port of this machine takes connections. */
export function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: LOOPBACK });
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
