import { expect, test } from "bun:test";
import { Rates } from "./rates.ts";

test("nothing is known before two readings", () => {
  const rates = new Rates();
  expect(rates.recent).toEqual({ publishes: 0, deliveries: 0 });
  rates.add(1000, { publishes: 5, deliveries: 7 });
  expect(rates.recent).toEqual({ publishes: 0, deliveries: 0 });
});

test("rates are per second, over the last five", () => {
  const rates = new Rates();
  for (let second = 0; second <= 10; second += 1) {
    rates.add(second * 1000, { publishes: second * 3, deliveries: second === 10 ? 100 : 0 });
  }
  expect(rates.recent).toEqual({ publishes: 3, deliveries: 20 });
});

test("readings that come late, or twice in a moment, give no nonsense", () => {
  const rates = new Rates();
  rates.add(0, { publishes: 0, deliveries: 0 });
  rates.add(0, { publishes: 0, deliveries: 0 });
  expect(rates.recent).toEqual({ publishes: 0, deliveries: 0 });
  rates.add(2500, { publishes: 10, deliveries: 10 });
  expect(rates.recent).toEqual({ publishes: 4, deliveries: 4 });
  rates.add(2500, { publishes: 20, deliveries: 20 });
  expect(rates.recent).toEqual({ publishes: 8, deliveries: 8 });
});
