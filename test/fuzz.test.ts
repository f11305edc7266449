/** `make fuzz` in short: the same targets with fewer cases, and whether it would notice anything. */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { runCampaign } from "../tools/fuzz/campaign.ts";
import { must } from "../tools/fuzz/check.ts";
import type { Outcome } from "../tools/fuzz/finding.ts";
import { readOptions, TARGET_NAMES, UsageError } from "../tools/fuzz/options.ts";
import { PureProcess } from "../tools/fuzz/pure/process.ts";
import { type PureSpec, pureTarget } from "../tools/fuzz/pure/target.ts";
import { PURE_TARGETS } from "../tools/fuzz/pure/targets.ts";
import { report } from "../tools/fuzz/table.ts";
import { readClient, readServer } from "../tools/fuzz/wire/rfc-reader.ts";
import { openSingle } from "../tools/fuzz/wire/single.ts";
import { wireTarget } from "../tools/fuzz/wire/target.ts";
import { EXECUTABLE_RUN, SOURCE_RUN } from "./support/targets.ts";
import { encodeFrame, OPCODE } from "./support/ws-client.ts";

setDefaultTimeout(120_000);

const CASES = 20_000;
const SEED = 6455;

const signal = new AbortController().signal;

describe("nothing is found", () => {
  let outcomes: readonly Outcome[] = [];

  beforeAll(async () => {
    const options = readOptions({ CASES: String(CASES) }, SEED);
    outcomes = await runCampaign({ ...options, signal });
  }, 120_000);

  for (const name of TARGET_NAMES) {
    test(name, () => {
      const outcome = outcomes.find(({ target }) => target === name);
      expect(outcome?.findings).toEqual([]);
      expect(outcome?.cases).toBeGreaterThan(0);
    });
  }

  test(`in ${CASES} cases`, () => {
    expect(outcomes.reduce((sum, { cases }) => sum + cases, 0)).toBeGreaterThanOrEqual(CASES);
  });
});

