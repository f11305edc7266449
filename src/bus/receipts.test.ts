import { expect, test } from "bun:test";
import { Receipts } from "./receipts.ts";

test("whoever waits hears of their own event alone, less this worker", async () => {
  const receipts = new Receipts();
  const [one, other] = [receipts.wait(1), receipts.wait(2)];
  receipts.confirmed(2, 3);
  receipts.confirmed(1, 1);
  expect(await one).toEqual({ redis: "sent", nodes: 0 });
  expect(await other).toEqual({ redis: "sent", nodes: 2 });
});

test("a confirmation that nobody waits for is lost, and no number is below nought", async () => {
  const receipts = new Receipts();
  receipts.confirmed(1, 5);
  const waiting = receipts.wait(2);
  receipts.confirmed(1, 5);
  receipts.confirmed(2, 0);
  expect(await waiting).toEqual({ redis: "sent", nodes: 0 });
});

test("a lost connection lets nobody wait on", async () => {
  const receipts = new Receipts();
  const waiting = [receipts.wait(1), receipts.wait(2)];
  receipts.lost();
  receipts.confirmed(1, 2);
  expect(await Promise.all(waiting)).toEqual([{ redis: "queued" }, { redis: "queued" }]);
});
