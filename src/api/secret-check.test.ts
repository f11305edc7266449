import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { secretCheck } from "./secret-check.ts";

const SECRET = "only for tests, only for tests, only for tests";

/** A header's value as the HTTP parser shows the bytes that were sent. */
function asHeader(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

describe("the check of X-Worker-Secret", () => {
  const isSecret = secretCheck(SECRET);

  test("lets the secret pass, again and again", () => {
    expect(isSecret(SECRET)).toBe(true);
    expect(isSecret(SECRET)).toBe(true);
  });

  test.each([
    ["nothing", undefined],
    ["an empty text", ""],
    ["a space", " "],
    ["another secret of the same length", SECRET.replaceAll("t", "T")],
    ["the secret in capitals", SECRET.toUpperCase()],
    ["the secret cut short", SECRET.slice(0, -1)],
    ["the secret and more", `${SECRET}x`],
    ["the secret with a space before it", ` ${SECRET}`],
    ["the secret twice, as doubled headers are joined", `${SECRET}, ${SECRET}`],
    ["the secret with a zero byte behind it", `${SECRET}\0`],
  ])("refuses %s", (_what, given) => {
    expect(isSecret(given)).toBe(false);
  });

  test("refuses every text but the secret", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.nat(SECRET.length - 1).map((length) => SECRET.slice(0, length)),
    );
    fc.assert(fc.property(text, (given) => !isSecret(given)));
  });

  test("never lets an empty secret pass", () => {
    const isEmpty = secretCheck("");
    expect(isEmpty("")).toBe(false);
    expect(isEmpty(undefined)).toBe(false);
    expect(isEmpty(" ")).toBe(false);
  });
});

describe("a secret outside ASCII", () => {
  const secret = "gr\u00fc\u00dfe aus K\u00f6ln \u{1f4e1}, nur zum Testen";

  test("passes as the UTF-8 bytes that PHP sends", () => {
    expect(secretCheck(secret)(asHeader(secret))).toBe(true);
  });

  test("is not mistaken for its Latin-1 spelling", () => {
    const latin = "gr\u00fc\u00dfe aus K\u00f6ln, nur zum Testen";
    expect(secretCheck(latin)(latin)).toBe(false);
    expect(secretCheck(latin)(asHeader(latin))).toBe(true);
  });

  test("passes whatever it consists of", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (any) => {
        expect(secretCheck(any)(asHeader(any))).toBe(true);
        expect(secretCheck(any)(asHeader(`${any}x`))).toBe(false);
      }),
    );
  });
});
