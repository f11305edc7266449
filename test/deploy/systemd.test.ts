import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { environmentName } from "../../src/config/environment.ts";
import { CONFIG_KEYS } from "../../src/config/schema.ts";
import { deployFile } from "../../tools/cluster/places.ts";
import { run } from "../support/program.ts";
import { TempDir } from "../support/temp-dir.ts";

const UNIT = readFileSync(deployFile("wavelog_worker.service"), "utf8");

/** Where the unit expects the program. */
const PROGRAM = "/usr/local/bin/wavelog_worker";

/** The value of a setting that occurs once. */
function setting(name: string): string {
  const values = [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value);
  expect(values).toHaveLength(1);
  return values[0] ?? "";
}

/** Seconds of a span that systemd takes: "100ms", "10". */
function seconds(span: string): number {
  const [, number = "", unit = ""] = /^(\d+)(ms|s|)$/.exec(span) ?? [];
  expect(number).not.toBe("");
  return Number(number) / (unit === "ms" ? 1000 : 1);
}

test("systemd finds nothing wrong with deploy/wavelog_worker.service", async () => {
  using dir = new TempDir();
  const path = dir.file("wavelog_worker.service");
  // It looks whether the programs are there; any will do for that.
  expect(UNIT).toContain(`ExecStart=${PROGRAM} `);
  writeFileSync(path, UNIT.replaceAll(/^(Exec\w+=)\/\S+/gm, `$1${process.execPath}`));
  const command = ["systemd-analyze", "verify", "--man=no", path];
  // What it does not understand it skips, with a message and the status 0.
  expect(await run(command)).toEqual({ status: 0, stdout: "", stderr: "" });
});

test("it starts a worker again before browsers give up, however often that is", () => {
  expect(setting("Restart")).toBe("always");
  expect(seconds(setting("RestartSec"))).toBeLessThanOrEqual(0.1);
  expect(setting("StartLimitIntervalSec")).toBe("0");
  expect(seconds(setting("TimeoutStopSec"))).toBeGreaterThanOrEqual(10);
});

test("it configures the worker with keys that exist, and keeps topics where they survive", () => {
  const [key, value] = setting("Environment").split("=");
  expect(CONFIG_KEYS.map(environmentName)).toContain(key ?? "");
  expect(key).toBe(environmentName("state_file"));
  // %S is where systemd makes the directory, for the worker's user alone.
  expect(value).toBe(`%S/${setting("StateDirectory")}/topics.state`);
});
