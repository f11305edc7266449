import { expect, test } from "bun:test";
import { Scrape } from "./scrape.ts";

/** A text that says how often it was made. */
function scene(): { scrape: Scrape; clock: { now: number }; made: () => number } {
  const clock = { now: 0 };
  let made = 0;
  const make = async (): Promise<string> => {
    made += 1;
    return `text ${made}`;
  };
  return { scrape: new Scrape(make, () => clock.now), clock, made: () => made };
}

test("all who ask within 250 ms get the same text", async () => {
  const { scrape, clock, made } = scene();
  const first = await Promise.all([scrape.text(), scrape.text()]);
  clock.now = 249;
  expect([...first, await scrape.text()]).toEqual(["text 1", "text 1", "text 1"]);
  expect(made()).toBe(1);
});

test("whoever comes later gets another", async () => {
  const { scrape, clock } = scene();
  await scrape.text();
  clock.now = 250;
  expect(await scrape.text()).toBe("text 2");
  clock.now = 10_000;
  expect(await scrape.text()).toBe("text 3");
});

test("a text that could not be made is tried again", async () => {
  let isBroken = true;
  let now = 0;
  const make = async (): Promise<string> => {
    if (isBroken) {
      throw new Error("broken");
    }
    return "whole";
  };
  const scrape = new Scrape(make, () => now);
  expect(await scrape.text().catch(String)).toBe("Error: broken");
  isBroken = false;
  now = 250;
  expect(await scrape.text()).toBe("whole");
});
