import { afterEach, describe, expect, test } from "bun:test";
import type { SocketEvent } from "../protocol/socket-event.ts";
import { TokenVerifier } from "../protocol/token.ts";
import { Admission, admissionMemory } from "./admission.ts";
import { Listener } from "./listener.ts";
import { Sessions } from "./sessions.ts";
import { SlowReaders } from "./slow-readers.ts";

const HOST = "127.0.0.1";
const MAX_BUFFERED = 1024 * 1024;

/** More rounds than former listeners are kept. */
const MANY = 20;
const KEPT = 16;

const UPGRADE =
  "GET /ws?topic=a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** `{"type":"auth"}` as a client's frame, with a mask of zeroes. */
const AUTH = Buffer.concat([
  Buffer.from([0x81, 0x80 | 15, 0, 0, 0, 0]),
  Buffer.from('{"type":"auth"}'),
]);

/** A listener on a free port, and what it has reported. */
class Scene {
  readonly events: SocketEvent[] = [];
  readonly port = freePort();
  readonly sessions = new Sessions({
    tokens: () => new TokenVerifier({ current: "x".repeat(32), previous: undefined }),
    behindBytes: MAX_BUFFERED,
    endangeredBytes: MAX_BUFFERED,
    wallClock: Date.now,
    monotonicClock: () => performance.now(),
    random: Math.random,
    askStatus: () => undefined,
    onToken: () => undefined,
    report: (event) => this.events.push(event),
  });
  readonly listener = new Listener({
    address: { hostname: HOST, port: this.port },
    policy: () => ({
      tokens: new TokenVerifier({ current: "x".repeat(32), previous: undefined }),
      isOriginAllowed: () => true,
      isTrustedProxy: () => false,
      limits: { connections: 1000, connectionsPerIp: 0, pending: 1000, pendingPerIp: 0 },
    }),
    maxBuffered: MAX_BUFFERED,
    sessions: this.sessions,
    admission: new Admission(admissionMemory(1)),
    slowReaders: new SlowReaders({
      maxBuffered: MAX_BUFFERED,
      readersOf: (topic) => this.sessions.readersOf(topic),
      defer: setImmediate,
    }),
    lookup: async () => ({ requireToken: false }),
    readiness: () => "ready",
    report: (event) => this.events.push(event),
  });

  async subscribe(): Promise<Client> {
    const client = await Client.connect(this.port);
    client.send(UPGRADE);
    await client.until(() => client.text.includes("101 Switching"));
    client.send(AUTH);
    await client.until(() => client.text.includes("auth_ok"));
    return client;
  }
}

/** A connection, and all it was sent. */
class Client {
  text = "";
  isClosed = false;
  #socket: Bun.Socket | undefined;

  static async connect(port: number): Promise<Client> {
    const client = new Client();
    client.#socket = await Bun.connect({
      hostname: HOST,
      port,
      socket: {
        data: (_socket, bytes) => {
          client.text += bytes.toString("latin1");
        },
        close: () => {
          client.isClosed = true;
        },
      },
    });
    return client;
  }

  send(bytes: string | Uint8Array): void {
    this.#socket?.write(bytes);
  }

  close(): void {
    this.#socket?.terminate();
  }

  async until(isSo: () => boolean): Promise<void> {
    for (let look = 0; look < 1000 && !isSo(); look += 1) {
      await Bun.sleep(5);
    }
    expect(isSo()).toBe(true);
  }
}

function freePort(): number {
  const probe = Bun.listen({ hostname: HOST, port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

async function isRefused(port: number): Promise<boolean> {
  try {
    (await Client.connect(port)).close();
    return false;
  } catch {
    return true;
  }
}

describe("a listener", () => {
  let scene: Scene | undefined;

  afterEach(() => scene?.listener.stop());

  function started(): Scene {
    scene = new Scene();
    scene.listener.listen();
    return scene;
  }

  test("that pauses accepts nobody, and its sockets go on", async () => {
    const { listener, port, subscribe } = bound(started());
    const client = await subscribe();
    listener.pause();
    expect(await isRefused(port)).toBe(true);
    listener.publish("a", "while paused");
    await client.until(() => client.text.includes("while paused"));
  });

  test("that listens again has old sockets and new ones", async () => {
    const { listener, subscribe } = bound(started());
    const old = await subscribe();
    listener.pause();
    listener.pause();
    listener.listen();
    listener.listen();
    const young = await subscribe();
    listener.publish("a", "to all");
    for (const client of [old, young]) {
      await client.until(() => client.text.includes("to all"));
    }
    expect([old, young].filter(({ text }) => text.split("to all").length !== 2)).toEqual([]);
  });

  test("lets a connection finish its request that was made before the pause", async () => {
    const { listener, port } = bound(started());
    const late = await Client.connect(port);
    late.send(UPGRADE.slice(0, 50));
    await Bun.sleep(20);
    listener.pause();
    listener.listen();
    late.send(UPGRADE.slice(50));
    await late.until(() => late.text.includes("101 Switching"));
    late.send(AUTH);
    await late.until(() => late.text.includes("auth_ok"));
    listener.publish("a", "to the late one");
    await late.until(() => late.text.includes("to the late one"));
  });

  test("that is stopped does not listen again", async () => {
    const { listener, port } = bound(started());
    listener.stopListening();
    listener.listen();
    expect(await isRefused(port)).toBe(true);
  });

  test("that pauses again and again keeps its sockets, up to a bound", async () => {
    const { listener, subscribe, sessions } = bound(started());
    const clients: Client[] = [];
    for (let round = 0; round < MANY; round += 1) {
      clients.push(await subscribe());
      listener.pause();
      listener.listen();
    }
    await clients[0]?.until(
      () => clients.filter(({ isClosed }) => isClosed).length === MANY - KEPT,
    );
    listener.publish("a", "to the rest");
    for (const client of clients.filter(({ isClosed }) => !isClosed)) {
      await client.until(() => client.text.includes("to the rest"));
    }
    expect(sessions.size).toBe(KEPT);
  });
});

/** The parts of a scene, to be used by name. */
function bound(scene: Scene) {
  const { listener, port, sessions } = scene;
  return { listener, port, sessions, subscribe: () => scene.subscribe() };
}
