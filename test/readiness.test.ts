import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "./support/changes.ts";
import { RedisServer } from "./support/cluster-redis.ts";
import { exchange } from "./support/http.ts";
import { TARGETS } from "./support/targets.ts";
import { TcpClient } from "./support/tcp-client.ts";
import { startWorker, type WorkerProcess } from "./support/worker.ts";

setDefaultTimeout(60_000);

/** All that anybody is told: status, header and body. */
type Told = readonly [status: number, header: string | undefined, body: string];

const READY: Told = [200, "ready", "ready"];
const DEGRADED: Told = [200, "degraded", "degraded"];
const NOT_READY: Told = [503, "not_ready", "not ready"];
const DRAINING: Told = [503, "draining", "draining"];

async function told(port: number): Promise<Told> {
  const { status, headers, body } = await exchange(port, { path: "/readyz" });
  return [status, headers.get("x-worker-readiness"), body];
}

/** Waits until both ports say so; the one for browsers is told once a second. */
async function says(worker: WorkerProcess, expected: Told): Promise<void> {
  for (const port of [worker.ports.internal, worker.ports.ws]) {
    await eventually(async () => Bun.deepEquals(await told(port), expected), expected.join(" "));
  }
}

for (const target of TARGETS) {
  describe(`readiness (${target.name})`, () => {
    test.concurrent("is told on both ports at once, to anybody, to HEAD too", async () => {
      await using worker = await startWorker({ target, config: { gateway_threads: 2 } });
      for (const port of [worker.ports.internal, worker.ports.ws]) {
        expect(await told(port)).toEqual(READY);
        using client = await TcpClient.connect(port);
        client.write("HEAD /readyz HTTP/1.0\r\n\r\n");
        client.end();
        await client.ended();
        expect(client.received.toString("latin1")).toMatch(/^HTTP\/1\.[01] 200 /);
      }
      const post = await exchange(worker.ports.internal, { path: "/readyz", body: "x" });
      expect([post.status, post.headers.get("allow")]).toEqual([405, "GET"]);
    });

    test.concurrent("is over once the worker is on its way out", async () => {
      await using worker = await startWorker({ target, config: { drain_time: 2 } });
      await worker.api.register("a");
      // The last of five is sent away after four fifths of the time.
      await Promise.all([1, 2, 3, 4, 5].map(() => worker.subscribe("a")));
      worker.program.signal("SIGTERM");
      await eventually(
        async () => Bun.deepEquals(await told(worker.ports.internal), DRAINING),
        "draining",
      );
      expect(await worker.program.exit()).toBe(0);
    });

    test.concurrent("is proved through Redis: one that is frozen or gone makes it degraded", async () => {
      await using redis = await RedisServer.start();
      await using worker = await startWorker({ target, config: { redis_url: redis.url } });
      await says(worker, READY);
      redis.freeze();
      await says(worker, DEGRADED);
      redis.thaw();
      await says(worker, READY);
      await redis.stop();
      await says(worker, DEGRADED);
      // It serves all the same.
      await worker.api.register("a");
      using _ = await worker.subscribe("a");
    });

    test.concurrent("is over without Redis where Redis is required, and comes back with it", async () => {
      await using redis = await RedisServer.start();
      const config = { redis_url: redis.url, ready_requires_redis: true };
      await redis.stop();
      await using worker = await startWorker({ target, config });
      expect(await told(worker.ports.internal)).toEqual(NOT_READY);
      await says(worker, NOT_READY);
      await redis.start();
      await says(worker, READY);
      await redis.kill();
      await says(worker, NOT_READY);
      await worker.reload({ ready_requires_redis: false });
      await says(worker, DEGRADED);
    });
  });
}
