import { expect, test } from "bun:test";
import type { SocketEvent } from "../protocol/socket-event.ts";
import { PreviousSecretUse } from "./previous-secret.ts";

const CLIENT = { topic: "a", userId: 7, address: "203.0.113.9" };
const ACCEPTED: SocketEvent = { type: "previous_secret_used", ...CLIENT };

test("nothing is told while no secret is being replaced, whatever was used", () => {
  const use = new PreviousSecretUse(() => 0);
  expect(use.status()).toBeUndefined();
  use.socket(ACCEPTED);
  use.previousSecretUsed();
  expect(use.status()).toBeUndefined();
});

test("uses are counted by kind, with the time of the last", () => {
  let now = Date.parse("2026-01-02T03:04:05.678Z");
  const use = new PreviousSecretUse(() => now);
  use.watch("old");
  expect(use.status()).toEqual({ tokens: 0, api_calls: 0, last_used: null });
  use.socket(ACCEPTED);
  use.socket({ type: "connected", ...CLIENT, handshakeMs: 5 });
  use.socket(ACCEPTED);
  expect(use.status()).toEqual({ tokens: 2, api_calls: 0, last_used: "2026-01-02T03:04:05.678Z" });
  now += 1000;
  use.previousSecretUsed();
  expect(use.status()).toEqual({ tokens: 2, api_calls: 1, last_used: "2026-01-02T03:04:06.678Z" });
});

test("the count goes on while the secret is the same, and begins anew with another", () => {
  const use = new PreviousSecretUse(() => 0);
  use.watch("old");
  use.previousSecretUsed();
  use.watch("old");
  expect(use.status()).toMatchObject({ api_calls: 1 });
  use.watch(undefined);
  expect(use.status()).toBeUndefined();
  use.watch("older");
  expect(use.status()).toEqual({ tokens: 0, api_calls: 0, last_used: null });
});
