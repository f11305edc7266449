import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type StateFault, StateFile, StateFileError, type StateRow } from "./state-file.ts";
import { openState } from "./state-file-place.ts";

const NOW = Date.UTC(2026, 10, 24, 12, 50, 1, 234);

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wavelog-worker-state-"));
  path = join(folder, "topics.state");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function row(topic: string, expiresAt = NOW, requireToken = false): StateRow {
  return { topic, requireToken, expiresAt };
}

function put(file: StateFile, ...rows: readonly StateRow[]): void {
  file.write(rows.map((each) => ({ topic: each.topic, row: each })));
}

/** Rows of a file that is opened for it. */
function rowsOf(where: string): readonly StateRow[] {
  const file = StateFile.open(where);
  const { rows } = file.read(100);
  file.close();
  return rows;
}

/** A database made by somebody else. */
function makeDatabase(...statements: readonly string[]): void {
  const db = new Database(path, { create: true, readwrite: true });
  for (const statement of statements) {
    db.run(statement);
  }
  db.close();
}

/** A good state file with as many rows as fill several pages. */
function makeLargeFile(): void {
  const file = StateFile.open(path);
  put(file, ...Array.from({ length: 2000 }, (_, index) => row(`contest_session.${index}`)));
  file.close();
}

function faultOf(action: () => unknown): StateFileError {
  try {
    action();
  } catch (fault) {
    if (fault instanceof StateFileError) {
      return fault;
    }
    throw fault;
  }
  throw new Error("expected a fault");
}

function modeOf(file: string): number {
  return statSync(file).mode & 0o777;
}

describe("a state file", () => {
  test("gives back what was written, in the order of expiry", () => {
    const file = StateFile.open(path);
    put(file, row("late", NOW + 2, true));
    put(file, row("early", NOW), row("middle", NOW + 1));
    put(file, row("middle", NOW + 1, true));
    file.write([{ topic: "early", row: undefined }]);
    file.write([{ topic: "unknown", row: undefined }]);
    file.write([]);
    file.close();
    expect(rowsOf(path)).toEqual([row("middle", NOW + 1, true), row("late", NOW + 2, true)]);
  });

  test("keeps topics opaque", () => {
    const topics = ["a\0b", "a", "'; DROP TABLE topics; --", "\u{1f4e1}", " ", "\n", "__proto__"];
    const file = StateFile.open(path);
    put(file, ...topics.map((topic) => row(topic)));
    file.close();
    expect(
      rowsOf(path)
        .map(({ topic }) => topic)
        .sort(),
    ).toEqual(topics.toSorted());
  });

  test("survives a process that ends without closing it", () => {
    const file = StateFile.open(path);
    put(file, row("a"));
    // What a killed process leaves behind: the file and its log.
    expect(rowsOf(path)).toEqual([row("a")]);
    file.close();
  });

  test("closed, is one file", () => {
    const file = StateFile.open(path);
    put(file, row("a"), row("b"));
    file.read(1);
    file.readIfChanged(1);
    expect(readdirSync(folder).sort()).toEqual(
      ["topics.state", "topics.state-shm", "topics.state-wal"].sort(),
    );
    file.close();
    expect(readdirSync(folder)).toEqual(["topics.state"]);
  });

  test("reads no more than the bound: those that expire last", () => {
    const file = StateFile.open(path);
    put(file, row("a", 3), row("b", 1), row("c", 2));
    expect(file.read(2)).toEqual({ rows: [row("c", 2), row("a", 3)], leftOut: 1 });
    file.keepLatest(2);
    expect(file.read(9)).toEqual({ rows: [row("c", 2), row("a", 3)], leftOut: 0 });
    file.close();
  });

  test("loses what has expired, and nothing else", () => {
    const file = StateFile.open(path);
    put(file, row("a", 1), row("b", 2), row("c", 3));
    file.removeExpired(2);
    expect(file.read(9).rows).toEqual([row("c", 3)]);
    file.close();
  });

  test("writes all of several changes or none", () => {
    const file = StateFile.open(path);
    // No time at all: the table refuses it.
    expect(() => put(file, row("a"), row("b", Number.NaN))).toThrow();
    expect(file.read(9).rows).toEqual([]);
    put(file, row("a"), row("b"));
    expect(file.read(9).rows).toHaveLength(2);
    file.close();
  });

  test("tells of changes by others, not of its own", () => {
    const file = StateFile.open(path);
    put(file, row("a"));
    expect(file.readIfChanged(9)).toBeUndefined();
    const other = StateFile.open(path);
    expect(file.readIfChanged(9)).toBeUndefined();
    put(other, row("b", NOW + 1));
    expect(file.readIfChanged(9)?.rows).toEqual([row("a"), row("b", NOW + 1)]);
    expect(file.readIfChanged(9)).toBeUndefined();
    other.close();
    file.close();
  });

  test("gives up after a moment when somebody holds a lock", () => {
    const file = StateFile.open(path);
    const other = new Database(path, { readwrite: true });
    other.run("BEGIN IMMEDIATE");
    const started = performance.now();
    expect(() => put(file, row("a"))).toThrow("locked");
    expect(performance.now() - started).toBeLessThan(1000);
    other.run("ROLLBACK");
    other.close();
    put(file, row("a"));
    file.close();
  });

  test("knows when it is not in its place any more", () => {
    const file = StateFile.open(path);
    expect(file.isInPlace()).toBe(true);
    rmSync(path);
    expect(file.isInPlace()).toBe(false);
    const other = StateFile.open(path);
    expect([file.isInPlace(), other.isInPlace()]).toEqual([false, true]);
    other.close();
    file.close();
  });
});