describe("a target of functions", () => {
  const spec = (more: Partial<PureSpec<number>>): PureSpec<number> => ({
    name: "numbers",
    weight: 1,
    cases: fc.nat({ max: 1_000_000 }),
    check: () => undefined,
    size: () => 0,
    ...more,
  });
  const run = { seed: SEED, from: 0, count: 1000, onCase: () => undefined };

  test("tells which case fails, makes it smaller, and finds it again by its number", () => {
    const target = pureTarget(spec({ check: (value) => must(value < 900_000, `it is ${value}`) }));
    const { finding, cases } = target.run(run);
    expect(finding).toMatchObject({ kind: "crash", what: "Wrong: it is 900000", input: "900000" });
    expect(finding?.where).toBe(String(cases - 1));
    const again = target.run({ ...run, from: cases - 1, count: 1 });
    expect(again.finding).toEqual(finding);
  });

  test("tells which case is slow", () => {
    const slow = (value: number): void => {
      const start = process.cpuUsage();
      while (value > 900_000 && process.cpuUsage(start).user < 30_000) {
        // Busy, as a loop without end is.
      }
    };
    const target = pureTarget(spec({ check: slow, patienceMs: 20 }));
    const { finding } = target.run(run);
    expect(finding?.kind).toBe("hang");
    const again = target.run({ ...run, from: Number(finding?.where), count: 1 });
    expect(again.finding?.kind).toBe("hang");
  });

  test("tries the same cases for the same seed, from wherever it begins", () => {
    const tried = (seed: number, from: number): readonly number[] => {
      const values: number[] = [];
      const target = pureTarget(spec({ check: (value) => values.push(value) }));
      target.run({ ...run, seed, from, count: 100 - from });
      return values;
    };
    expect(tried(1, 0)).toEqual(tried(1, 0));
    expect(tried(1, 60)).toEqual(tried(1, 0).slice(60));
    expect(tried(2, 0)).not.toEqual(tried(1, 0));
  });

  test.each(PURE_TARGETS.map((target) => [target.name, target] as const))(
    "%s makes the same cases for the same seed",
    (_name, target) => {
      const shown = (seed: number): readonly string[] =>
        [0, 1, 50, 999].map((index) => target.show(seed, index));
      expect(shown(1)).toEqual(shown(1));
      expect(shown(2)).not.toEqual(shown(1));
    },
  );

  test("whose process dies is told, and the next one has another", async () => {
    const folder = mkdtempSync(join(tmpdir(), "wavelog-fuzz-test-"));
    try {
      using child = new PureProcess(join(folder, "progress"));
      // The child knows no target of this name, and throws.
      const unknown = pureTarget(spec({ name: "nobody's" }));
      const { findings } = await child.run({ ...run, target: unknown, from: 7 });
      expect(findings).toMatchObject([{ target: "nobody's", kind: "crash", where: "7" }]);
      expect(findings[0]?.what).toContain("there is no target");
      const [first] = PURE_TARGETS;
      if (first === undefined) {
        throw new Error("there are no targets");
      }
      const next = await child.run({ ...run, target: first, count: 10 });
      expect(next).toMatchObject({ cases: 10, findings: [] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a target over the wire", () => {
  const cases = fc.noShrink(fc.nat({ max: 50 }));
  const run = { seed: SEED, from: 0, count: 60, program: SOURCE_RUN, signal };

  test("tells which case gets a wrong answer", async () => {
    const target = wireTarget({
      name: "wrong",
      weight: 1,
      cases,
      open: async (program) => {
        const { arena } = await openSingle(program);
        return { arena, attempt: async (value) => must(value !== 13, "it is 13") };
      },
    });
    const { findings } = await target.run({ ...run, count: 400 });
    expect(findings).toMatchObject([{ kind: "crash", what: "it is 13", input: "13" }]);
    const from = Number(findings[0]?.where);
    const again = await target.run({ ...run, from, count: 1 });
    expect(again.findings).toEqual(findings);
  });

  test("tells that the worker has ended, and by which case", async () => {
    const target = wireTarget({
      name: "deadly",
      weight: 1,
      cases,
      open: async (program) => {
        const { arena, worker } = await openSingle(program);
        const attempt = async (value: number) => {
          if (value === 13) {
            await worker.kill();
          }
        };
        return { arena, attempt };
      },
    });
    const { findings } = await target.run({ ...run, count: 400 });
    expect(findings).toMatchObject([{ kind: "crash", input: "13" }]);
    expect(findings[0]?.what).toStartWith("the worker has ended");
  });
});

describe("the second reader of frames", () => {
  const refuse = () => ({ text: "no", isIn: false });
  const letIn = () => ({ text: "yes", isIn: true });
  const hello = { opcode: OPCODE.text, payload: "hello" };

  test("knows what is to be answered", () => {
    const ping = encodeFrame({ opcode: OPCODE.ping, payload: "p" });
    const [first, second] = [
      encodeFrame({ ...hello, fin: false }),
      encodeFrame({ opcode: OPCODE.continuation, payload: "" }),
    ];
    expect(readClient(Buffer.concat([first, ping, second, ping]), letIn)).toEqual({
      answers: [
        { kind: "pong", payload: "p" },
        { kind: "text", text: "yes" },
        { kind: "pong", payload: "p" },
      ],
      close: undefined,
      isMidFrame: false,
    });
    expect(readClient(ping.subarray(0, -1), letIn)).toMatchObject({ isMidFrame: true });
  });

  test.each<[what: string, bytes: Buffer, codes: readonly number[]]>([
    ["no auth", encodeFrame(hello), [1008]],
    ["a reserved bit", encodeFrame({ ...hello, rsv: 1 }), [1002]],
    ["no mask", encodeFrame({ ...hello, mask: false }), [1002]],
    ["no UTF-8", encodeFrame({ ...hello, payload: Buffer.from([0xff]) }), [1007]],
    ["too long", encodeFrame({ ...hello, payload: "x".repeat(4097) }), [1009]],
    ["a close", encodeFrame({ opcode: OPCODE.close, payload: "\u0003\u00e9" }), [1002, 1007]],
    ["an empty close", encodeFrame({ opcode: OPCODE.close }), [1005]],
  ])("knows the code for %s", (_what, bytes, codes) => {
    expect(readClient(bytes, refuse).close?.codes).toEqual(codes);
  });

  test("takes nothing from a server that no server may send", () => {
    const pong = encodeFrame({ opcode: OPCODE.pong, payload: "p", mask: false });
    const close = encodeFrame({ opcode: OPCODE.close, mask: false });
    expect(readServer(Buffer.concat([pong, close]))).toEqual({
      answers: [{ kind: "pong", payload: "p" }],
      code: 1005,
    });
    for (const bad of [
      Buffer.concat([close, pong]),
      encodeFrame({ opcode: OPCODE.pong }),
      encodeFrame({ ...hello, mask: false, fin: false }),
      pong.subarray(0, -1),
    ]) {
      expect(() => readServer(bad)).toThrow();
    }
  });
});

describe("what is asked for", () => {
  test("is everything, with a new seed, unless somebody says otherwise", () => {
    const options = readOptions({}, 5);
    expect(options).toMatchObject({ seed: 5, program: SOURCE_RUN });
    expect(options.target).toBeUndefined();
    expect(options.only).toBeUndefined();
    expect(options.cases).toBeGreaterThanOrEqual(1_000_000);
  });

  test("may be some cases of one target", () => {
    const env = { SEED: "1", TARGET: "frames", CASE: "7-9", PROGRAM: "executable", CASES: "" };
    expect(readOptions(env, 5)).toMatchObject({
      seed: 1,
      target: "frames",
      only: { from: 7, count: 3 },
      program: EXECUTABLE_RUN,
    });
    expect(readOptions({ ...env, CASE: "0" }, 5).only).toEqual({ from: 0, count: 1 });
  });

  const SENSELESS: readonly Readonly<Record<string, string>>[] = [
    { SEED: "x" },
    { SEED: "-1" },
    { SEED: "2147483648" },
    { CASES: "0" },
    { CASES: "1e6" },
    { TARGET: "nothing" },
    { PROGRAM: "other" },
    { CASE: "1" },
    { CASE: "1", TARGET: "frames" },
    { CASE: "2-1", TARGET: "frames", SEED: "1" },
    { CASE: "x", TARGET: "frames", SEED: "1" },
  ];
  for (const env of SENSELESS) {
    test(`is refused when it makes no sense: ${JSON.stringify(env)}`, () => {
      expect(() => readOptions(env, 5)).toThrow(UsageError);
    });
  }
});

test("the table counts, and says how to see a finding again", () => {
  const outcome = { cases: 1000, seconds: 1.26, slowest: { ms: 2.34, index: 1234 } };
  const finding = { target: "frames", where: "7", what: "it is 13", input: "13" };
  const text = report(
    [
      { ...outcome, target: "tokens", findings: [] },
      {
        ...outcome,
        target: "frames",
        findings: [
          { ...finding, kind: "crash" },
          { ...finding, kind: "hang" },
        ],
      },
    ],
    42,
    (_tone, plain) => plain,
  );
  expect(text.split("\n").slice(0, 4)).toEqual([
    "target  cases  crashes  hangs  seconds    slowest case",
    "tokens  1,000        0      0      1.3  2.3 ms (1,234)",
    "frames  1,000        1      1      1.3  2.3 ms (1,234)",
    "all     2,000        1      1                         ",
  ]);
  expect(text).toContain("frames: a hang in case 7");
  expect(text).toContain("make fuzz SEED=42 TARGET=frames CASE=7");
});
