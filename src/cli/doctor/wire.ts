import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, getCACertificates, type TLSSocket } from "node:tls";
import { cleanText } from "../../config/fault-text.ts";
import type { CertificateFacts } from "./certificate.ts";
import { type HttpAnswer, parseHttpAnswer } from "./http-answer.ts";

/** Most of an answer that is read, in bytes: a page of somebody else's may be endless. */
const MAX_ANSWER_BYTES = 256 * 1024;

const MAX_SHOWN_LENGTH = 100;

/** Where a connection goes. */
export interface Target {
  /** IP address. */
  readonly address: string;
  readonly port: number;
  /** Whom the certificate must name, and the `Host` header. */
  readonly host: string;
  readonly isTls: boolean;
}

/** Limits of a wait. */
export interface Patience {
  readonly deadlineMs: number;
  /** Ends it before. */
  readonly signal: AbortSignal;
}

export type Resolved =
  | { readonly ok: true; readonly addresses: readonly string[] }
  | { readonly ok: false; readonly why: string };

/** The IP addresses of a name, as the system knows them. Never rejects. */
export async function resolveName(host: string, patience: Patience): Promise<Resolved> {
  try {
    const found = await within(lookup(host, { all: true }), patience);
    return found === undefined
      ? { ok: false, why: `no answer within ${patience.deadlineMs / 1_000} s` }
      : { ok: true, addresses: found.map(({ address }) => address) };
  } catch (error) {
    return { ok: false, why: networkFault(error) };
  }
}

export type Opened =
  | {
      readonly ok: true;
      readonly socket: Socket;
      /** Of a connection with TLS. */
      readonly certificate: CertificateFacts | undefined;
    }
  /** `code` is the system's, `TIMEOUT` when there was no answer at all. */
  | { readonly ok: false; readonly code: string; readonly why: string };

/**
 * Opens a connection. One whose certificate is no good is opened all the same, so that what is behind
 * it can be looked at: it carries nothing but a token for a topic that nobody uses. Never rejects.
 */
export function open(target: Target, { deadlineMs, signal }: Patience): Promise<Opened> {
  const { promise, resolve } = Promise.withResolvers<Opened>();
  const { address, port, host, isTls } = target;
  const fail = (code: string, why: string): void => {
    stop();
    socket.destroy();
    resolve({ ok: false, code, why });
  };
  const abort = (): void => fail("ABORTED", "interrupted");
  const timer = setTimeout(
    () => fail("TIMEOUT", `does not answer within ${deadlineMs / 1_000} s`),
    deadlineMs,
  );
  const stop = (): void => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  };
  const opened = (certificate?: CertificateFacts): void => {
    stop();
    resolve({ ok: true, socket, certificate });
  };
  let socket: Socket;
  if (isTls) {
    const tls = connectTls({
      host: address,
      port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ca: trustedAuthorities(),
      rejectUnauthorized: false,
      ALPNProtocols: ["http/1.1"],
    });
    tls.once("secureConnect", () => opened(certificateOf(tls)));
    socket = tls;
  } else {
    socket = connectTcp({ host: address, port });
    socket.once("connect", () => opened());
  }
  // For as long as it lives: a fault without a listener would end the program.
  socket.on("error", (error) => fail(codeOf(error), networkFault(error)));
  socket.once("close", () => fail("ECONNRESET", "closes the connection at once"));
  signal.addEventListener("abort", abort);
  if (signal.aborted) {
    abort();
  }
  return promise;
}

export type Asked =
  | {
      readonly ok: true;
      readonly answer: HttpAnswer;
      /** What followed the answer. */
      readonly rest: Buffer;
      /** Open; whoever asks closes it. */
      readonly socket: Socket;
    }
  | { readonly ok: false; readonly why: string };

/** Sends a request's head over an open connection and reads the answer. Never rejects. */
export function exchangeHeads(
  socket: Socket,
  request: string,
  { deadlineMs, signal }: Patience,
): Promise<Asked> {
  const { promise, resolve } = Promise.withResolvers<Asked>();
  let bytes: Buffer = Buffer.alloc(0);
  const end = (asked: Asked): void => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    socket.off("data", more);
    socket.off("end", ended);
    socket.off("close", ended);
    if (!asked.ok) {
      socket.destroy();
    }
    resolve(asked);
  };
  const look = (isEnded: boolean): void => {
    const parsed = parseHttpAnswer(bytes, isEnded || bytes.length > MAX_ANSWER_BYTES);
    if (parsed.kind === "answer") {
      end({ ok: true, answer: parsed.answer, rest: parsed.rest, socket });
    } else if (parsed.kind === "not_http") {
      const isNothing = bytes.length === 0;
      end({ ok: false, why: isNothing ? "closes the connection unanswered" : "speaks no HTTP" });
    }
  };
  const more = (part: Buffer): void => {
    bytes = Buffer.concat([bytes, part]);
    look(false);
  };
  const ended = (): void => look(true);
  const abort = (): void => end({ ok: false, why: "interrupted" });
  const timer = setTimeout(
    () => end({ ok: false, why: `does not answer within ${deadlineMs / 1_000} s` }),
    deadlineMs,
  );
  socket.on("data", more);
  socket.on("end", ended);
  socket.on("close", ended);
  signal.addEventListener("abort", abort);
  socket.write(request);
  return promise;
}

/** Opens a connection and asks for a path, as `curl` does. Never rejects. */
export async function get(
  target: Target,
  authority: string,
  path: string,
  patience: Patience,
): Promise<HttpAnswer | undefined> {
  const opened = await open(target, patience);
  if (!opened.ok) {
    return undefined;
  }
  const head = [`GET ${path} HTTP/1.1`, `Host: ${authority}`, "Connection: close"];
  const asked = await exchangeHeads(opened.socket, `${head.join("\r\n")}\r\n\r\n`, patience);
  opened.socket.destroy();
  return asked.ok ? asked.answer : undefined;
}

/** A network error in words for people, to follow what it happened to. */
export function networkFault(error: unknown): string {
  const code = codeOf(error);
  return FAULTS[code] ?? (code === "" ? cleanText(String(error), MAX_SHOWN_LENGTH) : code);
}

const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses connections: nothing listens there",
  ECONNRESET: "closes the connection at once",
  ETIMEDOUT: "does not answer",
  EHOSTUNREACH: "cannot be reached: no route to that host",
  ENETUNREACH: "cannot be reached: no route to that network",
  ENOTFOUND: "is no name that this machine's DNS knows",
  EAI_AGAIN: "could not be looked up: the DNS server does not answer",
};

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

let authorities: readonly string[] | undefined;

/** Those of the program, of the system, and of `NODE_EXTRA_CA_CERTS`. */
function trustedAuthorities(): string[] {
  authorities ??= [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
  return [...authorities];
}

function certificateOf(socket: TLSSocket): CertificateFacts {
  const { valid_to: validTo, valid_from: validFrom, subjectaltname } = socket.getPeerCertificate();
  const error: unknown = socket.authorizationError;
  return {
    fault: socket.authorized ? undefined : String(error ?? "unknown"),
    validFromMs: Date.parse(validFrom),
    validToMs: Date.parse(validTo),
    names: subjectaltname ?? "",
  };
}

/** A promise's value, or `undefined` when it does not come in time. */
async function within<Value>(
  promise: Promise<Value>,
  { deadlineMs, signal }: Patience,
): Promise<Value | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const give = (): void => resolve(undefined);
  const timer = setTimeout(give, deadlineMs);
  signal.addEventListener("abort", give);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", give);
  }
}