describe("only its owner", () => {
  test("can read a new file and its companions, whatever the umask", () => {
    const before = process.umask(0);
    try {
      const file = StateFile.open(path);
      put(file, row("a"));
      for (const name of readdirSync(folder)) {
        expect(modeOf(join(folder, name))).toBe(0o600);
      }
      file.close();
      expect(modeOf(path)).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  test("can read one that others could, after it was opened", () => {
    const killed = StateFile.open(path);
    put(killed, row("a"));
    const names = readdirSync(folder).map((name) => join(folder, name));
    expect(names).toHaveLength(3);
    for (const name of names) {
      chmodSync(name, 0o644);
    }
    const file = StateFile.open(path);
    expect(names.map(modeOf)).toEqual([0o600, 0o600, 0o600]);
    file.close();
    killed.close();
  });
});

describe("a file that is not ours", () => {
  const CASES: readonly [what: string, make: () => void, fault: StateFault, problem: string][] = [
    ["text", () => writeFileSync(path, "worker_secret: x\n".repeat(99)), "broken", "no SQLite"],
    ["one byte", () => writeFileSync(path, "x"), "broken", "no SQLite"],
    [
      "a head without a body",
      () => writeFileSync(path, Buffer.from("SQLite format 3\0".padEnd(600, "\x07"))),
      "broken",
      "damaged",
    ],
    [
      "a database of another program",
      () => makeDatabase("CREATE TABLE qso (id INTEGER)", "PRAGMA application_id = 7"),
      "foreign",
      "another program",
    ],
    [
      "a database without an owner's mark",
      () => makeDatabase("CREATE TABLE topics (topic TEXT)"),
      "foreign",
      "another program",
    ],
    [
      "a newer version's",
      () => {
        makeLargeFile();
        makeDatabase("PRAGMA user_version = 2");
      },
      "foreign",
      "another version of the worker (format 2)",
    ],
    [
      "one with a further table",
      () => {
        makeLargeFile();
        makeDatabase("CREATE TABLE more (a)");
      },
      "foreign",
      "other tables",
    ],
    [
      "one with pages of garbage",
      () => {
        makeLargeFile();
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.fill(7, 8192, 16_384));
      },
      "broken",
      "damaged",
    ],
    [
      "one cut off in the middle",
      () => {
        makeLargeFile();
        truncateSync(path, 16_384);
      },
      "broken",
      "damaged",
    ],
  ];
  for (const [what, make, fault, problem] of CASES) {
    test(`${what}: is ${fault}, unchanged, and set aside for a new one`, () => {
      make();
      const bytes = readFileSync(path);
      const found = faultOf(() => StateFile.open(path));
      expect(found.fault).toBe(fault);
      expect(found.message).toContain(problem);

      const { result, setAside } = openState(path, NOW);
      const keptAs = `${path}.broken-20261124T125001234Z`;
      expect(setAside).toEqual({ keptAs, problem: found.message });
      expect(readFileSync(keptAs)).toEqual(bytes);
      if (!result.ok) {
        throw new Error(result.problem);
      }
      put(result.file, row("a"));
      result.file.close();
      expect(rowsOf(path)).toEqual([row("a")]);
    });
  }

  test("is set aside with its companions", () => {
    makeDatabase("PRAGMA journal_mode = WAL");
    const other = new Database(path, { readwrite: true });
    other.run("CREATE TABLE qso (id INTEGER)");
    const { result, setAside } = openState(path, NOW);
    expect(result.ok).toBe(true);
    const keptAs = setAside?.keptAs ?? "";
    expect(existsSync(`${keptAs}-wal`)).toBe(true);
    other.close();
    const kept = new Database(keptAs, { readwrite: true });
    expect(kept.query("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "qso" }]);
    kept.close();
    if (result.ok) {
      expect(result.file.read(9).rows).toEqual([]);
      result.file.close();
    }
  });

  test("is left alone when it is empty: it becomes ours", () => {
    writeFileSync(path, "");
    const { result, setAside } = openState(path, NOW);
    expect([result.ok, setAside]).toEqual([true, undefined]);
    if (result.ok) {
      result.file.close();
    }
  });

  test("a log without its file is not taken for ours", () => {
    const killed = StateFile.open(path);
    put(killed, row("a"));
    rmSync(path);
    expect(rowsOf(path)).toEqual([]);
    killed.close();
  });
});

describe("a place that cannot be used", () => {
  const unusable = (where: string): string => {
    const { result, setAside } = openState(where, NOW);
    expect(setAside).toBeUndefined();
    return result.ok ? "it can" : result.problem;
  };

  test("says what to do about it, and touches nothing", () => {
    expect(unusable(join(folder, "none", "topics.state"))).toBe(
      "is in a directory that does not exist: create it",
    );
    mkdirSync(path);
    expect(unusable(path)).toBe("is no regular file: name another");
    expect(unusable(join(path, "topics.state", "x"))).toBe(
      "is in a directory that does not exist: create it",
    );
    expect(unusable("/sys/topics.state")).toMatch(/cannot be written|read-only/);
    symlinkSync(join(folder, "loop"), join(folder, "loop"));
    expect(unusable(join(folder, "loop"))).toContain("cannot be used");
    expect(unusable(join(folder, "x".repeat(300)))).toContain("cannot be used");
    expect(readdirSync(folder).sort()).toEqual(["loop", "topics.state"]);
  });

  test("a pipe holds nobody up", () => {
    Bun.spawnSync(["mkfifo", path]);
    expect(unusable(path)).toBe("is no regular file: name another");
  });

  test("SQLite's special names are files like any other", () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      for (const name of [":memory:", "file:topics?mode=memory"]) {
        const file = StateFile.open(name);
        put(file, row("a"));
        file.close();
        expect(rowsOf(name)).toEqual([row("a")]);
        expect(existsSync(join(folder, name))).toBe(true);
      }
    } finally {
      process.chdir(before);
    }
  });
});
