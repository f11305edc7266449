import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { publishApi } from "./publish-api.mjs";
import { listen, readSettings, stopOnSignal } from "./settings.mjs";
import { isTokenFor } from "./token.mjs";

/** What a client may send: a token, a pong. */
const MAX_MESSAGE_BYTES = 4096;
/** Whoever has not said who it is by then goes. */
const AUTH_MS = 10_000;
/** As the documentation of ws has it for finding broken connections. */
const HEARTBEAT_MS = 30_000;
/** Close code for a refused token. */
const POLICY_VIOLATION = 1008;

const { wsPort, httpPort, secret } = readSettings();
/** @type {Map<string, Set<WebSocket>>} */
const topics = new Map();
const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
});

/** @param {unknown} data */
function tokenIn(data) {
  try {
    const message = JSON.parse(String(data));
    return message?.type === "auth" ? message.token : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} topic
 * @param {WebSocket} socket
 */
function subscribe(topic, socket) {
  const members = topics.get(topic) ?? new Set();
  topics.set(topic, members.add(socket));
  socket.on("close", () => {
    members.delete(socket);
    if (members.size === 0) topics.delete(topic);
  });
}

sockets.on("connection", (socket, request) => {
  const topic = new URL(request.url, "ws://localhost").searchParams.get("topic") ?? "";
  const patience = setTimeout(() => socket.terminate(), AUTH_MS);
  socket.isAlive = true;
  socket.on("error", () => socket.terminate());
  socket.on("close", () => clearTimeout(patience));
  socket.on("pong", () => {
    socket.isAlive = true;
  });
  socket.once("message", (data) => {
    clearTimeout(patience);
    if (!isTokenFor(secret, topic, tokenIn(data))) {
      socket.close(POLICY_VIOLATION, "unauthorized");
      return;
    }
    subscribe(topic, socket);
    socket.send('{"type":"auth_ok"}');
  });
});

setInterval(() => {
  for (const socket of sockets.clients) {
    if (!socket.isAlive) {
      socket.terminate();
      continue;
    }
    socket.isAlive = false;
    socket.ping();
  }
}, HEARTBEAT_MS);

/**
 * @param {string} topic
 * @param {unknown} payload
 */
function publish(topic, payload) {
  // Encoded once for all.
  const frame = Buffer.from(JSON.stringify({ type: "push", payload }));
  for (const socket of topics.get(topic) ?? []) {
    if (socket.readyState === WebSocket.OPEN) socket.send(frame, { binary: false });
  }
}

const front = createServer((_request, response) => response.writeHead(404).end());
front.on("upgrade", (request, connection, head) => {
  sockets.handleUpgrade(request, connection, head, (socket) => {
    sockets.emit("connection", socket, request);
  });
});
listen(front, wsPort);
listen(publishApi(secret, publish), httpPort);
stopOnSignal();
