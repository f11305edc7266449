import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { secretCheck } from "./secret-check.ts";

const SECRET = "only for tests, only for tests, only for tests";

/** A header's value as the HTTP parser shows the bytes that were sent. */
function asHeader(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

describe("the check of X-Worker-Secret", () => {
  const secretOf = secretCheck({ current: SECRET, previous: undefined });

  test("lets the secret pass, again and again", () => {
    expect(secretOf(SECRET)).toBe("current");
    expect(secretOf(SECRET)).toBe("current");
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
    expect(secretOf(given)).toBeUndefined();
  });

  test("refuses every text but the secret", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.nat(SECRET.length - 1).map((length) => SECRET.slice(0, length)),
    );
    fc.assert(fc.property(text, (given) => secretOf(given) === undefined));
  });

  test("never lets an empty secret pass", () => {
    const isEmpty = secretCheck({ current: "", previous: "" });
    expect(isEmpty("")).toBeUndefined();
    expect(isEmpty(undefined)).toBeUndefined();
    expect(isEmpty(" ")).toBeUndefined();
  });
});

describe("while the secret is being changed", () => {
  const previous = `${SECRET}, the former`;
  const secretOf = secretCheck({ current: SECRET, previous });

  test("either passes, and they are told apart", () => {
    expect(secretOf(SECRET)).toBe("current");
    expect(secretOf(previous)).toBe("previous");
  });

  test.each([undefined, "", `${SECRET}x`, previous.slice(0, -1), `${SECRET}, ${previous}`])(
    "%p does not",
    (given) => {
      expect(secretOf(given)).toBeUndefined();
    },
  );
});

describe("a secret outside ASCII", () => {
  const isSecret = (current: string) => (given: string) =>
    secretCheck({ current, previous: undefined })(given) === "current";

  const secret = "gr\u00fc\u00dfe aus K\u00f6ln \u{1f4e1}, nur zum Testen";

  test("passes as the UTF-8 bytes that PHP sends", () => {
    expect(isSecret(secret)(asHeader(secret))).toBe(true);
  });

  test("is not mistaken for its Latin-1 spelling", () => {
    const latin = "gr\u00fc\u00dfe aus K\u00f6ln, nur zum Testen";
    expect(isSecret(latin)(latin)).toBe(false);
    expect(isSecret(latin)(asHeader(latin))).toBe(true);
  });

  test("passes whatever it consists of", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (any) => {
        expect(isSecret(any)(asHeader(any))).toBe(true);
        expect(isSecret(any)(asHeader(`${any}x`))).toBe(false);
      }),
    );
  });
});
