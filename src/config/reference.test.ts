import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "./load.ts";
import { staleFiles, WRITE_COMMAND } from "./reference.ts";
import { CONFIG_KEYS, settingDocs, settingsSchema } from "./schema.ts";

const PROJECT = join(import.meta.dir, "../..");
const SECRET = "0123456789abcdef".repeat(4);

function load(text: string) {
  return loadConfig({
    path: "config.yaml",
    explicit: true,
    env: {},
    readFile: () => Buffer.from(text),
  });
}

test(`the generated files are up to date (if not: ${WRITE_COMMAND})`, () => {
  expect(staleFiles(PROJECT)).toEqual([]);
});

test("a missing file is stale", () => {
  expect(staleFiles("/nonexistent")).toHaveLength(3);
});

describe("the sample", () => {
  const sample = readFileSync(join(PROJECT, "config.sample.yaml"), "utf8");

  test("asks for a secret as it is", () => {
    expect(load(sample)).toEqual({
      ok: false,
      message: expect.stringContaining("config.yaml: worker_secret: is too short"),
    });
  });

  test("says the defaults, and every key of them", () => {
    const filled = sample.replace('worker_secret: ""', `worker_secret: "${SECRET}"`);
    const uncommented = filled.replace(/^# (?=[a-z_]+: \S+$)/gm, "");
    for (const key of CONFIG_KEYS) {
      expect(uncommented).toMatch(new RegExp(`^${key}: `, "m"));
    }
    const [plain, spelled] = [load(filled), load(uncommented)];
    expect(plain.ok && plain.config).toEqual(spelled.ok && spelled.config);
  });
});

test.each(CONFIG_KEYS)("the example of %s is in order, or asks for a secret", (key) => {
  const { example } = settingDocs.get(settingsSchema.shape[key]) ?? { example: "" };
  const isSecret = key === "worker_secret" || key === "worker_secret_previous";
  const rest = key === "worker_secret" ? "" : `\nworker_secret: "${SECRET}"`;
  const result = load(example + rest);
  expect(result.ok).toBe(!isSecret);
});
