import { expect, test } from "bun:test";
import { inspect } from "node:util";
import { Secret } from "./secret.ts";

const text = "0123456789abcdef0123456789abcdef";

test("gives its text only when asked", () => {
  expect(new Secret(text).reveal()).toBe(text);
});

test("shows a mask in every way of printing", () => {
  const secret = new Secret(text);
  const holder = { secret, list: [secret] };
  const printed = [
    String(secret),
    `${secret}`,
    JSON.stringify(holder),
    inspect(secret),
    inspect(holder, { depth: 9, showHidden: true }),
    Bun.inspect(secret),
    Bun.inspect(holder),
    JSON.stringify(structuredClone(holder.list.map((one) => ({ ...one })))),
  ];
  for (const line of printed) {
    expect(line).not.toContain(text);
  }
  expect(String(secret)).toBe("[secret]");
  expect(JSON.stringify(secret)).toBe('"[secret]"');
  expect(Bun.inspect(secret)).toBe("[secret]");
  expect(inspect(secret)).toBe("[secret]");
});
