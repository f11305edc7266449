import { expect, test } from "bun:test";
import { maskRedisUrl, redisUrlProblem } from "./redis-url.ts";

test.each([
  ["redis://localhost", "redis://localhost"],
  ["redis://localhost:6379/2", "redis://localhost:6379/2"],
  ["redis://localhost/", "redis://localhost/"],
  ["rediss://redis.example.org:6380/0", "rediss://redis.example.org:6380/0"],
  ["redis://[::1]:6379", "redis://[::1]:6379"],
  ["redis://:hunter2@10.0.0.1:6379/2", "redis://[secret]@10.0.0.1:6379/2"],
  ["redis://user:hunter2@host", "redis://[secret]@host"],
  ["unix:///run/redis.sock", "unix:///run/redis.sock"],
  ["unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=2"],
  [
    "unix:///run/redis.sock?db=2&user=worker&password=hunter2",
    "unix://[secret]@/run/redis.sock?db=2",
  ],
])("%s is in order and shown as %s", (url, shown) => {
  expect(redisUrlProblem(url)).toBeUndefined();
  expect(maskRedisUrl(url)).toBe(shown);
});

test.each([
  "localhost:6379",
  "http://hunter2@localhost",
  "unix://run/redis.sock",
  "unix:///",
  "unix:///run/redis.sock?db=x",
  "unix:///run/redis.sock?passwort=hunter2",
  "redis:localhost",
  "redis://",
  "redis:///2",
  "redis://:hunter2@",
  "redis://localhost:99999",
  "redis://localhost:0",
  "redis://localhost/two",
  "redis://localhost/1/2",
  "redis://localhost?password=hunter2",
  "redis://localhost/0#hunter2",
])("%s is refused without repeating it", (url) => {
  const problem = redisUrlProblem(url) ?? "";
  expect(problem).not.toBe("");
  expect(problem).not.toContain("hunter2");
});

test("what is no URL is masked whole", () => {
  expect(maskRedisUrl("hunter2")).toBe("[secret]");
});
