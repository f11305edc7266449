import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Incident, readIncident } from "./incident.ts";
import { MAX_REPORT_LENGTH, type NodeReport, readNodeReport } from "./node-report.ts";

const INCIDENT: Incident = {
  kind: "redis",
  node: "b3f1000000000000",
  level: "error",
  text: "lost Redis for 12 s",
  advice: "",
  since: "2026-01-31T18:00:00.000Z",
  until: null,
};

const PLAIN: NodeReport = {
  node: "b3f1000000000000",
  host: "push1",
  version: "1.0.0",
  started: "2026-01-31T17:00:00.000Z",
  topics: 1,
  sockets: 2,
  clients: 3,
  probe_ms: null,
};

const FULL: NodeReport = {
  ...PLAIN,
  state: "degraded",
  active_topics: 1,
  publishes_per_s: 0.4,
  deliveries_per_s: 12,
  lag_ms: 0.42,
  outbox: { events: 7, dropped: 0 },
  last_publish: "2026-01-31T17:59:59.000Z",
  disconnects: { client: 4, lost: 0 },
  refusals: { auth: 1 },
  incidents: [INCIDENT],
  watchers: [["contest_session.42", 96]],
};

function read(report: object): NodeReport | undefined {
  return readNodeReport(JSON.stringify(report));
}

test("a report is read as it was written, with all or none of the details", () => {
  expect(read(FULL)).toEqual(FULL);
  expect(read(PLAIN)).toEqual(PLAIN);
  expect(read({ ...FULL, last_publish: null })?.last_publish).toBeNull();
});

test("what is not known is left out", () => {
  expect(read({ ...FULL, secret: "x", later: [1] })).toEqual(FULL);
  const watchers = [["a", 1, "more"]];
  expect(read({ ...FULL, watchers, outbox: { events: 7, dropped: 0, more: 1 } })).toEqual({
    ...FULL,
    watchers: [["a", 1]],
  });
});

test.each([
  ["state", "asleep"],
  ["state", 7],
  ["active_topics", -1],
  ["active_topics", "1"],
  ["publishes_per_s", null],
  ["publishes_per_s", -0.1],
  ["deliveries_per_s", "fast"],
  ["lag_ms", {}],
  ["outbox", { events: 1 }],
  ["outbox", [1, 2]],
  ["last_publish", 7],
  ["last_publish", "x".repeat(65)],
  ["disconnects", [1]],
  ["refusals", "none"],
  ["incidents", {}],
  ["watchers", "many"],
] as const)("a detail that is none is left out, and the report is one: %s %j", (name, value) => {
  const { [name]: _, ...rest } = FULL;
  expect(read({ ...FULL, [name]: value })).toEqual(rest);
});

test("of tables and lists what is right is read, as far as there is room", () => {
  const many = Array.from({ length: 1000 }, (_, index) => index);
  const report = read({
    ...PLAIN,
    disconnects: {
      ...Object.fromEntries(many.map((index) => [`reason ${index}`, index])),
      bad: "x",
    },
    refusals: { good: 1, bad: -1, ["x".repeat(65)]: 1 },
    incidents: many.map((index) => (index === 1 ? "x" : { ...INCIDENT, node: `${index}` })),
    watchers: many.map((index) => (index === 1 ? ["x"] : [`topic ${index}`, index])),
  });
  expect(Object.keys(report?.disconnects ?? {}).length).toBe(64);
  expect(report?.refusals).toEqual({ good: 1 });
  expect(report?.incidents?.map(({ node }) => node)).toEqual(["0", "2", "3", "4", "5", "6", "7"]);
  expect(report?.watchers?.length).toBe(199);
});

test("one that is too long is not read, however right", () => {
  const text = JSON.stringify(PLAIN);
  expect(readNodeReport(text.padEnd(MAX_REPORT_LENGTH))).toEqual(PLAIN);
  expect(readNodeReport(text.padEnd(MAX_REPORT_LENGTH + 1))).toBeUndefined();
});

test("anything else is none, whatever it is", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      expect(readNodeReport(text)).toBeUndefined();
    }),
  );
});

describe("an incident", () => {
  test("is read as it was written", () => {
    const over = { ...INCIDENT, until: "2026-01-31T18:00:12.000Z" };
    expect([readIncident(INCIDENT), readIncident({ ...over, more: 1 })]).toEqual([INCIDENT, over]);
  });

  const STRANGE: readonly unknown[] = [
    null,
    7,
    "x",
    [],
    {},
    { ...INCIDENT, kind: 7 },
    { ...INCIDENT, kind: "x".repeat(65) },
    { ...INCIDENT, node: null },
    { ...INCIDENT, level: "fatal" },
    { ...INCIDENT, text: "x".repeat(601) },
    { ...INCIDENT, advice: undefined },
    { ...INCIDENT, since: "yesterday" },
    { ...INCIDENT, since: 1 },
    { ...INCIDENT, until: "2026-01-31" },
    { ...INCIDENT, until: undefined },
  ];
  for (const value of STRANGE) {
    test(`is none: ${JSON.stringify(value)}`, () => {
      expect(readIncident(value)).toBeUndefined();
    });
  }
});
