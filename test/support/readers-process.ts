/**
 * A process of many readers on one topic, cheap enough to keep up where a test's own process would
 * not: `readers-process.ts PORT TOPIC TOKEN COUNT`. Writes `ready` when all are let in; for each line
 * on standard input, one line of JSON with a {@link ReadersReport}.
 *
 * Payloads must begin with a number, as `[17,…]`.
 */
import { LOOPBACK } from "./tcp-client.ts";
import { topicTarget } from "./ws-client.ts";

/** What has come so far, over all readers. */
export interface ReadersReport {
  readonly open: number;
  /** Events the reader with the fewest has got. */
  readonly fewest: number;
  /** The same of the one with the most. */
  readonly most: number;
  /** Every reader's numbers, when all have got the same; `undefined` otherwise. */
  readonly numbers: readonly number[] | undefined;
}

const [port = "", topic = "", token = "", count = "0"] = process.argv.slice(2);

const UPGRADE =
  `GET ${topicTarget(topic)} HTTP/1.1\r\nHost: worker\r\nUpgrade: websocket\r\n` +
  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** A ping's first byte, and an answer without payload, masked with zeroes. */
const PING = 0x89;
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

const END_OF_HEAD = "\r\n\r\n";
const AUTH_OK = '{"type":"auth_ok"}';
const BEFORE_NUMBER = '{"type":"push","payload":[';

/** Longest part of a frame that is looked at: enough for the number. */
const LOOKED_AT = 64;

/** A text frame with a mask of zeroes, which leaves the text as it is. */
function clientFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([head, body]);
}

/** One reader: takes frames apart as they come, and keeps of each only its number. */
class Reader {
  readonly numbers: number[] = [];
  isUpgraded = false;
  isOpen = true;
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes of the current frame that are yet to come and not worth keeping. */
  #skip = 0;

  /** Takes bytes; what they say beside events. */
  take(bytes: Buffer): { isLetIn: boolean; isPinged: boolean } {
    let isLetIn = false;
    let isPinged = false;
    if (this.#skip >= bytes.length) {
      this.#skip -= bytes.length;
      return { isLetIn, isPinged };
    }
    let data = this.#skip > 0 ? bytes.subarray(this.#skip) : bytes;
    this.#skip = 0;
    data = this.#rest.length > 0 ? Buffer.concat([this.#rest, data]) : data;
    for (;;) {
      const frame = readFrame(data);
      if (frame === undefined) {
        break;
      }
      isLetIn ||= frame.text === AUTH_OK;
      isPinged ||= data[0] === PING;
      if (frame.text.startsWith(BEFORE_NUMBER)) {
        this.numbers.push(Number.parseInt(frame.text.slice(BEFORE_NUMBER.length), 10));
      }
      if (frame.size > data.length) {
        this.#skip = frame.size - data.length;
        data = Buffer.alloc(0);
        break;
      }
      data = data.subarray(frame.size);
    }
    this.#rest = Buffer.from(data);
    return { isLetIn, isPinged };
  }
}

/** The beginning of a frame and its whole size; `undefined` while too little of it is there. */
function readFrame(data: Buffer): { text: string; size: number } | undefined {
  const short = data.length >= 2 ? (data[1] ?? 0) & 0x7f : undefined;
  const head = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (short === undefined || data.length < head) {
    return undefined;
  }
  const long = short === 126 ? data.readUInt16BE(2) : short;
  const length = short === 127 ? Number(data.readBigUInt64BE(2)) : long;
  if (data.length < head + Math.min(length, LOOKED_AT)) {
    return undefined;
  }
  const text = data.toString("latin1", head, head + Math.min(length, LOOKED_AT));
  return { text, size: head + length };
}

const readers: Reader[] = [];

async function connect(): Promise<void> {
  const reader = new Reader();
  const letIn = Promise.withResolvers<void>();
  await Bun.connect({
    hostname: LOOPBACK,
    port: Number(port),
    socket: {
      open: (socket) => void socket.write(UPGRADE),
      data: (socket, bytes) => {
        if (!reader.isUpgraded) {
          const head = bytes.toString("latin1");
          if (!head.startsWith("HTTP/1.1 101") || !head.includes(END_OF_HEAD)) {
            throw new Error(`not upgraded: ${head}`);
          }
          reader.isUpgraded = true;
          socket.write(clientFrame(JSON.stringify({ type: "auth", token })));
          return;
        }
        const { isLetIn, isPinged } = reader.take(bytes);
        if (isLetIn) {
          letIn.resolve();
        }
        if (isPinged) {
          socket.write(PONG);
        }
      },
      close: () => {
        reader.isOpen = false;
      },
    },
  });
  readers.push(reader);
  await letIn.promise;
}

function report(): ReadersReport {
  const counts = readers.map(({ numbers }) => numbers.length);
  const [first] = readers;
  const text = first?.numbers.join() ?? "";
  const isSame = readers.every(({ numbers }) => numbers.join() === text);
  return {
    open: readers.filter(({ isOpen }) => isOpen).length,
    fewest: Math.min(...counts),
    most: Math.max(...counts),
    numbers: isSame ? (first?.numbers ?? []) : undefined,
  };
}

for (let made = 0; made < Number(count); made += 1) {
  await connect();
}
process.stdout.write("ready\n");
for await (const _line of console) {
  process.stdout.write(`${JSON.stringify(report())}\n`);
}
