import { expect, test } from "bun:test";
import { isLoopback, readSite } from "./site.ts";

test.each([
  [
    "wss://log.example.org/worker",
    {
      endpoint: "wss://log.example.org/worker/ws",
      isTls: true,
      host: "log.example.org",
      port: 443,
      authority: "log.example.org",
      prefix: "/worker",
      pageOrigin: "https://log.example.org",
    },
  ],
  [
    "ws://[::1]:9000/ws?topic=x",
    {
      endpoint: "ws://[::1]:9000/ws",
      isTls: false,
      host: "::1",
      port: 9000,
      authority: "[::1]:9000",
      prefix: "",
      pageOrigin: "http://[::1]:9000",
    },
  ],
])("%s is taken apart", (address, site) => {
  expect(readSite(address)).toEqual(site);
});

test("what is no WebSocket address is none", () => {
  expect(readSite("https://log.example.org")).toBeUndefined();
});

test.each([
  ["localhost", true],
  ["127.0.0.1", true],
  ["127.8.9.1", true],
  ["::1", true],
  ["127.example.org", false],
  ["10.0.0.1", false],
  ["::", false],
])("%s is this machine alone: %p", (host, isIt) => {
  expect(isLoopback(host)).toBe(isIt);
});
