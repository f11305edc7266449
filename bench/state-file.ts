/**
 * What the state file costs on this machine:
 *
 *     bun bench/state-file.ts [directory]
 *
 * Calls of the registry with and without it, the opening and the closing, and beside them what one
 * fsync takes in the same directory, for which no call waits. 0006-state-file.md has the figures.
 */
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryRegistry } from "../src/topics/memory-registry.ts";
import { PersistentRegistry } from "../src/topics/persistent-registry.ts";
import type { TopicRegistry } from "../src/topics/registry.ts";

const CALLS = 20_000;
const MANY_TOPICS = 100_000;
const FSYNCS = 100;
const DAY_MS = 86_400_000;
const CLOSED = { requireToken: true };

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "wavelog-worker-bench-"));
const bounds = { ttlMs: DAY_MS, maxTopics: MANY_TOPICS, now: () => performance.now() };

function fail(problem: string): never {
  throw new Error(`the state file in ${folder}: ${problem}`);
}

/** A registry on a file in the directory. */
function open(path: string): PersistentRegistry {
  const registry = new PersistentRegistry({
    ...bounds,
    path,
    isShared: false,
    wallClock: Date.now,
    events: {
      opened: () => undefined,
      recovered: () => undefined,
      setAside: (_, problem) => fail(problem),
      unusable: fail,
      writeFailed: fail,
    },
  });
  registry.open();
  return registry;
}

/** Median, 99th percentile and maximum of what each of many runs takes, in microseconds. */
async function measure(count: number, run: (index: number) => unknown): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const started = performance.now();
    await run(index);
    times.push((performance.now() - started) * 1000);
  }
  times.sort((a, b) => a - b);
  return [0.5, 0.99, 1].map((part) => times[Math.ceil(part * count) - 1] ?? Number.NaN);
}

async function calls(what: string, registry: TopicRegistry): Promise<string[][]> {
  const name = (index: number): string => `contest_session.${index}`;
  const rows: readonly (readonly [string, readonly number[]])[] = [
    ["register", await measure(CALLS, (index) => registry.register(name(index), CLOSED))],
    ["register again", await measure(CALLS, (index) => registry.register(name(index), CLOSED))],
    ["lookup", await measure(CALLS, (index) => registry.lookup(name(index)))],
    ["unregister", await measure(CALLS, (index) => registry.unregister(name(index)))],
  ];
  return rows.map(([call, times]) => [`${call}, ${what}`, ...times.map((time) => time.toFixed(1))]);
}

/** What one run takes, in milliseconds. */
function once(run: () => void): string[] {
  const started = performance.now();
  run();
  return ["", "", ((performance.now() - started) * 1000).toFixed(0)];
}

/** Columns, the figures ending at the same place. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const lines = rows.map(([what = "", ...figures]) =>
    [
      what.padEnd(widths[0] ?? 0),
      ...figures.map((figure, i) => figure.padStart(widths[i + 1] ?? 0)),
    ].join("  "),
  );
  return lines.map((line) => line.trimEnd()).join("\n");
}

try {
  const path = join(folder, "topics.state");
  const rows = [
    ...(await calls("in memory", new MemoryRegistry(bounds))),
    ...(await calls("with the file", open(path))),
  ];
  for (const topics of [1000, MANY_TOPICS]) {
    const full = join(folder, `${topics}.state`);
    const first = open(full);
    for (let index = 0; index < topics; index += 1) {
      await first.register(`contest_session.${index}`, CLOSED);
    }
    rows.push([`close, ${topics} topics`, ...once(() => first.close())]);
    let second = first;
    rows.push([`open, ${topics} topics`, ...once(() => (second = open(full)))]);
    second.close();
    rows.push([`size, ${topics} topics: ${statSync(full).size} bytes`, "", "", ""]);
  }
  const descriptor = openSync(join(folder, "fsync"), "w");
  const fsyncs = await measure(FSYNCS, (index) => {
    writeSync(descriptor, `${index}`.padEnd(4096));
    fsyncSync(descriptor);
  });
  closeSync(descriptor);
  rows.push(["one fsync", ...fsyncs.map((time) => time.toFixed(1))]);
  process.stdout.write(`${table([["microseconds", "median", "p99", "max"], ...rows])}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
