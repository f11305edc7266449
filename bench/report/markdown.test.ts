import { expect, test } from "bun:test";
import { renderCharts } from "./charts.ts";
import { MADE_UP_RESULT } from "./made-up-result.ts";
import { renderMarkdown } from "./markdown.ts";

const page = renderMarkdown(MADE_UP_RESULT);

test("the page names commit, date and machine", () => {
  expect(page).toContain("Measured on 2001-02-03 at commit 0123456");
  expect(page).toContain("2 × Made-up Processor, 4 GB");
});

test("it tells the goals that were not reached, and who was not counted", () => {
  expect(page).toContain(
    "5 reached, 2 not reached, 0 open. Ended by an error: 1 of the scenarios.",
  );
  expect(page).toContain(
    "| made-up: made-up deliveries | ≥ 10 × every peer | 9.55 × Node + ws; without Pushpin failed: " +
      "3 of 3,000,000 deliveries never came | **not reached** |",
  );
});

test("each contender has a line with value, spread, ratios and processors", () => {
  const lines = page.split("\n");
  expect(lines).toContain(
    "| **Wavelog Worker** | **2.10 M/s** | 2.00–2.20 M/s | 12.7 × |  | 1.20 | 0.94 ! |",
  );
  expect(lines).toContain("| Node + ws | 220 k/s | 210–230 k/s | 1.33 × | 9.55 × | - | - |");
  expect(lines).toContain("| Pushpin | failed |  |  |  |  |  |");
  expect(lines).toContain("| bare Redis | 0.300 ms | 0.290–0.310 ms |  | 1.37 × | - | - |");
});

test("each scenario and curve has its command", () => {
  for (const { name, curves } of MADE_UP_RESULT.scenarios) {
    const commands = page.split("\n").filter((line) => line === `make bench ONLY=${name}`);
    expect(commands).toHaveLength(1 + curves.length);
  }
});

test("text of others breaks no table", () => {
  expect(page).toContain("it has no \\| such &lt;thing>");
});

test("each table has the same number of cells in all its lines", () => {
  const tables = page.split("\n\n").filter((part) => part.startsWith("| "));
  expect(tables.length).toBeGreaterThan(4);
  for (const text of tables) {
    const widths = text
      .trim()
      .split("\n")
      .map((line) => line.match(/(?<!\\)\|/g)?.length);
    expect(new Set(widths).size).toBe(1);
  }
});

test("it shows all pictures that are drawn, and no other", () => {
  const shown = [...page.matchAll(/images\/bench\/([^"]+)/g)].map(([, file = ""]) => file);
  expect(shown.toSorted()).toEqual(
    renderCharts(MADE_UP_RESULT)
      .map(({ file }) => file)
      .toSorted(),
  );
});
