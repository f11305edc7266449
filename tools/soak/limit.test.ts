import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../test/support/program.ts";
import { firstProcessor, MemoryLimit, PI_MEMORY_BYTES, threadCount } from "./limit.ts";

test("a command runs as it is, within the limit that this machine allows", async () => {
  let directory: string | undefined;
  {
    await using limit = MemoryLimit.make();
    const ran = await run(
      limit.command(["sh", "-c", "cat /proc/self/cgroup; echo $1", "sh", "a b"]),
    );
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(ran.stdout.split("\n").at(-1)).toBe("a b");
    const command = limit.command(["true"]);
    if (command.length === 1) {
      expect(limit.how).toContain("measured against 256 MiB");
      expect(limit.peak()).toBeUndefined();
      return;
    }
    directory = command.find((word) => word.startsWith("/sys/fs/cgroup/"));
    if (directory === undefined) {
      throw new Error("the command names no control group");
    }
    expect(ran.stdout).toContain(directory.slice(directory.lastIndexOf("/")));
    const file = ["memory.max", "memory.limit_in_bytes"]
      .map((name) => join(directory ?? "", name))
      .find((path) => existsSync(path));
    expect(Number(readFileSync(file ?? "", "utf8"))).toBe(PI_MEMORY_BYTES);
    expect(limit.peak()).toBeGreaterThan(0);
  }
  expect(existsSync(directory)).toBe(false);
});

test("a processor is named that this process may run on", async () => {
  const { status, stderr } = await run(["taskset", "-c", firstProcessor(), "true"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

test("a process has at least one thread", () => {
  expect(threadCount(process.pid)).toBeGreaterThan(0);
});
