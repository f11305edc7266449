import { createServer } from "node:http";
import { createShardedAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { publishApi } from "./publish-api.mjs";
import { listen, readSettings, stopOnSignal } from "./settings.mjs";
import { isTokenFor } from "./token.mjs";

const { wsPort, httpPort, secret, redisUrl } = readSettings();

/** @param {string} url */
async function redisAdapter(url) {
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  for (const client of [publisher, subscriber]) {
    // Without a listener an error would end the process; the client connects again by itself.
    client.on("error", () => undefined);
  }
  await Promise.all([publisher.connect(), subscriber.connect()]);
  // "static": the subscription stands before the first client of a room has its answer.
  return createShardedAdapter(publisher, subscriber, { subscriptionMode: "static" });
}

const front = createServer();
const io = new Server(front, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  ...(redisUrl === undefined ? {} : { adapter: await redisAdapter(redisUrl) }),
});
// Their advice for less memory: let go of the request that began the connection.
io.engine.on("connection", (socket) => {
  socket.request = null;
});
// In a middleware, so that the room is joined before the client is told that it is connected.
io.use((socket, next) => {
  const { topic, token } = socket.handshake.auth;
  if (typeof topic !== "string" || !isTokenFor(secret, topic, token)) {
    next(new Error("unauthorized"));
    return;
  }
  Promise.resolve(socket.join(topic)).then(() => next(), next);
});

listen(front, wsPort);
listen(
  publishApi(secret, (topic, payload) => io.to(topic).emit("push", payload)),
  httpPort,
);
stopOnSignal();
