import { describe, expect, test } from "bun:test";
import { MADE_UP_RESULT } from "./made-up-result.ts";
import { renderTable } from "./table.ts";

const text = renderTable(MADE_UP_RESULT);
const lines = text.split("\n");

describe("the table", () => {
  test("fits a terminal of 140 columns, and has no colours and no trailing blanks", () => {
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(140);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(text).not.toMatch(/\u001b| $/m);
  });

  test("has a column per contender, with value, spread, ratios and processors", () => {
    const from = lines.findIndex((line) => line.startsWith("  made-up deliveries"));
    expect(lines.slice(from - 1, from + 8).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["Wavelog Worker", "yardstick", "nginx + nchan", "Pushpin", "Socket.IO", "Node + ws"],
      ["made-up deliveries (more is better; median of 3 rounds)"],
      ["value", "2.10 M/s", "165 k/s", "90.0 k/s", "failed", "45.0 k/s", "220 k/s"],
      [
        "least–most",
        "2.00–2.20 M/s",
        "160–170 k/s",
        "80.0–100 k/s",
        "40.0–50.0 k/s",
        "210–230 k/s",
      ],
      ["by the yardstick", "12.7 ×", "0.55 ×", "0.27 ×", "1.33 ×"],
      ["worker by this", "12.7 ×", "23.3 ×", "46.7 ×", "9.55 ×"],
      ["cores: server", "1.20", "1.00", "-", "-", "-"],
      ["cores: generator", "! 0.94", "0.50", "-", "-", "-"],
      [
        "goal",
        "not reached: ≥ 10 × every peer: 9.55 × Node + ws; without: Pushpin failed: 3 of 3,000,000 deliveries never came",
      ],
    ]);
  });

  test("tells failures, inability, busy generators, notes and errors underneath", () => {
    expect(text).toContain("· failed: Pushpin, made-up.rate: 3 of 3,000,000 deliveries never came");
    expect(text).toContain("· cannot: Pushpin, made-up.cost: it has no | such <thing>");
    expect(text).toContain("! the load generator was all but busy");
    expect(text).toContain("· a made-up note");
    expect(text).toContain("· ended by an error: the server did not start");
  });

  test("says what stands in the yardstick's place", () => {
    expect(text).toContain("yardstick: bare Redis)");
    expect(text).toContain("reached: ≤ 1.5 × bare Redis: 1.37 × bare Redis");
    expect(text).toContain("≤ 1.00 ms more than bare Redis: 0.112 ms more than bare Redis");
  });

  test("ends with the goals, those missed by name", () => {
    expect(lines.slice(-3)).toEqual([
      "goals: 5 reached, 2 not reached, 0 open, 1 scenarios ended by an error",
      "  not reached: made-up.rate: ≥ 10 × every peer: 9.55 × Node + ws",
      "  not reached: made-up.cost: ≤ 1.05 × the yardstick: 1.11 × yardstick",
    ]);
  });

  test("has no column for who was not run, and no spread of a single round", () => {
    const [scenario] = MADE_UP_RESULT.scenarios;
    const [row] = scenario?.rows ?? [];
    if (scenario === undefined || row === undefined) throw new Error("there is a first row");
    const alone = { ...row, cells: { worker: { kind: "measured", samples: [1] } } as const };
    const table = renderTable({
      ...MADE_UP_RESULT,
      scenarios: [{ ...scenario, rows: [alone], notes: [] }],
    });
    const [, body = ""] = table.split("made-up: ");
    expect(body).toContain("Wavelog Worker\n");
    expect(body).not.toContain("least–most");
    expect(body).toContain("open: ≥ 10 × every peer: no peer has a number here");
  });
});
