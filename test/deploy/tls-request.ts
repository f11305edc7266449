import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { LOOPBACK } from "../support/tcp-client.ts";

/** Longest wait for an answer, in milliseconds. */
const DEADLINE_MS = 5000;

/**
 * One GET over TLS from an address of the loopback network, so that a test can tell client and load
 * balancer apart.
 *
 * @returns the whole answer as text.
 */
export async function getOverTls(options: {
  readonly port: number;
  readonly path: string;
  readonly ca: string;
  readonly from: string;
  readonly headers: readonly string[];
}): Promise<string> {
  const { port, path, ca, from, headers } = options;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const tcp = connectTcp({ host: LOOPBACK, port, localAddress: from });
  const tls = connectTls({ socket: tcp, ca, servername: "localhost" });
  let answer = "";
  tls.on("secureConnect", () => {
    const lines = [`GET ${path} HTTP/1.1`, "Host: localhost", "Connection: close", ...headers];
    tls.write(`${lines.join("\r\n")}\r\n\r\n`);
  });
  tls.on("data", (bytes) => {
    answer += bytes.toString("utf8");
  });
  tls.on("end", () => resolve(answer));
  tls.on("error", reject);
  tcp.on("error", reject);
  const timer = setTimeout(() => reject(new Error("no answer in time")), DEADLINE_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    tls.destroy();
    tcp.destroy();
  }
}
