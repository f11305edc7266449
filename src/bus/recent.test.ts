import { describe, expect, test } from "bun:test";
import { Recent } from "./recent.ts";

function fill(recent: Recent, from: number, to: number, length: number, at: number): void {
  for (let seq = from; seq <= to; seq += 1) {
    recent.add({ seq, envelope: "x".repeat(length), at: 0 }, at);
  }
}

const seqs = (recent: Recent, now: number): readonly number[] =>
  recent.list(now).map(({ seq }) => seq);

describe("what Redis has confirmed lately", () => {
  test("is remembered for 15 s from its confirmation on, in order", () => {
    const recent = new Recent();
    fill(recent, 1, 3, 10, 1000);
    fill(recent, 4, 5, 10, 9000);
    expect(seqs(recent, 15_999)).toEqual([1, 2, 3, 4, 5]);
    expect(seqs(recent, 16_000)).toEqual([4, 5]);
    expect(seqs(recent, 24_000)).toEqual([]);
  });

  test("is the last 5,000", () => {
    const recent = new Recent();
    fill(recent, 1, 12_000, 10, 0);
    const kept = seqs(recent, 0);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([5000, 7001, 12_000]);
  });

  test("is the last 8 Mi characters", () => {
    const recent = new Recent();
    fill(recent, 1, 20, 1024 * 1024, 0);
    expect(seqs(recent, 0)).toEqual([13, 14, 15, 16, 17, 18, 19, 20]);
  });
});
