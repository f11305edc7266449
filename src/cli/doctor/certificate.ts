import { cleanText } from "../../config/fault-text.ts";
import { type Finding, ok, problem, warning } from "./finding.ts";

/** What a connection with TLS has shown. */
export interface CertificateFacts {
  /** OpenSSL's or Node's code for what is wrong with it; `undefined` when it is good. */
  readonly fault: string | undefined;
  /** Unix milliseconds. */
  readonly validFromMs: number;
  readonly validToMs: number;
  /** Whom it is for, as Node writes it: `DNS:log.example.org, IP Address:127.0.0.1`. */
  readonly names: string;
}

/** Of the names in a certificate so much is shown. */
const MAX_NAMES_LENGTH = 120;

const DAY_MS = 24 * 3_600 * 1_000;

/** Let's Encrypt's clients renew 30 days before the end; a week before, something has failed. */
const WORRYING_DAYS = 7;

/** Whether browsers take a certificate, and for how long they will. */
export function judgeCertificate(facts: CertificateFacts, host: string, nowMs: number): Finding {
  const { fault, validFromMs, validToMs, names } = facts;
  const end = new Date(validToMs).toISOString().slice(0, 10);
  const days = Math.floor((validToMs - nowMs) / DAY_MS);
  switch (fault) {
    case undefined:
      return days < WORRYING_DAYS
        ? warning("tls", `the certificate ends in ${days} days, on ${end}`, RENEW)
        : ok("tls", `the certificate is good for ${host}, for ${days} more days (${end})`);
    case "CERT_HAS_EXPIRED":
      return problem("tls", `the certificate ended on ${end}`, RENEW);
    case "CERT_NOT_YET_VALID": {
      const start = new Date(validFromMs).toISOString();
      return problem(
        "tls",
        `the certificate begins only at ${start}`,
        "check the clock of this machine, and of the one that made the certificate",
      );
    }
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return problem(
        "tls",
        `the certificate is not for ${host} but for ${cleanText(names, MAX_NAMES_LENGTH)}`,
        "give --url with a name that it is for, or get one for this name",
        "(for example: certbot --expand -d …); is it the right server block that answers?",
      );
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
      return problem(
        "tls",
        `the certificate is signed by nobody that browsers trust (${fault})`,
        "get one from an authority, such as Let's Encrypt (certbot, or Caddy, which does it itself);",
        "an authority of your own must be installed on every browser's machine, and here",
        "(NODE_EXTRA_CA_CERTS=/path/to/ca.pem)",
      );
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return problem(
        "tls",
        `the certificate's chain is incomplete, or its authority unknown (${fault})`,
        "let the web server send the whole chain: fullchain.pem, not cert.pem;",
        "an authority of your own must be installed on every browser's machine, and here",
        "(NODE_EXTRA_CA_CERTS=/path/to/ca.pem)",
      );
    default:
      return problem("tls", `the certificate is refused (${fault})`, RENEW);
  }
}

const RENEW = "renew it (certbot renew), then reload the web server";
