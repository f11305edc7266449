import { timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

/** As the worker: larger events are refused. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * @param {import("node:http").ServerResponse} response
 * @param {number} status
 * @param {string} text
 */
function answer(response, status, text) {
  response.writeHead(status, { "Content-Length": Buffer.byteLength(text) }).end(text);
}

/**
 * @param {string | undefined} given
 * @param {Buffer} secret
 */
function isSecret(given, secret) {
  const bytes = Buffer.from(given ?? "");
  return bytes.length === secret.length && timingSafeEqual(bytes, secret);
}

/**
 * The internal HTTP API that PHP posts events to: `POST /internal/publish` with `X-Worker-Secret`
 * and `{"topic": …, "payload": …}`; `GET /status` tells that it serves.
 *
 * @param {string} secretText
 * @param {(topic: string, payload: unknown) => void} publish
 */
export function publishApi(secretText, publish) {
  const secret = Buffer.from(secretText);
  return createServer((request, response) => {
    if (request.method === "GET" && request.url === "/status") return answer(response, 200, "ok");
    if (request.method !== "POST" || request.url !== "/internal/publish") {
      return answer(response, 404, "not found");
    }
    if (!isSecret(request.headers["x-worker-secret"], secret)) {
      return answer(response, 403, "forbidden");
    }
    const chunks = [];
    let length = 0;
    request.on("data", (chunk) => {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) request.destroy();
      chunks.push(chunk);
    });
    request.on("end", () => {
      let event;
      try {
        event = JSON.parse(Buffer.concat(chunks).toString());
      } catch {
        return answer(response, 400, "bad request");
      }
      if (typeof event?.topic !== "string") return answer(response, 400, "missing topic");
      if (event.payload === undefined) return answer(response, 400, "missing payload");
      publish(event.topic, event.payload);
      answer(response, 200, "");
    });
  });
}
