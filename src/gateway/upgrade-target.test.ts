import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { normalizeTopic } from "../protocol/topic.ts";
import { upgradeTarget } from "./upgrade-target.ts";

describe("the target of an upgrade", () => {
  test.each([
    ["http://127.0.0.1:9000/ws?topic=contest_session.42", "/ws", "contest_session.42"],
    ["http://[::1]:9000/ws?topic=radio.user.7", "/ws", "radio.user.7"],
    ["/ws?topic=a", "/ws", "a"],
    ["/ws?topic=a%20b", "/ws", "a b"],
    ["/ws?topic=a+b", "/ws", "a b"],
    ["/ws?topic=a&topic=b", "/ws", "a"],
    ["/ws?x=1&topic=a", "/ws", "a"],
    ["/ws?topic=a#b", "/ws", "a"],
    ["/ws?topic=%ED%A0%80", "/ws", "\ufffd\ufffd\ufffd"],
    ["/ws?topic=", "/ws", ""],
    ["/ws", "/ws", ""],
    ["/ws/?topic=a", "/ws/", "a"],
    ["/other/ws?topic=a", "/other/ws", "a"],
    ["http://h/x?/ws?topic=a", "/x", ""],
    ["http://h?/ws?topic=a", "/", ""],
    ["http://", "", ""],
  ])("%p is %p, %p", (url, path, topic) => {
    expect(upgradeTarget(url)).toEqual({ path, topic });
  });

  test("is what taking the URL apart says, whatever the URL", () => {
    const part = fc.oneof(
      fc.constantFrom("http://h", "/ws", "?topic=", "&", "#", "%", "a", "..", "@", "//"),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const url = parts.join("");
        const parsed = URL.parse(url, "http://worker");
        expect(upgradeTarget(url)).toEqual({
          path: parsed?.pathname ?? "",
          topic: normalizeTopic(parsed?.searchParams.get("topic") ?? ""),
        });
      }),
      { numRuns: 5000 },
    );
  });
});
