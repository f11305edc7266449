import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeDelivery, encodeDelivery } from "./link.ts";

describe("a delivery", () => {
  test("is the topic's length, a space, topic and frame", () => {
    expect(encodeDelivery("radio.user.7", '{"type":"push","payload":1}')).toBe(
      '12 radio.user.7{"type":"push","payload":1}',
    );
  });

  test.each([
    ["a topic of digits and spaces", "7 5 ", '{"type":"push","payload":[1, 2]}'],
    ["a topic that looks like a delivery", "3 abc", "3 abc"],
    ["a topic of line breaks", "\r\n\n", "x"],
    ["a topic beyond the basic plane", "\u{1f4e1}\u{1f4e1}", "\u{1f4e1}"],
    ["a topic with half a surrogate pair at its end", "a\ud83d", "\udce1b"],
    ["an empty frame", "a", ""],
    ["an empty topic", "", "frame"],
    ["a frame that begins with a digit", "a", "1"],
    ["a frame that begins with a space", "a", " 1"],
    ["a zero character", "\0", "\0"],
  ])("with %s arrives as it was sent", (_what, topic, frame) => {
    expect(decodeDelivery(encodeDelivery(topic, frame))).toEqual({ topic, frame });
  });

  test("arrives as it was sent, whatever topic and frame are", () => {
    const tricky = fc.constantFrom(" ", "0", "9", "-", "\n", "\t", ".", "\u{1f4e1}", "\u00fc");
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 50 }),
      fc.string({ unit: tricky, maxLength: 50 }),
    );
    fc.assert(
      fc.property(text, text, (topic, frame) => {
        expect(decodeDelivery(encodeDelivery(topic, frame))).toEqual({ topic, frame });
      }),
      { numRuns: 1000 },
    );
  });
});
