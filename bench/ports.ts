import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";

async function listenAnywhere(): Promise<Server> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  const address = server.address() as AddressInfo;
  return address.port;
}

/** So many ports of 127.0.0.1 that were free just now. */
export async function freePorts(count: number): Promise<number[]> {
  // All are held at the same time, so that they differ.
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere));
  const ports = servers.map(portOf);
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, "close");
    }),
  );
  return ports;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/**
 * Waits until a port takes connections. Throws when it does not by `deadline` (milliseconds since
 * 1970), and whatever `check`, called before each look, throws.
 */
export async function waitForPort(
  port: number,
  deadline: number,
  pauseMs: number,
  check: () => Promise<void>,
): Promise<void> {
  while (true) {
    await check();
    if (await accepts(port)) return;
    if (Date.now() > deadline) throw new Error(`port ${port} takes no connection`);
    await Bun.sleep(pauseMs);
  }
}
