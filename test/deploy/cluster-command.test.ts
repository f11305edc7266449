import { expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../../tools/cluster/places.ts";
import { eventually } from "../support/changes.ts";
import { Program, run } from "../support/program.ts";

/** Longest time until everything runs, in milliseconds. */
const START_DEADLINE_MS = 40_000;

const TIMEOUT_MS = 90_000;

function startCluster(): Program {
  return new Program([process.execPath, "tools/cluster/main.ts"], { cwd: ROOT });
}

/** Waits until an event has come in on three nodes and through nginx. */
async function arrivals(cluster: Program, payload: string): Promise<readonly string[]> {
  return await cluster.stdout.until(
    (lines) => {
      const places = lines
        .filter((line) => line.endsWith(payload) && /^\d\d:/.test(line))
        .map((line) => line.split("  ")[1] ?? "");
      return places.length >= 4 ? places.toSorted() : undefined;
    },
    payload,
    START_DEADLINE_MS,
  );
}

/** What the program has printed about where things are. */
function facts(cluster: Program): { pids: number[]; configFile: string } {
  const { text } = cluster.stdout;
  return {
    pids: [...text.matchAll(/ pid (\d+)$/gm)].map(([, pid]) => Number(pid)),
    configFile: /--config (\S+)/.exec(text)?.[1] ?? "",
  };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const EVERYWHERE = ["nginx", "node 1", "node 2", "node 3"];

test(
  "make cluster: shows events on every node, and leaves nothing behind",
  async () => {
    await using cluster = startCluster();
    expect(await arrivals(cluster, '{"first":"from node 1"}')).toEqual(EVERYWHERE);
    const { pids, configFile } = facts(cluster);
    expect(pids).toHaveLength(5);

    // The example as it is printed, at another node.
    const config = join(dirname(configFile), "node-3.yaml");
    const published = await run(
      [
        ...[process.execPath, "src/main.ts", "publish", "--config", config],
        ...["--topic", "demo", "--payload", '{"hello":"world"}'],
      ],
      { cwd: ROOT },
    );
    expect(published).toMatchObject({ status: 0, stdout: 'published to "demo"' });
    expect(await arrivals(cluster, '{"hello":"world"}')).toEqual(EVERYWHERE);

    cluster.signal("SIGINT");
    expect(await cluster.exit()).toBe(0);
    expect(cluster.stderr.text).toBe("");
    expect(cluster.stdout.all.at(-1)).toBe("stopped; nothing is left running");
    // No terminal, no colours.
    expect(cluster.stdout.text).not.toContain("\u001b");
    expect(pids.filter(isRunning)).toEqual([]);
    expect(existsSync(dirname(configFile))).toBe(false);
  },
  TIMEOUT_MS,
);

test(
  "make cluster: what it started ends with it even when it is killed",
  async () => {
    await using cluster = startCluster();
    await arrivals(cluster, '{"first":"from node 1"}');
    const { pids, configFile } = facts(cluster);
    cluster.signal("SIGKILL");
    await eventually(() => !pids.some(isRunning), "everything to be gone", START_DEADLINE_MS);
    rmSync(dirname(configFile), { recursive: true });
  },
  TIMEOUT_MS,
);

test(
  "make cluster: can be broken off while it starts",
  async () => {
    await using cluster = startCluster();
    await cluster.stdout.until((lines) => lines[0], "its first line", START_DEADLINE_MS);
    cluster.signal("SIGTERM");
    expect(await cluster.exit()).toBe(0);
    expect(cluster.stderr.text).toBe("");
  },
  TIMEOUT_MS,
);
