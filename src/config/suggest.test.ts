import { expect, test } from "bun:test";
import fc from "fast-check";
import { suggestName } from "./suggest.ts";

const known = ["ws_port", "ws_bind", "internal_port", "worker_secret", "log_level"] as const;

test.each([
  ["ws_port", "ws_port"],
  ["ws_prot", "ws_port"],
  ["wsport", "ws_port"],
  ["wsPort", "ws_port"],
  ["WS-PORT", "ws_port"],
  ["secret", "worker_secret"],
  ["SECRET", "worker_secret"],
  ["workersecret", "worker_secret"],
  ["wavelog_worker_ws_port", "ws_port"],
  ["loglevel", "log_level"],
  ["colour", undefined],
  ["", undefined],
  ["ws_port".repeat(20), undefined],
])("%p was meant to be %p", (unknown, meant) => {
  expect(suggestName(unknown, known)).toBe(meant as (typeof known)[number]);
});

test("one character wrong in a name still means it", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...known),
      fc.nat(),
      fc.stringMatching(/^[a-z_]$/),
      (name, at, other) => {
        const index = at % name.length;
        expect(suggestName(name.slice(0, index) + other + name.slice(index + 1), known)).toBe(name);
        expect(suggestName(name.slice(0, index) + name.slice(index + 1), known)).toBe(name);
      },
    ),
  );
});
