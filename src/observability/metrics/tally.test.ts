import { expect, test } from "bun:test";
import { kindsOf, labelValue, Tally } from "./tally.ts";

/** The counts by the labels' values. */
function counts(tally: Tally): Record<string, number> {
  const rows = [...tally.rows()].map(
    ({ labels, count }) => [Object.values(labels).join(" "), count] as const,
  );
  return Object.fromEntries(rows);
}

test("every kind is there from the start, with nought", () => {
  expect(counts(new Tally(kindsOf("result", ["a", "b"])))).toEqual({ a: 0, b: 0 });
});

test("events are counted by kind, several at a time if need be", () => {
  const tally = new Tally(kindsOf("result", ["a", "b"]));
  tally.add("a");
  tally.add("b", 5);
  tally.add("a");
  expect(counts(tally)).toEqual({ a: 2, b: 5 });
});

test("what nobody has foreseen makes no kind of its own", () => {
  const tally = new Tally(kindsOf("result", ["a", "other"]));
  const strict = new Tally(kindsOf("result", ["a"]));
  for (const kind of ["c", "", "__proto__", "constructor", "a ", "A"]) {
    tally.add(kind);
    strict.add(kind);
  }
  expect(counts(tally)).toEqual({ a: 0, other: 6 });
  expect(counts(strict)).toEqual({ a: 0 });
});

test("kinds may differ in several labels", () => {
  const tally = new Tally(
    new Map([
      ["1000 bye", { code: "1000", reason: "client" }],
      ["other", { code: "other", reason: "client" }],
    ]),
  );
  tally.add("1000 bye");
  tally.add("4999 haha");
  expect(counts(tally)).toEqual({ "1000 client": 1, "other client": 1 });
});

test("names of the code's tables become label values", () => {
  expect(labelValue("topicNotRegistered")).toBe("topic_not_registered");
  expect(labelValue("forbidden")).toBe("forbidden");
});
