import { expect, test } from "bun:test";
import { isTopicTooLong, normalizeTopic } from "./topic.ts";

test("a topic may have 1,024 bytes of UTF-8, whatever they spell", () => {
  expect(isTopicTooLong("x".repeat(1024))).toBe(false);
  expect(isTopicTooLong("x".repeat(1025))).toBe(true);
  expect(isTopicTooLong("\u00fc".repeat(512))).toBe(false);
  expect(isTopicTooLong("\u00fc".repeat(513))).toBe(true);
  expect(isTopicTooLong("\u{1f4e1}".repeat(256))).toBe(false);
  expect(isTopicTooLong("\u{1f4e1}".repeat(257))).toBe(true);
});

test("what UTF-8 cannot express becomes what a UTF-8 decoder would show", () => {
  expect(normalizeTopic("a\ud800b")).toBe("a\ufffdb");
  expect(normalizeTopic("a\u{1f4e1}b")).toBe("a\u{1f4e1}b");
});
