import { expect, test } from "bun:test";
import { ROOT } from "../tools/cluster/places.ts";
import { Program } from "./support/program.ts";

/** Longest time for the short form, in milliseconds: some 40 s on an idle machine. */
const RUN_DEADLINE_MS = 150_000;

const TIMEOUT_MS = 180_000;

test(
  "make chaos, short: every rule holds while workers, Redis and strangers do their worst",
  async () => {
    const command = [process.execPath, "tools/chaos/main.ts", "--short", "--seed", "1"];
    await using chaos = new Program(command, { cwd: ROOT });
    const status = await chaos.exit(RUN_DEADLINE_MS);
    // The whole output, so that a failure tells what happened.
    expect(status === 0 ? "" : `${chaos.stdout.text}\n${chaos.stderr.text}`).toBe("");
    expect(chaos.stderr.text).toBe("");
    expect(chaos.stdout.text).toContain("every rule held");
    expect(chaos.stdout.all.at(-1)).toBe("nothing is left running");
  },
  TIMEOUT_MS,
);

test(
  "make chaos: can be broken off, and leaves nothing behind",
  async () => {
    const command = [process.execPath, "tools/chaos/main.ts", "--short", "--seed", "1"];
    await using chaos = new Program(command, { cwd: ROOT });
    await chaos.stdout.until((lines) => lines.find((line) => line.includes("A is worker")), "A");
    chaos.signal("SIGINT");
    expect(await chaos.exit()).toBe(130);
    expect(chaos.stderr.text).toBe("");
    expect(chaos.stdout.all.at(-1)).toBe("interrupted; nothing is left running");
  },
  TIMEOUT_MS,
);
