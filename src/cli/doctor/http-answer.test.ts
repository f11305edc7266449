import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Parsed, parseHttpAnswer } from "./http-answer.ts";

const parse = (text: string, isEnded: boolean = false): Parsed =>
  parseHttpAnswer(Buffer.from(text, "latin1"), isEnded);

/** What of an answer matters to most tests. */
function seen(parsed: Parsed): unknown {
  return parsed.kind === "answer"
    ? [parsed.answer.status, parsed.answer.body, parsed.rest.toString("latin1")]
    : parsed.kind;
}

describe("an HTTP answer", () => {
  test("has a status, headers by lower-case name, and a body of the announced length", () => {
    const text = "HTTP/1.1 404 Not Found\r\nServer: nginx\r\nContent-Length: 4\r\n\r\ngonerest";
    const parsed = parse(text);
    expect(seen(parsed)).toEqual([404, "gone", "rest"]);
    expect(parsed.kind === "answer" && parsed.answer.headers.get("server")).toBe("nginx");
  });

  test.each<[string, string, unknown]>([
    [
      "an upgrade, with frames behind it",
      "HTTP/1.1 101 x\r\n\r\n\u0081\u0000",
      [101, "", "\u0081\u0000"],
    ],
    [
      "interim ones before it",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n",
      [204, "", ""],
    ],
    ["HTTP/1.0 and no reason", "HTTP/1.0 200\r\nContent-Length: 0\r\n\r\n", [200, "", ""]],
    [
      "chunks",
      "HTTP/1.1 502 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
      [502, "abcd", ""],
    ],
    ["a head that goes on", "HTTP/1.1 200 OK\r\nServer: ", "incomplete"],
    ["a body that goes on", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "incomplete"],
    [
      "a chunk that goes on",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
      "incomplete",
    ],
    ["a body without a length", "HTTP/1.1 200 OK\r\n\r\nabc", "incomplete"],
    ["another protocol", "SSH-2.0-server\r\n", "not_http"],
    ["another protocol with an empty line", "220 mail\r\n\r\n", "not_http"],
  ])("%s", (_, text, expected) => {
    expect(seen(parse(text))).toEqual(expected);
  });

  test.each<[string, string, unknown]>([
    ["nothing", "", "not_http"],
    ["half a head", "HTTP/1.1 200 OK\r\n", "not_http"],
    ["a body without a length", "HTTP/1.1 200 OK\r\n\r\nabc", [200, "abc", ""]],
    ["half a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", [200, "abc", ""]],
    [
      "half a chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n5\r\nbc",
      [200, "a", "5\r\nbc"],
    ],
  ])("%s, when the connection has ended", (_, text, expected) => {
    expect(seen(parse(text, true))).toEqual(expected);
  });

  test("never throws, whatever comes", () => {
    const part = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "HTTP/1.1 200 OK\r\n",
        "Transfer-Encoding: chunked\r\n",
        "\r\n",
        "\r\n\r\n",
        "5",
      ),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.boolean(), (parts, isEnded) => {
        parse(parts.join(""), isEnded);
      }),
    );
  });
});
