import { join } from "node:path";
import type { Contender } from "./contender.ts";
import { missingForNode, onNode, PEERS, shippedOnNode, versionOnNode } from "./node.ts";
import { workerDialect, workerToken } from "./worker-api.ts";

const SOURCES = ["socket-io-server.mjs", "publish-api.mjs", "settings.mjs", "token.mjs"];

/** Socket.IO on Node, in one process; with its Redis adapter when it is one of a cluster. */
export const socketIo: Contender = {
  name: "socket-io",
  title: "Socket.IO",
  settings:
    "WebSocket only, no compression, bufferutil, the first request let go (its pages on " +
    "performance and memory); sharded Redis adapter; backlog 4096; NODE_ENV=production",
  cannotCluster: undefined,
  missing: () => missingForNode("socket.io"),
  // It needs all packages there are, less one: the engine brings a ws of its own.
  shipped: async () => [...shippedOnNode([""]), ...SOURCES.map((source) => join(PEERS, source))],
  launch: async (place) => ({
    ...(await onNode(place, "socket-io-server")),
    version: await versionOnNode("socket.io"),
    wsPort: place.wsPort,
    httpPort: place.httpPort,
    dialect: {
      // The server tells its ping interval, the client asks for the namespace and shows its token.
      subscribe: "/socket.io/?EIO=4&transport=websocket",
      talk: [
        { await: "0{" },
        { send: '40{"topic":"{topic}","token":"{token}"}' },
        { await: "40{" },
      ],
      push: { prefix: '42["push",', suffix: "]" },
      ping: { text: "2", answer: "3" },
      // The same API in front of it as in front of the others.
      publish: workerDialect(place.secret).publish,
    },
    token: workerToken(place.secret),
    probe: { path: "/status", headers: [] },
  }),
};
