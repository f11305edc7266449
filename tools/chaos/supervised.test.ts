import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { eventually } from "../../test/support/changes.ts";
import { TempDir } from "../../test/support/temp-dir.ts";
import { Supervised } from "./supervised.ts";

/** Says which one it is, and runs on. */
const RUNNING = ["sh", "-c", 'echo "started $$"; exec sleep 1000'];

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("what ends is started again, and the ends that nobody meant are known", async () => {
  using dir = new TempDir();
  const log = dir.file("log");
  const starts = (): number => readFileSync(log, "utf8").match(/started/g)?.length ?? 0;
  let last = 0;
  {
    await using program = new Supervised({ name: "a program", command: RUNNING, log });
    await eventually(() => starts() === 1, "its start");
    const first = program.pid;
    await program.end("SIGTERM");
    expect(isRunning(first)).toBe(false);
    await eventually(() => starts() === 2, "its second start");
    expect(program.pid).not.toBe(first);

    process.kill(program.pid, "SIGKILL");
    await eventually(() => starts() === 3, "its third start");
    expect(program.ends).toEqual([
      { how: "SIGTERM", isMeant: true },
      { how: "SIGKILL", isMeant: false },
    ]);
    last = program.pid;
  }
  expect(isRunning(last)).toBe(false);
  expect(starts()).toBe(3);
});
