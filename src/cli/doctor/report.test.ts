import { expect, test } from "bun:test";
import { paintFor } from "../paint.ts";
import { type Finding, ok, problem, skipped, warning } from "./finding.ts";
import { findingLines, jsonReport, summaryLine } from "./report.ts";

const plain = paintFor(false, {});

const FINDINGS: readonly Finding[] = [
  ok("internal", "answers"),
  warning("clock", "is off", "set it"),
  problem("upgrade", "was lost", "in nginx:", "  location /worker/ {", "  }"),
  skipped("token", "there is no WebSocket"),
];

test("a finding is a line, and what to do stands below it", () => {
  expect(FINDINGS.flatMap((finding) => findingLines(finding, plain))).toEqual([
    "ok       internal  answers",
    "warning  clock     is off",
    "                   → set it",
    "PROBLEM  upgrade   was lost",
    "                   → in nginx:",
    "                       location /worker/ {",
    "                       }",
    "-        token     not checked: there is no WebSocket",
  ]);
});

test("colours are for terminals, unless somebody wants none", () => {
  const [finding = ok("name", "")] = FINDINGS;
  expect(findingLines(finding, paintFor(true, {}))[0]).toStartWith("\u001b[32mok     \u001b[0m");
  expect(findingLines(finding, paintFor(true, { NO_COLOR: "1" }))[0]).toStartWith("ok ");
});

test("the summary counts", () => {
  expect(summaryLine(FINDINGS)).toBe("1 problem, 1 warning, 1 in order, 1 not checked");
  expect(summaryLine([ok("name", "")])).toBe("no problem, 1 in order");
});

test("the JSON has stable keys", () => {
  expect(JSON.parse(jsonReport("ws://a/ws", "http://b:1", FINDINGS.slice(2)))).toEqual({
    url: "ws://a/ws",
    internal: "http://b:1",
    problems: 1,
    warnings: 0,
    checks: [
      {
        id: "upgrade",
        verdict: "problem",
        text: "was lost",
        fix: ["in nginx:", "  location /worker/ {", "  }"],
      },
      { id: "token", verdict: "skipped", text: "there is no WebSocket", fix: [] },
    ],
  });
});
