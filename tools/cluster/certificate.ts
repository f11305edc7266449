import { join } from "node:path";

/** A certificate for this machine, and its key. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** The certificate as PEM text, which is its own authority. */
  readonly pem: string;
}

/** Makes a certificate for `localhost` and 127.0.0.1 that is good for two days. */
export async function makeCertificate(directory: string): Promise<Certificate> {
  const certFile = join(directory, "wavelog.crt");
  const keyFile = join(directory, "wavelog.key");
  const child = Bun.spawn(
    [
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-nodes", "-days", "2", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
      ...["-keyout", keyFile, "-out", certFile],
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const [status, said] = await Promise.all([child.exited, child.stderr.text()]);
  if (status !== 0) {
    throw new Error(`openssl made no certificate: ${said.trim()}`);
  }
  return { certFile, keyFile, pem: await Bun.file(certFile).text() };
}
