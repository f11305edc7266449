import { createServer } from "node:http";
import { listen, readSettings, stopOnSignal } from "./settings.mjs";
import { isTokenFor } from "./token.mjs";

const CONTENT_TYPE = "application/websocket-events";

const { originPort, secret } = readSettings();

/**
 * One event of Pushpin's WebSocket-over-HTTP protocol.
 *
 * @param {string} type
 * @param {string} [content]
 */
function event(type, content) {
  if (content === undefined) return `${type}\r\n`;
  return `${type} ${Buffer.byteLength(content).toString(16)}\r\n${content}\r\n`;
}

/** @param {string} topic */
function accepted(topic) {
  const subscribe = JSON.stringify({ type: "subscribe", channel: topic });
  return event("OPEN") + event("TEXT", `c:${subscribe}`) + event("TEXT", "m:ready");
}

/**
 * What the application behind Pushpin does: let the bearers of tokens in, and subscribe them. It
 * holds no connection; Pushpin does.
 */
const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    if (!Buffer.concat(chunks).toString().startsWith("OPEN\r\n")) {
      // Nothing a browser says later is of interest, and a close needs no answer of its own.
      response.writeHead(200, { "Content-Type": CONTENT_TYPE, "Content-Length": 0 }).end();
      return;
    }
    const query = new URL(request.url, "http://localhost").searchParams;
    const topic = query.get("topic") ?? "";
    if (!isTokenFor(secret, topic, query.get("token"))) {
      response.writeHead(403, { "Content-Length": 0 }).end();
      return;
    }
    const body = accepted(topic);
    response.writeHead(200, {
      "Content-Type": CONTENT_TYPE,
      "Sec-WebSocket-Extensions": "grip",
      "Content-Length": Buffer.byteLength(body),
    });
    response.end(body);
  });
});

// Pushpin keeps its connections and uses them again, however long it was idle.
server.keepAliveTimeout = 0;
listen(server, originPort);
stopOnSignal();
