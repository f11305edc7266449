import { judgeCertificate } from "./certificate.ts";
import { type Examinee, isDirect, patienceOf } from "./examinee.ts";
import { type Finding, ok, problem, skipped, warning } from "./finding.ts";
import { isLoopback } from "./site.ts";
import { open, type Target } from "./wire.ts";

/** Whether what is sent is encrypted as browsers want it, and whether there is a connection at all. */
export async function judgeTls(
  examinee: Examinee,
  target: Target,
): Promise<{ readonly finding: Finding; readonly isOpen: boolean }> {
  const { site, deps } = examinee;
  if (!site.isTls) {
    return { finding: judgePlain(examinee), isOpen: true };
  }
  const opened = await open(target, patienceOf(examinee));
  if (opened.ok) {
    opened.socket.destroy();
    const finding =
      opened.certificate === undefined
        ? ok("tls", "connected")
        : judgeCertificate(opened.certificate, site.host, deps.now());
    return { finding, isOpen: true };
  }
  const isPlain = opened.code === "ERR_SSL_WRONG_VERSION_NUMBER" || opened.code === "EPROTO";
  const finding = isPlain
    ? problem(
        "tls",
        `port ${site.port} speaks no TLS`,
        "let the web server do TLS on it (nginx: listen 443 ssl), or use ws:// where pages come by http",
      )
    : problem("tls", `no TLS connection: ${opened.why}`, "the web server's error log says why");
  return { finding, isOpen: false };
}

/** An address without TLS: as good as the pages that use it. */
function judgePlain(examinee: Examinee): Finding {
  const { site, origin } = examinee;
  if (origin?.startsWith("https:") === true) {
    return problem(
      "tls",
      `pages of ${origin} cannot open ws://: browsers refuse what is not encrypted there`,
      "let the web server do TLS, and use wss:// in Wavelog's configuration",
    );
  }
  return isDirect(examinee) || isLoopback(site.host)
    ? skipped("tls", "ws:// within this machine")
    : warning(
        "tls",
        "ws:// is not encrypted: everybody on the way reads tokens and events, and https pages cannot use it",
        "let the web server do TLS, and use wss:// in Wavelog's configuration",
      );
}
