import { LOOPBACK } from "./tcp-client.ts";

/** How many are sent off before others may do something. */
const AT_ONCE = 250;

/** Connections of people who want nothing good: they send some bytes, and then nothing for ever. */
export class Strangers implements Disposable {
  readonly #sockets = new Set<Bun.Socket>();
  #isGone = false;

  /** How many are connected, as far as they know. */
  get connected(): number {
    return this.#sockets.size;
  }

  /**
   * Sends them off. Does not wait for those who are not let in, nor complain about them.
   *
   * @param bytes What each of them sends first.
   */
  async come(port: number, count: number, bytes: string = ""): Promise<void> {
    for (let index = 0; index < count; index += 1) {
      this.#connect(port, bytes).catch(() => undefined);
      if (index % AT_ONCE === AT_ONCE - 1) {
        await Bun.sleep(1);
      }
    }
  }

  /** They leave, all at once. */
  [Symbol.dispose](): void {
    this.#isGone = true;
    for (const socket of this.#sockets) {
      socket.terminate();
    }
  }

  async #connect(port: number, bytes: string): Promise<void> {
    await Bun.connect({
      hostname: LOOPBACK,
      port,
      socket: {
        open: (socket) => {
          if (this.#isGone) {
            socket.terminate();
            return;
          }
          this.#sockets.add(socket);
          socket.write(bytes);
        },
        data: () => undefined,
        close: (socket) => void this.#sockets.delete(socket),
        error: (socket) => void this.#sockets.delete(socket),
      },
    });
  }
}
