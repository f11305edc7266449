import { join } from "node:path";
import type { Contender } from "./contender.ts";
import { missingForNode, onNode, PEERS, shippedOnNode, versionOnNode } from "./node.ts";
import { workerDialect, workerToken } from "./worker-api.ts";

/** The package, and what the server beside it needs. */
const PACKAGES = ["ws", "bufferutil", "node-gyp-build"];
const SOURCES = ["ws-server.mjs", "publish-api.mjs", "settings.mjs", "token.mjs"];

/** What most would write themselves: Node's HTTP server and the ws package, in one process. */
export const ws: Contender = {
  name: "ws",
  title: "Node + ws",
  settings:
    "no permessage-deflate, bufferutil, a heartbeat every 30 s, each event encoded once " +
    "(README of ws); backlog 4096; NODE_ENV=production",
  cannotCluster: "ws knows no other server",
  missing: () => missingForNode("ws"),
  shipped: async () => [
    ...shippedOnNode(PACKAGES),
    ...SOURCES.map((source) => join(PEERS, source)),
  ],
  launch: async (place) => ({
    ...(await onNode(place, "ws-server")),
    version: await versionOnNode("ws"),
    wsPort: place.wsPort,
    httpPort: place.httpPort,
    dialect: workerDialect(place.secret),
    token: workerToken(place.secret),
    probe: { path: "/status", headers: [] },
  }),
};
