import type { Contender } from "./contender.ts";
import { workerDialect, workerToken } from "./worker-api.ts";

/** The smallest possible server of our own; bench/README.md tells why it is a fair measure. */
export const yardstick: Contender = {
  name: "yardstick",
  title: "yardstick (C)",
  settings: "one thread, one write per delivery; looks at no token",
  cannotCluster: "it knows no other server",
  missing: async () => undefined,
  shipped: async ({ programs }) => [programs.yardstick],
  launch: async ({ setup, wsPort, httpPort, secret }) => ({
    command: [setup.programs.yardstick, String(wsPort), String(httpPort)],
    version: "of this commit",
    wsPort,
    httpPort,
    dialect: workerDialect(secret),
    token: workerToken(secret),
    probe: { path: "/", headers: [] },
  }),
};
