import { expect, test } from "bun:test";
import { type CertificateFacts, judgeCertificate } from "./certificate.ts";

const NOW_MS = Date.parse("2026-03-01T12:00:00Z");

const judged = (facts: Partial<CertificateFacts>) =>
  judgeCertificate(
    {
      fault: undefined,
      validFromMs: Date.parse("2026-01-01T00:00:00Z"),
      validToMs: Date.parse("2026-04-01T00:00:00Z"),
      names: "DNS:log.example.org",
      ...facts,
    },
    "log.example.org",
    NOW_MS,
  );

test("a good one says how long it is good", () => {
  expect(judged({})).toMatchObject({
    verdict: "ok",
    text: "the certificate is good for log.example.org, for 30 more days (2026-04-01)",
  });
});

test("one that ends within the week is a warning, since nobody seems to renew it", () => {
  const { verdict, text, fix } = judged({ validToMs: Date.parse("2026-03-05T00:00:00Z") });
  expect([verdict, text]).toEqual(["warning", "the certificate ends in 3 days, on 2026-03-05"]);
  expect(fix[0]).toContain("renew");
});

test.each([
  ["CERT_HAS_EXPIRED", "the certificate ended on 2026-04-01"],
  ["CERT_NOT_YET_VALID", "the certificate begins only at 2026-01-01T00:00:00.000Z"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "is not for log.example.org but for DNS:log.example.org"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "signed by nobody that browsers trust"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "chain is incomplete"],
  ["SOMETHING_NEW", "is refused (SOMETHING_NEW)"],
])("%s is a problem with a way out", (fault, text) => {
  const finding = judged({ fault });
  expect(finding.verdict).toBe("problem");
  expect(finding.text).toContain(text);
  expect(finding.fix.length).toBeGreaterThan(0);
});

test("names from outside are cleaned", () => {
  const { text } = judged({ fault: "ERR_TLS_CERT_ALTNAME_INVALID", names: "DNS:\u001b[2J" });
  expect(text).toMatch(/^\P{Cc}+$/u);
});
