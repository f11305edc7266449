import { expect, test } from "bun:test";
import { GatewayPool } from "./pool.ts";

test("a thread that answers nothing is known by its silence", async () => {
  let now = 0;
  const pool = new GatewayPool({
    threads: 2,
    threadEntry: new URL("./deaf-thread-fixture.ts", import.meta.url),
    now: () => now,
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
    onFault: () => undefined,
  });
  now = 1000;
  await pool.start();
  expect(pool.silences()).toEqual([0, 0]);
  pool.tick("ready");
  now = 4000;
  pool.tick("ready");
  expect(pool.silences()).toEqual([3000, 3000]);
});
