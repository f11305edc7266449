import { readFileSync } from "node:fs";
import { run } from "./program.ts";
import { LOOPBACK } from "./tcp-client.ts";
import { TempDir } from "./temp-dir.ts";

async function openssl(...words: readonly string[]): Promise<void> {
  const { status, stderr } = await run(["openssl", ...words]);
  if (status !== 0) {
    throw new Error(`openssl ${words[0]}: ${stderr}`);
  }
}

/** An authority of the test's own, and a server's certificate that it has signed. */
export class Certificates implements Disposable {
  readonly #dir = new TempDir();
  /** Paths of PEM files. */
  readonly authority = this.#dir.file("ca.crt");
  readonly certificate = this.#dir.file("server.crt");
  readonly key = this.#dir.file("server.key");

  /**
   * @param name What the certificate is for: this machine's address unless said otherwise.
   * @param days How long it is good; below 0 for one that has ended.
   */
  static async make(name: string = `IP:${LOOPBACK}`, days: number = 2): Promise<Certificates> {
    const certificates = new Certificates();
    const { authority, certificate, key } = certificates;
    const authorityKey = certificates.#dir.file("ca.key");
    const request = certificates.#dir.file("server.csr");
    const extensions = certificates.#dir.file("server.ext");
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await openssl(
      ...["req", "-x509", ...newKey, "-keyout", authorityKey, "-out", authority],
      ...["-days", "2", "-subj", "/CN=test authority"],
    );
    await openssl(
      ...["req", ...newKey, "-keyout", key, "-out", request, "-subj", "/CN=test server"],
    );
    await Bun.write(extensions, `subjectAltName=${name}\n`);
    await openssl(
      ...["x509", "-req", "-in", request, "-CA", authority, "-CAkey", authorityKey],
      ...["-CAcreateserial", "-days", String(days), "-extfile", extensions, "-out", certificate],
    );
    return certificates;
  }

  /** PEM text of the authority. */
  get ca(): string {
    return readFileSync(this.authority, "utf8");
  }

  [Symbol.dispose](): void {
    this.#dir[Symbol.dispose]();
  }
}
