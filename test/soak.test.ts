import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { ROOT } from "../tools/cluster/places.ts";
import type { ModeResult } from "../tools/soak/mode.ts";
import { Program } from "./support/program.ts";
import { TempDir } from "./support/temp-dir.ts";

/** Longest time for a run, in milliseconds. */
const RUN_DEADLINE_MS = 60_000;

const TIMEOUT_MS = 90_000;

/** Ten seconds in all, for both runs. */
const MINUTES = "0.17";

test(
  "make soak, short: both runs sample, fit, and write a picture",
  async () => {
    using out = new TempDir();
    const command = [process.execPath, "tools/soak/main.ts"];
    await using soak = new Program([...command, "--minutes", MINUTES, "--out", out.path], {
      cwd: ROOT,
    });
    const status = await soak.exit(RUN_DEADLINE_MS);
    // Whether a worker that has just started grows is not what this is about.
    expect(status === 0 || status === 1).toBe(true);
    expect(soak.stderr.text).toBe("");

    const results = JSON.parse(readFileSync(out.file("soak.json"), "utf8")) as ModeResult[];
    expect(results.map(({ mode }) => mode)).toEqual(["plain", "pi"]);
    for (const { samples, findings, faults, sessions, pushes, published } of results) {
      expect(faults).toEqual([]);
      expect(samples.length).toBeGreaterThanOrEqual(5);
      for (const sample of samples) {
        expect(sample.memory).toBeGreaterThan(10);
        expect(sample.files).toBeGreaterThan(5);
        expect(sample.threads).toBeGreaterThan(1);
        expect(sample.status).toBeGreaterThan(0);
      }
      // Everybody who is there has a file open.
      expect(samples.at(-1)?.files ?? 0).toBeGreaterThan(200);
      expect(findings.every(({ fit }) => Number.isFinite(fit.perHour))).toBe(true);
      expect(sessions).toBeGreaterThan(10);
      expect(published).toBeGreaterThan(50);
      expect(pushes).toBeGreaterThan(published);
    }
    expect(readFileSync(out.file("soak.svg"), "utf8")).toStartWith("<svg ");
    expect(soak.stdout.text).toMatch(/pi: on processor \d+ alone; .*256 MiB/);
  },
  TIMEOUT_MS,
);

test(
  "make soak: can be broken off, and leaves nothing behind",
  async () => {
    await using soak = new Program([process.execPath, "tools/soak/main.ts", "--pi", "1"], {
      cwd: ROOT,
    });
    await soak.stdout.until((lines) => lines[0], "its first line");
    soak.signal("SIGINT");
    expect(await soak.exit()).toBe(130);
    expect(soak.stderr.text).toBe("");
  },
  TIMEOUT_MS,
);
