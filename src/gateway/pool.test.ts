import { expect, test } from "bun:test";
import { GatewayPool } from "./pool.ts";

/** Two threads of this kind, on a port that nobody needs to know. */
function poolOf(threadEntry: string, now: () => number): GatewayPool {
  return new GatewayPool({
    threads: 2,
    threadEntry: new URL(threadEntry, import.meta.url),
    now,
    address: { hostname: "127.0.0.1", port: 0 },
    settings: {
      secrets: { current: "x".repeat(32), previous: undefined },
      allowedOrigins: [],
      trustedProxies: [],
      limits: { connections: 10, connectionsPerIp: 0, pending: 10, pendingPerIp: 0 },
    },
    maxBuffered: 1024 * 1024,
    reusePort: true,
    lookup: async () => undefined,
    status: async () => "{}",
    onEvent: () => undefined,
    onLag: () => undefined,
    onReport: () => undefined,
    onFault: (fault) => {
      throw fault;
    },
  });
}

test("a thread that answers nothing is known by its silence", async () => {
  let now = 0;
  const pool = poolOf("./deaf-thread-fixture.ts", () => now);
  now = 1000;
  await pool.start();
  expect(pool.silences()).toEqual([0, 0]);
  pool.tick("ready");
  now = 4000;
  pool.tick("ready");
  expect(pool.silences()).toEqual([3000, 3000]);
});

test("the way of a delivery is measured, on the clock of this thread alone", async () => {
  // A clock that has nothing to do with any other.
  const now = (): number => performance.now() - 1e6;
  const pool = poolOf("./thread.ts", now);
  await pool.start();
  const before = now();
  for (let event = 0; event < 100; event += 1) {
    pool.deliver("a", "{}");
  }
  while (pool.deliveries.handed < 100) {
    await Bun.sleep(1);
  }
  const after = now();
  const first = pool.deliveries.handedAt(1) ?? Number.NaN;
  const last = pool.deliveries.handedAt(100) ?? Number.NaN;
  expect(pool.deliveries.latestAt).toBeWithin(before, after);
  // Clocks of two threads agree to some microseconds.
  expect(first).toBeWithin(before - 1, after + 1);
  expect(last).toBeWithin(first, after + 1);
  await pool.close(0);
});
