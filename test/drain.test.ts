import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "./support/changes.ts";
import { exchange } from "./support/http.ts";
import { TARGETS } from "./support/targets.ts";
import { TcpClient } from "./support/tcp-client.ts";
import { startWorker, type WorkerProcess } from "./support/worker.ts";
import type { WsClient } from "./support/ws-client.ts";

setDefaultTimeout(60_000);

const SOCKETS = 60;
const CLOSE = { code: 1012, reason: "service restart" };

/** The promise is 200 ms from the signal; machines that run tests do much else. */
const ALONE_MS = 1000;

/** Bytes that have been sent and not read by a test yet take a moment to be there. */
const ON_ITS_WAY = 3;

async function openAll(worker: WorkerProcess): Promise<WsClient[]> {
  await worker.api.register("a");
  return await Promise.all(Array.from({ length: SOCKETS }, () => worker.subscribe("a")));
}

async function refuses(port: number): Promise<boolean> {
  try {
    using _ = await TcpClient.connect(port);
    return false;
  } catch {
    return true;
  }
}

/** A browser during a drain: what it got, and when it was sent away. */
interface Fate {
  readonly index: number;
  readonly closedAt: number;
  readonly numbers: readonly number[];
  /** The last event that was answered 200 when it noticed. */
  readonly answered: number;
}

for (const target of TARGETS) {
  describe(`a worker that is alone stops (${target.name})`, () => {
    test("at once: it serves to the last moment, and everybody is told", async () => {
      await using worker = await startWorker({ target });
      const sockets = await openAll(worker);
      const closed = sockets.map((socket) => socket.closed());
      const start = performance.now();
      worker.program.signal("SIGTERM");
      expect(await worker.program.exit()).toBe(0);
      expect(performance.now() - start).toBeLessThan(ALONE_MS);
      expect(await Promise.all(closed)).toEqual(sockets.map(() => CLOSE));
    });

    test("when it is asked to over the API, by those who know the secret", async () => {
      await using worker = await startWorker({ target });
      const stranger = await exchange(worker.ports.internal, { path: "/internal/drain", body: "" });
      expect(stranger.status).toBe(403);
      const wrong = await worker.api.get("/internal/drain");
      expect(wrong.status).toBe(405);
      expect((await worker.api.post("/internal/drain", "")).status).toBe(200);
      expect(await worker.program.exit()).toBe(0);
      expect(worker.log.find(({ msg }) => msg === "stopping")).toMatchObject({
        request: "POST /internal/drain",
      });
    });
  });

  describe(`a worker with a drain time (${target.name})`, () => {
    test("sends its browsers away evenly; each receives until its turn", async () => {
      await using worker = await startWorker({ target, config: { drain_time: 2 } });
      const sockets = await openAll(worker);
      let answered = 0;
      let isOver = false;
      const publishing = (async () => {
        while (!isOver) {
          await worker.api.publish("a", String(answered + 1));
          answered += 1;
          await Bun.sleep(5);
        }
      })();
      const fates = sockets.map(async (socket, index): Promise<Fate> => {
        const rest = await socket.restAndClose(20_000);
        const closedAt = performance.now();
        expect(rest.at(-1)).toEqual(CLOSE);
        const numbers = rest.slice(0, -1).map((frame) => JSON.parse(String(frame)).payload);
        return { index, closedAt, numbers, answered };
      });
      await eventually(() => answered > 10, "some events");
      const start = performance.now();
      worker.program.signal("SIGTERM");
      await eventually(() => refuses(worker.ports.ws), "the port for browsers to be closed");
      // Meanwhile the internal API works, and says what goes on.
      const health = await exchange(worker.ports.internal, { path: "/healthz" });
      expect([health.status, health.body]).toEqual([503, "draining"]);
      const known = await Promise.all(fates);
      isOver = true;
      await publishing.catch(() => undefined);
      expect(await worker.program.exit()).toBe(0);

      for (const { numbers, answered: atLeast } of known) {
        expect(numbers).toEqual(numbers.map((_, index) => index + 1));
        expect(numbers.length).toBeGreaterThanOrEqual(atLeast - ON_ITS_WAY);
      }
      const times = known.map(({ closedAt }) => closedAt - start).sort((a, b) => a - b);
      expect(times.at(-1)).toBeGreaterThan(1500);
      // Of each quarter of the time, about a quarter of them.
      for (const quarter of [0, 1, 2, 3]) {
        const count = times.filter((ms) => Math.floor(ms / 500) === quarter).length;
        expect(count).toBeWithin(SOCKETS / 8, SOCKETS / 2);
      }
      const order = known.toSorted((a, b) => a.closedAt - b.closedAt).map(({ index }) => index);
      expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    });
  });

  describe(`health (${target.name})`, () => {
    test("is told on both ports, to anybody", async () => {
      await using worker = await startWorker({ target });
      for (const port of [worker.ports.internal, worker.ports.ws]) {
        const answer = await exchange(port, { path: "/healthz" });
        expect([answer.status, answer.body]).toEqual([200, "ok"]);
      }
      const post = await exchange(worker.ports.internal, { path: "/healthz", body: "x" });
      expect(post.status).toBe(405);
      for (const port of [worker.ports.internal, worker.ports.ws]) {
        using client = await TcpClient.connect(port);
        client.write("HEAD /healthz HTTP/1.0\r\n\r\n");
        client.end();
        await client.ended();
        expect(client.received.toString("latin1")).toMatch(/^HTTP\/1\.[01] 200 /);
      }
    });
  });
}
