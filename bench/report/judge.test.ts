import { describe, expect, test } from "bun:test";
import { allReached, judge, type Outcome, tally } from "./judge.ts";
import { cell, MADE_UP_RESULT, PLAIN_ROW } from "./made-up-result.ts";
import type { Goal, Row } from "./types.ts";

const TEN_TIMES: Goal = { kind: "times-every-peer", atLeast: 10 };

function verdictOf(cells: Row["cells"], goal: Goal, rest: Partial<Row> = {}) {
  const [verdict] = judge({ ...PLAIN_ROW, ...rest, cells, goals: [goal] }).goals;
  if (verdict === undefined) throw new Error("a goal has a verdict");
  return verdict;
}

function standing(row: Row, name: string) {
  return judge(row).standings.find((one) => one.name === name)?.cell;
}

describe("a cell", () => {
  test("is the median of its rounds, with the least and the most", () => {
    const row = { ...PLAIN_ROW, cells: { worker: cell(9, 1, 5) } };
    expect(standing(row, "worker")).toMatchObject({ value: 5, least: 1, most: 9, rounds: 3 });
  });

  test("is the sum of its rounds where the row wants it", () => {
    const row: Row = { ...PLAIN_ROW, combine: "sum", cells: { worker: cell(0, 2, 3) } };
    expect(standing(row, "worker")).toMatchObject({ value: 5 });
  });

  test("is set against yardstick and worker", () => {
    const row = { ...PLAIN_ROW, cells: { worker: cell(20), yardstick: cell(4), ws: cell(2) } };
    expect(standing(row, "worker")).toMatchObject({ byYardstick: 5, workerByThis: 1 });
    expect(standing(row, "ws")).toMatchObject({ byYardstick: 0.5, workerByThis: 10 });
  });

  test("has no ratio to a zero", () => {
    const row = { ...PLAIN_ROW, cells: { worker: cell(20), yardstick: cell(0) } };
    expect(standing(row, "worker")).toMatchObject({ byYardstick: undefined, workerByThis: 1 });
    expect(standing(row, "yardstick")).toMatchObject({ workerByThis: undefined });
  });

  test("has the middle of what the processors did", () => {
    const busy = {
      kind: "measured",
      samples: [1, 1, 1],
      serverBusy: [0.5, 0.9, 0.7],
      generatorBusy: [0.1, 0.3, 0.2],
    } as const;
    expect(standing({ ...PLAIN_ROW, cells: { worker: busy } }, "worker")).toMatchObject({
      serverBusy: 0.7,
      generatorBusy: 0.2,
    });
  });

  test("that is absent has no standing, and one that failed no number", () => {
    const cells = { worker: cell(1), nchan: { kind: "failed", why: "lost one" } } as const;
    expect(
      judge({ ...PLAIN_ROW, cells }).standings.map(({ name, cell }) => [name, cell.kind]),
    ).toEqual([
      ["worker", "measured"],
      ["nchan", "failed"],
    ]);
  });
});

describe("a goal against every peer", () => {
  test("is reached when the best of them is beaten by as much", () => {
    const cells = { worker: cell(100), nchan: cell(5), ws: cell(10), yardstick: cell(99) };
    expect(verdictOf(cells, TEN_TIMES)).toMatchObject({
      outcome: "reached",
      worst: "ws",
      why: "10.0 ×",
    });
  });

  test("is missed because of one, who is named", () => {
    const cells = { worker: cell(99), nchan: cell(5), ws: cell(10) };
    expect(verdictOf(cells, TEN_TIMES)).toMatchObject({ outcome: "missed", worst: "ws" });
  });

  test("takes the least where less is better", () => {
    const cells = { worker: cell(1), nchan: cell(11), ws: cell(9) };
    const goal: Goal = { kind: "times-every-peer", atMost: 0.1 };
    expect(verdictOf(cells, goal, { better: "less" })).toMatchObject({
      outcome: "missed",
      worst: "ws",
    });
  });

  test("looks at those measured and says who was not, and why", () => {
    const cells: Row["cells"] = {
      worker: cell(100),
      nchan: cell(5),
      pushpin: { kind: "failed", why: "lost 3" },
      "socket-io": { kind: "cannot", why: "no such thing" },
    };
    expect(verdictOf(cells, TEN_TIMES)).toMatchObject({
      outcome: "reached",
      worst: "nchan",
      uncounted: [
        { name: "pushpin", why: "failed: lost 3" },
        { name: "socket-io", why: "cannot: no such thing" },
        { name: "ws", why: "was not run" },
      ],
    });
  });

  test("is open when no peer has a number: the failure of all is no win", () => {
    const cells: Row["cells"] = { worker: cell(100), nchan: { kind: "failed", why: "lost 3" } };
    expect(verdictOf(cells, TEN_TIMES)).toMatchObject({ outcome: "open", worst: undefined });
  });

  test("is not reached by nothing against nothing", () => {
    expect(verdictOf({ worker: cell(0), ws: cell(0) }, TEN_TIMES)).toMatchObject({
      outcome: "missed",
      why: "0/s beside 0/s of",
    });
  });

  test("to be the best needs more than a draw", () => {
    const goal: Goal = { kind: "best-of-all" };
    const outcome = (worker: number, better: "less" | "more"): Outcome => {
      return verdictOf({ worker: cell(worker), nchan: cell(1), ws: cell(5) }, goal, { better })
        .outcome;
    };
    expect(outcome(6, "more")).toBe("reached");
    expect(outcome(5, "more")).toBe("missed");
    expect(outcome(0.9, "less")).toBe("reached");
    expect(outcome(1, "less")).toBe("missed");
  });
});

