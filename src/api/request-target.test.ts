import { expect, test } from "bun:test";
import { splitTarget } from "./request-target.ts";

test.each([
  ["/internal/status", "/internal/status", ""],
  ["/internal/status?topics=1", "/internal/status", "topics=1"],
  ["/a?b?c", "/a", "b?c"],
  ["/a?", "/a", ""],
  ["http://worker:9001/internal/status?topics=1", "/internal/status", "topics=1"],
  ["HTTPS://worker/a", "/a", ""],
  ["http://worker", "", ""],
  ["http://worker?a", "", "a"],
  ["/http://worker/a", "/http://worker/a", ""],
  ["//worker/a", "//worker/a", ""],
  ["*", "*", ""],
  ["", "", ""],
])("%p is the path %p and the query %p", (target, path, query) => {
  expect(splitTarget(target)).toEqual({ path, query });
});
