import { LOOPBACK, TcpClient } from "./tcp-client.ts";

const CRLF = "\r\n";
const HEAD_END = "\r\n\r\n";
const CONTINUE = 100;
const FIRST_FINAL = 200;

/** An HTTP answer as it came over the wire. */
export interface HttpAnswer {
  readonly version: string;
  readonly status: number;
  /** By lower-case name; a repeated one's values are joined with a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A request to be written; what is left out is as most clients send it. */
export interface HttpRequest {
  readonly method?: string;
  readonly path: string;
  readonly version?: "1.0" | "1.1";
  /** `null`: none at all. */
  readonly host?: string | null;
  /** `X-Worker-Secret`; none when absent. */
  readonly secret?: string | undefined;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Uint8Array | undefined;
  /** Sends the body in chunks of this many bytes instead of announcing its length. */
  readonly chunkBytes?: number;
}

/** A request's head and body as bytes; the secret goes out as the UTF-8 that PHP holds it in. */
export function encodeRequest(request: HttpRequest): { head: Buffer; body: Buffer } {
  const { path, version = "1.1", host = LOOPBACK, secret, headers = [], chunkBytes } = request;
  const content = request.body === undefined ? undefined : Buffer.from(request.body);
  const method = request.method ?? (content === undefined ? "GET" : "POST");
  const lines = [`${method} ${path} HTTP/${version}`];
  if (host !== null) {
    lines.push(`Host: ${host}`);
  }
  if (secret !== undefined) {
    lines.push(`X-Worker-Secret: ${secret}`);
  }
  if (content !== undefined) {
    const isChunked = chunkBytes !== undefined;
    lines.push(isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${content.length}`);
  }
  for (const [name, value] of headers) {
    lines.push(`${name}: ${value}`);
  }
  const head = Buffer.from(lines.join(CRLF) + HEAD_END);
  if (content === undefined) {
    return { head, body: Buffer.alloc(0) };
  }
  return { head, body: chunkBytes === undefined ? content : encodeChunks(content, chunkBytes) };
}

/** A whole request as bytes. */
export function requestBytes(request: HttpRequest): Buffer {
  const { head, body } = encodeRequest(request);
  return Buffer.concat([head, body]);
}

function encodeChunks(content: Buffer, chunkBytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; at += chunkBytes) {
    const chunk = content.subarray(at, at + chunkBytes);
    parts.push(Buffer.from(chunk.length.toString(16) + CRLF), chunk, Buffer.from(CRLF));
  }
  parts.push(Buffer.from(`0${HEAD_END}`));
  return Buffer.concat(parts);
}

/** A connection that speaks HTTP, one answer at a time. */
export class HttpClient implements Disposable {
  readonly tcp: TcpClient;

  constructor(tcp: TcpClient) {
    this.tcp = tcp;
  }

  static async connect(port: number, hostname?: string): Promise<HttpClient> {
    return new HttpClient(await TcpClient.connect(port, hostname));
  }

  send(request: HttpRequest): void {
    this.tcp.write(requestBytes(request));
  }

  /** The next answer; interim ones (1xx) before it are left out. */
  async answer(deadlineMs?: number): Promise<HttpAnswer> {
    for (;;) {
      const answer = await this.interimOrAnswer(deadlineMs);
      if (answer.status >= FIRST_FINAL) {
        return answer;
      }
    }
  }

  /** Waits for `100 Continue`; any other answer is a fault. */
  async continued(deadlineMs?: number): Promise<void> {
    const { status } = await this.interimOrAnswer(deadlineMs);
    if (status !== CONTINUE) {
      throw new Error(`expected 100 Continue, got ${status}`);
    }
  }

  /** The next answer of any kind, interim ones (1xx) included. */
  interimOrAnswer(deadlineMs?: number): Promise<HttpAnswer> {
    const look = (): HttpAnswer | undefined => {
      const parsed = parseAnswer(this.tcp.received, this.tcp.isEnded);
      if (parsed === undefined) {
        if (this.tcp.isEnded) {
          throw new Error(`the connection ended after ${this.tcp.received.length} bytes of answer`);
        }
        return undefined;
      }
      this.tcp.take(parsed.length);
      return parsed.answer;
    };
    return this.tcp.until(look, "an HTTP answer", deadlineMs);
  }

  [Symbol.dispose](): void {
    this.tcp[Symbol.dispose]();
  }
}

/** One request over a connection of its own, as PHP makes them. */
export async function exchange(port: number, request: HttpRequest): Promise<HttpAnswer> {
  using client = await HttpClient.connect(port);
  client.send(request);
  return await client.answer();
}

/** The first answer in the bytes, and how many it takes; `undefined` while it is incomplete. */
export function parseAnswer(
  bytes: Buffer,
  isEnded: boolean,
): { answer: HttpAnswer; length: number } | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) {
    return undefined;
  }
  const [statusLine = "", ...lines] = bytes.subarray(0, headEnd).toString("latin1").split(CRLF);
  const [, version, code] = /^HTTP\/(1\.[01]) (\d{3})(?: |$)/.exec(statusLine) ?? [];
  if (version === undefined) {
    throw new Error(`no HTTP status line: ${JSON.stringify(statusLine)}`);
  }
  const status = Number(code);
  const headers = parseHeaders(lines);
  const start = headEnd + HEAD_END.length;
  const length = bodyLength(status, headers, bytes.length - start, isEnded);
  if (length === undefined || bytes.length < start + length) {
    return undefined;
  }
  const body = bytes.subarray(start, start + length).toString("utf8");
  return { answer: { version, status, headers, body }, length: start + length };
}

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** Without a length the end of the connection is the end of the body (all of these are small). */
function bodyLength(
  status: number,
  headers: ReadonlyMap<string, string>,
  available: number,
  isEnded: boolean,
): number | undefined {
  if (status < FIRST_FINAL) {
    return 0;
  }
  if (headers.has("transfer-encoding")) {
    throw new Error("a chunked answer: the worker knows every length");
  }
  const announced = headers.get("content-length");
  if (announced !== undefined) {
    return Number(announced);
  }
  return isEnded ? available : undefined;
}