describe("a goal of the worker's own", () => {
  test.each<[Goal, number, Outcome]>([
    [{ kind: "times-yardstick", atMost: 1.15 }, 11.5, "reached"],
    [{ kind: "times-yardstick", atMost: 1.15 }, 11.6, "missed"],
    [{ kind: "times-yardstick", atLeast: 2 }, 20, "reached"],
    [{ kind: "times-yardstick", atLeast: 2 }, 19, "missed"],
    [{ kind: "over-yardstick-at-most", value: 1 }, 11, "reached"],
    [{ kind: "over-yardstick-at-most", value: 1 }, 11.1, "missed"],
    [{ kind: "worker-at-most", value: 200 }, 200, "reached"],
    [{ kind: "worker-at-most", value: 200 }, 201, "missed"],
  ])("%j with %d against 10 is %s", (goal, worker, outcome) => {
    expect(verdictOf({ worker: cell(worker), yardstick: cell(10) }, goal).outcome).toBe(outcome);
  });

  test("needs no ratio: no failed attempt is as good as none of the yardstick", () => {
    const goal: Goal = { kind: "times-yardstick", atMost: 1.1 };
    expect(verdictOf({ worker: cell(0), yardstick: cell(0) }, goal).outcome).toBe("reached");
    expect(verdictOf({ worker: cell(1), yardstick: cell(0) }, goal).outcome).toBe("missed");
  });

  test("is open when the yardstick was left out, and missed when it broke", () => {
    const goal: Goal = { kind: "times-yardstick", atMost: 2 };
    expect(verdictOf({ worker: cell(1) }, goal).outcome).toBe("open");
    const broken = { worker: cell(1), yardstick: { kind: "failed", why: "it died" } } as const;
    expect(verdictOf(broken, goal, { reference: "bare Redis" })).toMatchObject({
      outcome: "missed",
      why: "bare Redis failed: it died",
    });
  });
});

describe("a worker without a number", () => {
  const goals: readonly Goal[] = [
    TEN_TIMES,
    { kind: "best-of-all" },
    { kind: "times-yardstick", atMost: 2 },
    { kind: "worker-at-most", value: 200 },
    { kind: "over-yardstick-at-most", value: 1 },
  ];
  for (const goal of goals) {
    test(`misses ${goal.kind} when it failed, and leaves it open when it was not run`, () => {
      const others = { yardstick: cell(1), ws: cell(1) };
      const failed = { ...others, worker: { kind: "failed", why: "lost one" } } as const;
      expect(verdictOf(failed, goal)).toMatchObject({
        outcome: "missed",
        why: "the worker failed: lost one",
      });
      expect(verdictOf(others, goal).outcome).toBe("open");
    });
  }
});

describe("a whole result", () => {
  test("is tallied", () => {
    expect(tally(MADE_UP_RESULT)).toEqual({ reached: 5, missed: 2, open: 0, broken: 1 });
    expect(allReached(MADE_UP_RESULT)).toBe(false);
  });

  test("has reached all when nothing was missed and nothing broke", () => {
    const [, cluster] = MADE_UP_RESULT.scenarios;
    if (cluster === undefined) throw new Error("the made-up result has two scenarios");
    expect(allReached({ ...MADE_UP_RESULT, scenarios: [cluster] })).toBe(true);
    const broken = { ...cluster, error: "it broke" };
    expect(allReached({ ...MADE_UP_RESULT, scenarios: [broken] })).toBe(false);
  });
});
