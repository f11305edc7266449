import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";

/** More than Bun's own queue of 512 takes, and fewer than the kernel's usual limit of 4096. */
const CONNECTIONS = 1500;

/** Within this time a connection stands, unless the queue is full: its SYN is sent again after 1 s. */
const PATIENCE_MS = 900;

const stack: { kill(): void }[] = [];

afterEach(() => {
  for (const child of stack.splice(0)) {
    child.kill();
  }
});

/** A process that listens, says on which port, and then accepts nobody: its loop stands still. */
async function deafListener(isEnlarged: boolean): Promise<number> {
  const module = join(import.meta.dir, "accept-queue.ts");
  const code = `
    import { enlargeAcceptQueues } from ${JSON.stringify(module)};
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
    const enlarged = ${isEnlarged} ? enlargeAcceptQueues(server.port) : 0;
    require("node:fs").writeSync(1, server.port + " " + enlarged + "\\n");
    Bun.sleepSync(30_000);`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
  stack.push(child);
  for await (const bytes of child.stdout) {
    const [port, enlarged] = new TextDecoder().decode(bytes).trim().split(" ").map(Number);
    expect(enlarged).toBe(isEnlarged ? 1 : 0);
    return port ?? 0;
  }
  throw new Error("the listener has ended");
}

/** How many of the connections made at once stand before a SYN would be sent again. */
async function countConnected(port: number): Promise<number> {
  let connected = 0;
  const open = (): void => {
    connected += 1;
  };
  const attempts = Array.from({ length: CONNECTIONS }, () => {
    return Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: { open, data: () => undefined },
    }).catch(() => undefined);
  });
  const all = Promise.all(attempts);
  await Promise.race([all, Bun.sleep(PATIENCE_MS)]);
  const count = connected;
  for (const child of stack.splice(0)) {
    child.kill();
  }
  for (const socket of await all) {
    socket?.terminate();
  }
  return count;
}

test("an enlarged queue holds what Bun's own does not", async () => {
  expect(await countConnected(await deafListener(false))).toBeLessThan(CONNECTIONS);
  expect(await countConnected(await deafListener(true))).toBe(CONNECTIONS);
});
