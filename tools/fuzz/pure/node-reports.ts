import fc from "fast-check";
import {
  MAX_REPORT_LENGTH,
  type NodeReport,
  readNodeReport,
} from "../../../src/protocol/node-report.ts";
import { must, mustEqual } from "../check.ts";
import { almost, tokenSoup, valueText } from "../generate/json.ts";
import { mutated, spliced } from "../generate/mutation.ts";
import { repeatedText, seldom, wildText } from "../generate/text.ts";
import { pureTarget } from "./target.ts";

interface Case {
  readonly text: string;
  /** What must be read from it; absent when it is unknown. */
  readonly meant?: NodeReport;
}

const time = fc
  .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
  .map((date) => date.toISOString());
const name = fc.string({ unit: "binary", maxLength: 60 });
const figure = fc.double({ min: 0, max: 1e9, noNaN: true }).map(Math.abs);
const counts = fc.dictionary(name, fc.nat(), { maxKeys: 20 });

const incident = fc.record({
  kind: name,
  node: name,
  level: fc.constantFrom("info" as const, "warning" as const, "error" as const),
  text: fc.string({ unit: "binary", maxLength: 600 }),
  advice: fc.string({ unit: "binary", maxLength: 600 }),
  since: time,
  until: fc.option(time),
});

const report: fc.Arbitrary<NodeReport> = fc.record(
  {
    node: name,
    host: fc.string({ unit: "binary", maxLength: 255 }),
    version: name,
    started: time,
    topics: fc.nat(),
    sockets: fc.nat(),
    clients: fc.nat(),
    probe_ms: fc.option(figure),
    state: fc.constantFrom(...(["ready", "degraded", "not_ready", "draining"] as const)),
    active_topics: fc.nat(),
    publishes_per_s: figure,
    deliveries_per_s: figure,
    lag_ms: figure,
    outbox: fc.record({ events: fc.nat(), dropped: fc.nat() }),
    last_publish: fc.option(time),
    disconnects: counts,
    refusals: counts,
    incidents: fc.array(incident, { maxLength: 8 }),
    watchers: fc.array(fc.tuple(fc.string({ unit: "binary", maxLength: 100 }), fc.nat()), {
      maxLength: 20,
    }),
  },
  {
    requiredKeys: [
      "node",
      "host",
      "version",
      "started",
      "topics",
      "sockets",
      "clients",
      "probe_ms",
    ],
  },
);

const PLAIN = {
  node: '"a"',
  host: '"b"',
  version: '"1.0.0"',
  started: '"2026-01-31T18:00:00.000Z"',
  topics: "1",
  sockets: "2",
  clients: "2",
  probe_ms: "null",
};

const text = report.map((one) => JSON.stringify(one));

const cases: fc.Arbitrary<Case> = seldom(
  fc.oneof(
    { weight: 3, arbitrary: report.map((one) => ({ text: JSON.stringify(one), meant: one })) },
    {
      weight: 3,
      arbitrary: almost({ ...PLAIN, incidents: "[]", outbox: "{}" }, valueText).map((made) => ({
        text: made,
      })),
    },
    { weight: 3, arbitrary: mutated(text).map((damaged) => ({ text: damaged })) },
    { weight: 1, arbitrary: spliced(text).map((damaged) => ({ text: damaged })) },
    { weight: 1, arbitrary: tokenSoup.map((soup) => ({ text: soup })) },
    { weight: 1, arbitrary: wildText().map((wild) => ({ text: wild })) },
  ),
  20_000,
  repeatedText(fc.constantFrom("[", " ", "z"), MAX_REPORT_LENGTH + 2).map((all) => ({
    text: all,
  })),
);

function check({ text: written, meant }: Case): void {
  const read = readNodeReport(written);
  if (meant !== undefined) {
    mustEqual(JSON.parse(JSON.stringify(read)), JSON.parse(written), "a report of our own");
    return;
  }
  if (read !== undefined) {
    must(written.length <= MAX_REPORT_LENGTH, "a report that is too long");
    // Whatever was read can be written, and read again as the same.
    const again = JSON.stringify(read);
    mustEqual(JSON.stringify(readNodeReport(again)), again, "a report that was read");
    for (const one of read.incidents ?? []) {
      must(one.text.length <= 600 && one.advice.length <= 600, "an incident that is too long");
    }
  }
}

/** `readNodeReport`: what other nodes tell of themselves, which anybody in Redis may have written. */
export const nodeReports = pureTarget<Case>({
  name: "node-reports",
  weight: 2,
  cases,
  check,
  size: (input) => input.text.length,
});
