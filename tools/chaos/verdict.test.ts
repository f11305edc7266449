import { expect, test } from "bun:test";
import { makePaint } from "../cluster/screen.ts";
import type { Published } from "./ledger.ts";
import type { Usage } from "./resources.ts";
import { tableText } from "./table.ts";
import { judge, quantile, type Seen } from "./verdict.ts";

const MIB = 2 ** 20;

function usage(more: Partial<Usage> = {}): Usage {
  return { name: "worker 1", pid: 1, bytes: 80 * MIB, files: 120, sockets: 100, ...more };
}

function event(more: Partial<Published> = {}): Published {
  return {
    ...{ publisher: 0, number: 1, topic: "a", began: 1000, answered: 1010, statuses: [200] },
    ...{ error: "", ...more },
  };
}

/** A run in which all went well. */
const GOOD: Seen = {
  start: 0,
  audit: { lost: [], doubled: [], disordered: 0, deliveries: 10, due: 10 },
  published: [event()],
  singlePublisher: 2,
  aways: [{ from: 5000, to: 6000 }],
  browsers: 600,
  givenUp: [],
  absences: [1000],
  ends: [],
  load: "1.0 on 2 processors",
  before: [usage()],
  after: [usage()],
};

function broken(seen: Partial<Seen>): readonly string[] {
  return judge({ ...GOOD, ...seen })
    .filter(({ isBroken }) => isBroken)
    .map(({ what }) => what);
}

test("a run in which all went well breaks no rule", () => {
  expect(broken({})).toEqual([]);
});

const connection = { browser: 1, topic: "a", from: 0, to: undefined, got: [] };

test.each<[string, Partial<Seen>]>([
  ["browsers that gave up", { givenUp: ['error "unauthorized"'] }],
  ["publishes not answered 200", { published: [event({ statuses: [503] })] }],
  ["publishes not answered 200", { published: [event({ statuses: [404, 200, 404] })] }],
  ["topics forgotten (PHP was told 404)", { published: [event({ statuses: [404, 200, 200] })] }],
  [
    "events lost by connected browsers",
    { audit: { ...GOOD.audit, lost: [{ event: event(), connection }] } },
  ],
  [
    "delivered twice",
    { audit: { ...GOOD.audit, doubled: [{ browser: 1, publisher: 0, number: 1 }] } },
  ],
  ["absence of a browser, p99", { absences: [...Array<number>(98).fill(1000), 2600, 2600] }],
  ["workers that ended by themselves", { ends: ["worker 1: status 1"] }],
  ["open files beside sockets, before → after", { after: [usage({ files: 127 })] }],
  ["memory, before → after", { after: [usage({ bytes: 129 * MIB })] }],
  ["memory, before → after", { before: [], after: [] }],
])("%s", (what, seen) => {
  expect(broken(seen)).toContain(what);
});

test.each<[string, Partial<Seen>]>([
  ["publishes not answered 200", { published: [] }],
  ["events lost by connected browsers", { audit: { ...GOOD.audit, due: 0 } }],
  ["delivered twice", { audit: { ...GOOD.audit, deliveries: 0 } }],
  ["absence of a browser, p99", { absences: [] }],
])("%s: nothing to judge by is no good run", (what, seen) => {
  expect(broken(seen)).toContain(what);
});

test("more files because of more sockets are no growth", () => {
  expect(broken({ after: [usage({ files: 220, sockets: 200 })] })).toEqual([]);
});

test("one absence of a hundred may be longer", () => {
  expect(broken({ absences: [...Array<number>(99).fill(1000), 4000] })).toEqual([]);
});

test("the single worker's PHP may be refused while that is away, and at no other time", () => {
  const refused = { statuses: [0], publisher: 2, began: 5500, answered: 5501 };
  expect(broken({ published: [event(), event(refused)] })).toEqual([]);
  expect(broken({ published: [event(), event({ ...refused, publisher: 1 })] })).toHaveLength(1);
  expect(
    broken({ published: [event(), event({ ...refused, began: 4000, answered: 4001 })] }),
  ).toHaveLength(1);
  expect(
    broken({ published: [event(), event({ ...refused, began: 7000, answered: 7001 })] }),
  ).toHaveLength(1);
});

test("a quantile is the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(quantile(hundred, 0.99)).toBe(99);
  expect(quantile(hundred, 1)).toBe(100);
  expect(quantile([5], 0.99)).toBe(5);
  expect(quantile([], 0.99)).toBe(0);
});

test("the table says which rule is broken, and why", () => {
  const rows = judge({ ...GOOD, givenUp: ["browser 7 (a): closed 1006"] });
  const lines = tableText(rows, makePaint(false, undefined)).split("\n");
  expect(lines[1]).toMatch(/^ {2}browsers that gave up +1 of 600 +0 +BROKEN$/);
  expect(lines[2]).toBe("      browser 7 (a): closed 1006");
  expect(lines.filter((line) => line.endsWith("held"))).toHaveLength(8);
});
