/**
 * Ports below those that Linux gives to outgoing connections (from 32768): while a worker restarts,
 * no connection of a test may be given its port.
 */
const FIRST_PORT = 12_000;
const LAST_PORT = 32_000;

const TRIES = 100;

/** The two ports of a worker. */
export interface Ports {
  readonly ws: number;
  readonly internal: number;
}

/** Two ports nobody listens on at this moment. */
export function freePorts(): Ports {
  const ws = freePort();
  let internal = freePort();
  while (internal === ws) {
    internal = freePort();
  }
  return { ws, internal };
}

function freePort(): number {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (isFree(port)) {
      return port;
    }
  }
  throw new Error(`found no free port in ${TRIES} tries`);
}

/** Whether a port can be bound on all interfaces. */
function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "::", port, socket: { data: () => undefined } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
