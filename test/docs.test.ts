import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { CHECKS } from "../src/cli/doctor/checks.ts";
import { API_ERRORS, UPGRADE_ERRORS } from "../src/protocol/api-errors.ts";
import { CLOSE } from "../src/protocol/close-codes.ts";
import { ENVELOPE_FAULTS, ENVELOPE_USES } from "../src/protocol/envelope.ts";
import { SOCKET_ERRORS } from "../src/protocol/frames.ts";
import { TOKEN_RESULTS } from "../src/protocol/token.ts";
import { metricFamilies } from "./support/metrics.ts";

const ROOT = join(import.meta.dir, "..");
const metricsGuide = await Bun.file(join(ROOT, "docs/metrics.md")).text();
const alertRules = await Bun.file(join(ROOT, "deploy/prometheus-alerts.yml")).text();
const protocol = await Bun.file(join(ROOT, "docs/protocol.md")).text();

describe("docs/protocol.md", () => {
  for (const { status, text } of [...Object.values(API_ERRORS), ...Object.values(UPGRADE_ERRORS)]) {
    test(`lists ${status} ${text}`, () => {
      expect(protocol).toContain(`| ${status} | \`${text}\` |`);
    });
  }

  for (const { code, reason } of Object.values(CLOSE)) {
    test(`lists close code ${code} ${reason}`, () => {
      expect(protocol).toContain(`| ${code} | \`${reason}\` |`);
    });
  }

  for (const code of Object.keys(SOCKET_ERRORS)) {
    test(`lists the error ${code}`, () => {
      expect(protocol).toContain(`| \`${code}\` |`);
    });
  }
});

describe("docs/metrics.md", () => {
  const rows = metricsGuide
    .split("\n")
    .filter((line) => /^\| `(?:wavelog_worker|process)_/.test(line));

  for (const { name, type, labels } of metricFamilies()) {
    test(`says what ${name} is`, () => {
      const list = labels.map((label) => `\`${label}\``).join(", ");
      const head = `| \`${name}\` | ${type} | ${list === "" ? "none" : list} | `;
      expect(rows.filter((row) => row.startsWith(head))).toHaveLength(1);
    });
  }

  test("names no metric that does not exist", () => {
    expect(rows).toHaveLength(metricFamilies().length);
  });

  test("names every value of a label that is not explained elsewhere", () => {
    const values = [...TOKEN_RESULTS, ...ENVELOPE_USES, ...ENVELOPE_FAULTS];
    expect(values.filter((value) => !metricsGuide.includes(`\`${value}\``))).toEqual([]);
  });

  test("says what to do about every alert, and about no other", () => {
    const alerts = [...alertRules.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = ""]) => name);
    const told = [...metricsGuide.matchAll(/^\| `(WavelogWorker\w+)` \|/gm)].map(
      ([, name = ""]) => name,
    );
    expect(alerts.length).toBeGreaterThan(10);
    expect(told).toEqual(alerts);
  });
});

describe("docs/operations.md, from symptom to cure", async () => {
  const guide = await Bun.file(join(ROOT, "docs/operations.md")).text();
  const [, section = ""] = guide.split(/^## /m);
  const rows = section.split("\n").filter((line) => line.startsWith("| "));
  const ids = Object.keys(CHECKS);
  /** What the doctor calls it: the third of four columns. */
  const symptoms = rows
    .map((row) => row.split(" | "))
    .filter((cells) => cells.length === 4)
    .slice(1);

  test("lists every check of the doctor with its question, and no other", () => {
    const questions = rows.filter((row) => /^\| `\w+` \| [^|]+\? \|$/.test(row));
    expect(questions).toEqual(
      Object.entries(CHECKS).map(([id, question]) => `| \`${id}\` | ${question} |`),
    );
  });

  test("leads from each symptom to checks that exist", () => {
    expect(symptoms.length).toBeGreaterThan(10);
    for (const [symptom = "", , checks = "", cure = ""] of symptoms) {
      const named = [...checks.matchAll(/`(\w+)`/g)].map(([, id = ""]) => id);
      expect({ symptom, unknown: named.filter((id) => !ids.includes(id)) }).toEqual({
        symptom,
        unknown: [],
      });
      expect(named.length).toBeGreaterThan(0);
      expect(cure.replace(/ \|$/, "")).not.toBe("");
    }
  });

  test("has a symptom for every check", () => {
    const named = symptoms.map((cells) => cells[2] ?? "").join();
    expect(ids.filter((id) => !named.includes(`\`${id}\``))).toEqual([]);
  });
});

describe("every Markdown file", () => {
  const files = [...new Glob("**/*.md").scanSync(ROOT)].filter(
    (file) => !file.includes("node_modules"),
  );
  for (const file of files) {
    test(`${file} links to files that exist`, async () => {
      const text = await Bun.file(join(ROOT, file)).text();
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(
        ([, to = ""]) => to,
      );
      const broken = links.filter((to) => !existsSync(join(ROOT, dirname(file), to)));
      expect(broken).toEqual([]);
    });
  }

  test("is found by this test at all", () => {
    expect(files).toContain("README.md");
    expect(files).toContain("docs/protocol.md");
  });
});
