import { expect, test } from "bun:test";
import { reachableAt, webSocketEndpoint } from "./addresses.ts";

test.each([
  ["::", "127.0.0.1:9000"],
  ["0.0.0.0", "127.0.0.1:9000"],
  ["10.0.0.1", "10.0.0.1:9000"],
  ["localhost", "localhost:9000"],
  ["::1", "[::1]:9000"],
])("a port bound to %s is reached at %s", (bind, address) => {
  expect(reachableAt(bind, 9000)).toBe(address);
});

test.each([
  ["ws://127.0.0.1:9000", "ws://127.0.0.1:9000/ws"],
  ["ws://127.0.0.1:9000/", "ws://127.0.0.1:9000/ws"],
  ["ws://[::1]:9000/ws", "ws://[::1]:9000/ws"],
  ["wss://log.example.org/worker", "wss://log.example.org/worker/ws"],
  ["wss://log.example.org/worker/ws/?topic=x#y", "wss://log.example.org/worker/ws"],
  ["http://log.example.org", undefined],
  ["log.example.org:9000", undefined],
  ["ws://", undefined],
  ["", undefined],
])("the endpoint of %p is %p", (address, endpoint) => {
  expect(webSocketEndpoint(address)?.href).toBe(endpoint);
});
