/** An HTTP answer as it came. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name; of repeated ones the last. */
  readonly headers: ReadonlyMap<string, string>;
  /** Text, as far as it was read. */
  readonly body: string;
}

const LINE_END = "\r\n";
const HEAD_END = "\r\n\r\n";

/** Answers below this are interim, but for the one that ends HTTP. */
const FIRST_FINAL = 200;
const SWITCHING_PROTOCOLS = 101;

/** Statuses whose answers never have a body. */
const BODILESS = [SWITCHING_PROTOCOLS, 204, 304];

export type Parsed =
  /** More bytes are needed. */
  | { readonly kind: "incomplete" }
  /** `rest`: what follows the answer. */
  | { readonly kind: "answer"; readonly answer: HttpAnswer; readonly rest: Buffer }
  | { readonly kind: "not_http" };

const INCOMPLETE: Parsed = { kind: "incomplete" };

/**
 * Reads one HTTP/1 answer from the beginning of the bytes; interim ones before it are left out.
 *
 * @param isEnded Whether no more bytes will come: what is there is then the body, complete or not.
 */
export function parseHttpAnswer(bytes: Buffer, isEnded: boolean): Parsed {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) {
    const isHttpSoFar = "HTTP/1.".startsWith(bytes.subarray(0, 7).toString("latin1"));
    return isEnded || !isHttpSoFar ? { kind: "not_http" } : INCOMPLETE;
  }
  const [first = "", ...lines] = bytes.subarray(0, headEnd).toString("latin1").split(LINE_END);
  const [, code] = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first) ?? [];
  if (code === undefined) {
    return { kind: "not_http" };
  }
  const status = Number(code);
  const after = bytes.subarray(headEnd + HEAD_END.length);
  if (status < FIRST_FINAL && status !== SWITCHING_PROTOCOLS) {
    return parseHttpAnswer(after, isEnded);
  }
  const headers = new Map(lines.map(headerOf));
  const body = BODILESS.includes(status)
    ? { text: "", length: 0 }
    : bodyOf(headers, after, isEnded);
  return body === undefined
    ? INCOMPLETE
    : {
        kind: "answer",
        answer: { status, headers, body: body.text },
        rest: after.subarray(body.length),
      };
}

function headerOf(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function bodyOf(
  headers: ReadonlyMap<string, string>,
  bytes: Buffer,
  isEnded: boolean,
): { text: string; length: number } | undefined {
  if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") {
    return chunkedBody(bytes, isEnded);
  }
  const length = Number(headers.get("content-length") ?? Number.POSITIVE_INFINITY);
  if (bytes.length < length && !isEnded) {
    return undefined;
  }
  const body = bytes.subarray(0, Math.min(length, bytes.length));
  return { text: body.toString("utf8"), length: body.length };
}

function chunkedBody(
  bytes: Buffer,
  isEnded: boolean,
): { text: string; length: number } | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf(LINE_END, at);
    const size = Number.parseInt(bytes.subarray(at, Math.max(at, lineEnd)).toString("latin1"), 16);
    const start = lineEnd + LINE_END.length;
    const isWhole = lineEnd >= 0 && bytes.length >= start + size + LINE_END.length;
    if (!isWhole) {
      return isEnded ? { text: Buffer.concat(parts).toString("utf8"), length: at } : undefined;
    }
    at = start + size + LINE_END.length;
    if (size === 0) {
      return { text: Buffer.concat(parts).toString("utf8"), length: at };
    }
    parts.push(bytes.subarray(start, start + size));
  }
}
