import { createHash } from "node:crypto";
import fc from "fast-check";
import { HttpClient } from "../../../test/support/http.ts";
import type { WorkerProcess } from "../../../test/support/worker.ts";
import { must } from "../check.ts";
import { cutPlaces, type Edit, edited, edits, mutated, pieces } from "../generate/mutation.ts";
import { seldom, wildText } from "../generate/text.ts";
import { openSingle } from "./single.ts";
import { wireTarget } from "./target.ts";

/** An upgrade request; `null` leaves a header out. */
interface Case {
  readonly method: string;
  readonly path: string;
  /** Stands in the query as browsers write it; `null` is no query at all. */
  readonly topic: string | null;
  readonly upgrade: string | null;
  readonly connection: string | null;
  readonly version: string | null;
  readonly key: string | null;
  readonly more: readonly string[];
  readonly edits: readonly Edit[];
  readonly cuts: readonly number[];
}

const TOPIC = "fuzz.open";

/** RFC 6455, 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** How long a connection may stay after the client has ended its side, in milliseconds. */
const END_MS = 10_000;

/** Statuses for what is no right request. */
const FAULTS = [101, 400, 403, 404, 405, 408, 411, 413, 414, 426, 431, 501, 505];

const base64 = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString("base64"));

const cases: fc.Arbitrary<Case> = fc.record({
  method: seldom(fc.constant("GET"), 10, fc.constantFrom("POST", "PUT", "DELETE", "OPTIONS")),
  path: seldom(fc.constant("/ws"), 15, fc.constantFrom("/", "/ws/", "/WS", "/wsx", "/internal/x")),
  topic: fc.oneof(
    { weight: 8, arbitrary: fc.constant(TOPIC) },
    { weight: 1, arbitrary: fc.constantFrom(null, "", "fuzz.none", "worker.status") },
    { weight: 1, arbitrary: wildText().map((text) => text.toWellFormed()) },
  ),
  upgrade: seldom(
    fc.constantFrom("websocket", "WebSocket", "h2c, websocket"),
    10,
    fc.constantFrom(null, "h2c", "websockets", "web socket"),
  ),
  connection: seldom(
    fc.constantFrom("Upgrade", "keep-alive, Upgrade", "upgrade"),
    10,
    fc.constantFrom(null, "close", "Upgraded"),
  ),
  version: seldom(fc.constant("13"), 10, fc.constantFrom(null, "12", "013", "13, 8")),
  key: seldom(
    base64,
    10,
    fc.oneof(
      fc.constantFrom(null, "x"),
      mutated(base64).map((text) => printable(text)),
    ),
  ),
  more: fc.array(
    fc.constantFrom(
      ...[
        "Origin: https://a.example",
        "Origin: null",
        "X-Forwarded-For: 1.2.3.4, x",
        "Cookie: a=b",
      ],
      ...["X-Forwarded-For: \u00ff", "X-Real-IP: [::1]:80", "Sec-WebSocket-Protocol: chat, x"],
      ...["Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8, ;;", "X:"],
    ),
    { maxLength: 3 },
  ),
  edits: seldom<readonly Edit[]>(fc.constant([]), 2, edits),
  cuts: cutPlaces,
});

/** A header's value has no control characters, or it is no header. */
function printable(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, "x");
}

function bytesOf({ method, path, topic, ...input }: Case): string {
  const query = topic === null ? "" : `?topic=${encodeURIComponent(topic)}`;
  const header = (name: string, value: string | null) =>
    value === null ? [] : `${name}: ${value}`;
  return [
    `${method} ${path}${query} HTTP/1.1`,
    "Host: localhost",
    header("Upgrade", input.upgrade),
    header("Connection", input.connection),
    header("Sec-WebSocket-Version", input.version),
    header("Sec-WebSocket-Key", input.key),
    input.more,
    "",
    "",
  ]
    .flat()
    .join("\r\n");
}

/** The answer to a request as it is, after the contract and RFC 6455. */
function statusOf({ method, path, topic, upgrade, connection, version, key }: Case): number {
  if (path !== "/ws") {
    return 404;
  }
  if (topic === null || topic === "") {
    return 400;
  }
  if (topic !== TOPIC && topic !== "worker.status") {
    return 404;
  }
  const isUpgrade =
    method === "GET" &&
    /(^|, )websocket$/i.test(upgrade ?? "") &&
    /(^|, )upgrade$/i.test(connection ?? "");
  if (!isUpgrade || version !== "13") {
    return 426;
  }
  return /^[A-Za-z0-9+/]{22}==$/.test(key ?? "") ? 101 : 400;
}

async function attempt(worker: WorkerProcess, input: Case): Promise<void> {
  const isDamaged = input.edits.length > 0;
  const bytes = Buffer.from(edited(bytesOf(input), input.edits), "latin1");
  using client = await HttpClient.connect(worker.ports.ws);
  for (const piece of pieces(bytes, input.cuts)) {
    client.tcp.write(piece);
    await Promise.resolve();
  }
  if (!isDamaged) {
    const { status, headers } = await client.interimOrAnswer();
    must(status === statusOf(input), () => `answered ${status}, expected ${statusOf(input)}`);
    if (status === 101) {
      const accept = createHash("sha1").update(`${input.key}${GUID}`).digest("base64");
      must(headers.get("sec-websocket-accept") === accept, "an accept that fits another key");
      must(!headers.has("sec-websocket-extensions"), "an extension was granted");
      must(!headers.has("sec-websocket-protocol"), "a subprotocol was granted");
    }
  }
  client.tcp.end();
  await client.tcp.ended(END_MS);
  let hasUpgraded = !isDamaged;
  while (client.tcp.received.length > 0 && !hasUpgraded) {
    const { status, body } = await client.interimOrAnswer();
    must(FAULTS.includes(status), () => `answered ${status} ${body.slice(0, 200)}`);
    // What follows are frames.
    hasUpgraded = status === 101;
  }
}

/** Requests to the browsers' port: the right ones are upgraded, each other one refused as it must be. */
export const upgrades = wireTarget<Case>({
  name: "upgrades",
  weight: 1,
  cases,
  open: async (program) => {
    const { arena, worker } = await openSingle(program);
    await worker.api.register(TOPIC);
    return { arena, attempt: (value) => attempt(worker, value) };
  },
});
