import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseOriginPattern } from "./origin-pattern.ts";

test.each([
  ["https://log.example.org", "https://log.example.org"],
  ["HTTPS://Log.Example.ORG", "https://log.example.org"],
  ["https://log.example.org:443", "https://log.example.org"],
  ["https://log.example.org:8443", "https://log.example.org:8443"],
  ["http://localhost:8086", "http://localhost:8086"],
  ["http://[::1]:8086", "http://[::1]:8086"],
  ["https://bücher.example", "https://xn--bcher-kva.example"],
  ["capacitor://localhost", "capacitor://localhost"],
  ["*.example.org", "*.example.org"],
  ["*.Example.ORG", "*.example.org"],
  ["*.bücher.example", "*.xn--bcher-kva.example"],
])("%s is read as %s", (text, pattern) => {
  expect(parseOriginPattern(text)).toEqual({ ok: true, pattern });
});

test.each([
  ["*", "leave allowed_origins empty"],
  ["*.", "is no origin"],
  ["*..org", "is no origin"],
  ["*.example.org:8443", "is no origin"],
  ["*.example.org/x", "is no origin"],
  ["*.*.example.org", "is no origin"],
  ["*.\u200b.", "is no origin"],
  ["*.\u3002org", "is no origin"],
  ["*.example..org", "is no origin"],
  ["https://\u200b.", "is no origin"],
  ["*.127.0.0.1", "is no origin"],
  ["*.1.2", "is no origin"],
  ["null", "has no scheme"],
  ["log.example.org", "has no scheme"],
  ["log.example.org/index.php", "is no origin"],
  ["https://", "is no origin"],
  ["https://log example.org", "is no origin"],
  ["https://log.example.org:99999", "is no origin"],
  ["https://log.example.org/", "is more than an origin"],
  ["https://log.example.org/index.php", "is more than an origin"],
  ["https://log.example.org?x", "is more than an origin"],
  ["https://u:p@log.example.org", "is more than an origin"],
  ["https://*.example.org", "is a wildcard with a scheme"],
  ["https://log.*.org", "is no origin"],
  ["app://a/b", "is no origin"],
  ["", "is no origin"],
])("%p is refused: %s", (text, problem) => {
  expect(parseOriginPattern(text)).toEqual({
    ok: false,
    problem: expect.stringContaining(problem),
  });
});

test("what is read once is read the same again", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webUrl(),
        fc.domain(),
        fc.domain().map((d) => `*.${d}`),
      ),
      (text) => {
        const first = parseOriginPattern(text);
        if (first.ok) {
          expect(parseOriginPattern(first.pattern)).toEqual(first);
        } else {
          expect(first.problem).not.toMatch(/\p{Cc}/u);
        }
      },
    ),
  );
});
