import { Database, type Statement } from "bun:sqlite";
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";
import { resolve } from "node:path";

/** A topic as the file has it. */
export interface StateRow {
  readonly topic: string;
  readonly requireToken: boolean;
  /** When the row is of no use any more, in Unix milliseconds. */
  readonly expiresAt: number;
}

/** What is to become of a topic's row; without `row` it is removed. */
export interface StateChange {
  readonly topic: string;
  readonly row: StateRow | undefined;
}

/** What stands in a state file that can be used. */
export interface StateContent {
  readonly rows: readonly StateRow[];
  /** Rows beyond the bound, which were not read: those that expire first. */
  readonly leftOut: number;
}

/**
 * Why a state file cannot be used: `foreign` and `broken` ones are in the way and may be set aside;
 * `unusable` is a fault of the place (directory, permissions, disk).
 */
export type StateFault = "foreign" | "broken" | "unusable";

/** A state file that could not be opened; the message says why, for after its name. */
export class StateFileError extends Error {
  readonly fault: StateFault;

  constructor(message: string, options: { readonly fault: StateFault; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.fault = options.fault;
  }
}

/** "WvWk": tells our file from other programs' (SQLite's `application_id`). */
const APPLICATION_ID = 0x57_76_57_6b;

/** Counts up when the table changes (SQLite's `user_version`). */
const SCHEMA_VERSION = 1;

/** The only table. SQLite keeps this text as it is, so a file's own must be the same. */
const TABLE =
  "topics (topic TEXT NOT NULL PRIMARY KEY, require_token INTEGER NOT NULL CHECK (require_token IN (0, 1)), expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID";

/** For the eyes of its owner only; SQLite gives its companions the same mode. */
const FILE_MODE = 0o600;
const MODE_OF_OTHERS = 0o077;

/** What SQLite puts beside the file, by what it appends to the name. */
export const COMPANIONS = ["-wal", "-shm"] as const;

/** First bytes of every database. SQLite itself takes a very short file for an empty one. */
const MAGIC = Buffer.from("SQLite format 3\0");

/** How long the start waits for another process that writes, in milliseconds. */
const OPEN_PATIENCE_MS = 500;

/** The same while the worker serves: PHP waits for it, and a write takes some microseconds. */
const WRITE_PATIENCE_MS = 20;

/**
 * Pages of 4 KiB in the log before it is written into the file, which takes well under a
 * millisecond for so few.
 */
const CHECKPOINT_PAGES = 256;

/** A row as SQLite returns it: STRICT holds it to these types. */
interface RawRow {
  readonly topic: string;
  readonly require_token: number;
  readonly expires_at: number;
}

/**
 * An open state file: SQLite in WAL mode. All calls are synchronous, throw SQLite's errors, and take
 * some microseconds: with `synchronous=OFF` nothing waits for the disk. What was written is in the
 * kernel's hands, so it survives the end of this process in any way; a power cut may break the file,
 * which costs nothing that a machine's restart had not cost anyway
 * (docs/decisions/0006-state-file.md).
 */
export class StateFile {
  readonly #path: string;
  readonly #inode: bigint;
  readonly #db: Database;
  readonly #put: Statement<unknown, [string, boolean, number]>;
  readonly #remove: Statement<unknown, [string]>;
  readonly #dataVersion: Statement<{ data_version: number }, []>;
  readonly #writeAll: (changes: readonly StateChange[]) => void;
  #seenVersion: number | undefined;

  private constructor(path: string, inode: bigint, db: Database) {
    this.#path = path;
    this.#inode = inode;
    this.#db = db;
    this.#put = db.prepare(
      "INSERT INTO topics VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET require_token = excluded.require_token, expires_at = excluded.expires_at",
    );
    this.#remove = db.prepare("DELETE FROM topics WHERE topic = ?1");
    this.#dataVersion = db.prepare("PRAGMA data_version");
    const inTransaction = db.transaction((changes: readonly StateChange[]) => {
      for (const change of changes) {
        this.#apply(change);
      }
    });
    this.#writeAll = (changes) => inTransaction.immediate(changes);
    this.#seenVersion = this.#dataVersion.get()?.data_version;
  }

  /**
   * Opens a state file, or makes one.
   *
   * @param path As the operator wrote it, relative to the working directory.
   * @throws StateFileError when it cannot be used.
   */
  static open(path: string): StateFile {
    // An absolute path is never one of SQLite's special names, such as ":memory:".
    const file = resolve(path);
    let db: Database | undefined;
    try {
      const inode = prepareFile(file);
      db = new Database(file, { readwrite: true, create: false });
      setUp(db);
      return new StateFile(file, inode, db);
    } catch (fault) {
      db?.close();
      throw asStateFileError(fault);
    }
  }

  /** The rows that expire last, soonest first among them; at most `limit`. */
  read(limit: number): StateContent {
    const { total } = one<{ total: number }>(this.#db, "SELECT count(*) AS total FROM topics");
    const found = this.#db.prepare<RawRow, [number]>(
      "SELECT topic, require_token, expires_at FROM topics ORDER BY expires_at DESC LIMIT ?1",
    );
    try {
      const rows = found.all(limit).map(({ topic, require_token, expires_at }) => {
        return { topic, requireToken: require_token === 1, expiresAt: expires_at };
      });
      return { rows: rows.reverse(), leftOut: total - rows.length };
    } finally {
      found.finalize();
    }
  }

  /** Removes all but the rows that expire last. */
  keepLatest(limit: number): void {
    this.#db.run(
      "DELETE FROM topics WHERE topic NOT IN (SELECT topic FROM topics ORDER BY expires_at DESC LIMIT ?1)",
      [limit],
    );
  }

  /** Makes these changes: all of them or, when it throws, none. */
  write(changes: readonly StateChange[]): void {
    const [first, ...more] = changes;
    if (first !== undefined && more.length === 0) {
      this.#apply(first);
      return;
    }
    this.#writeAll(changes);
  }

  /** Removes the rows that expired at this time (Unix ms) or before. */
  removeExpired(now: number): void {
    this.#db.run("DELETE FROM topics WHERE expires_at <= ?1", [now]);
  }

  /** The rows, if another process has written since this was last asked, or since the opening. */
  readIfChanged(limit: number): StateContent | undefined {
    const version = this.#dataVersion.get()?.data_version;
    if (version === this.#seenVersion) {
      return undefined;
    }
    const content = this.read(limit);
    this.#seenVersion = version;
    return content;
  }

  /** Whether its name still leads to it: SQLite goes on writing into a file that was removed. */
  isInPlace(): boolean {
    try {
      return statSync(this.#path, { bigint: true }).ino === this.#inode;
    } catch {
      return false;
    }
  }

  /** Writes the log into the file and closes it. Does not throw. */
  close(): void {
    // SQLite stays open as long as one of its statements is.
    for (const statement of [this.#put, this.#remove, this.#dataVersion]) {
      statement.finalize();
    }
    this.#db.close();
  }

  #apply({ topic, row }: StateChange): void {
    if (row === undefined) {
      this.#remove.run(topic);
    } else {
      this.#put.run(topic, row.requireToken, row.expiresAt);
    }
  }
}

/** Whether the file's content is at fault, so that trying again is of no use. */
export function isBroken(fault: unknown): boolean {
  const code = codeOf(fault);
  return code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB";
}

/**
 * Makes the file if there is none, tightens its mode, and looks whether it may be a database.
 *
 * @returns Its inode number.
 */
function prepareFile(path: string): bigint {
  const before = statSync(path, { throwIfNoEntry: false });
  if (before !== undefined && !before.isFile()) {
    // Opening a pipe would wait for ever.
    throw new StateFileError("is no regular file: name another", { fault: "unusable" });
  }
  for (const suffix of ["", ...COMPANIONS]) {
    tighten(`${path}${suffix}`);
  }
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, FILE_MODE);
  try {
    const head = Buffer.alloc(MAGIC.length);
    const length = readSync(descriptor, head, 0, head.length, 0);
    if (length > 0 && !head.equals(MAGIC)) {
      throw new StateFileError("is no SQLite database", { fault: "broken" });
    }
    return fstatSync(descriptor, { bigint: true }).ino;
  } finally {
    closeSync(descriptor);
  }
}

/** Takes others' rights to a file away, where the file system knows rights. */
function tighten(path: string): void {
  let stats: Stats | undefined;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && (stats.mode & MODE_OF_OTHERS) !== 0) {
      chmodSync(path, FILE_MODE);
    }
  } catch {
    // Another user's file, or a file system without modes: nothing in it is secret.
  }
}

/** Checks a database and makes it ready; an empty one becomes ours. */
function setUp(db: Database): void {
  db.run(`PRAGMA busy_timeout = ${OPEN_PATIENCE_MS}`);
  if (isEmpty(db)) {
    // Before WAL, so that these are in the file itself whatever becomes of the log.
    db.transaction(() => {
      db.run(`PRAGMA application_id = ${APPLICATION_ID}`);
      db.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
      db.run(`CREATE TABLE IF NOT EXISTS ${TABLE}`);
    }).immediate();
  }
  mustBeOurs(db);
  db.run("PRAGMA synchronous = OFF");
  const { journal_mode: mode } = one<{ journal_mode: string }>(db, "PRAGMA journal_mode = WAL");
  if (mode !== "wal") {
    throw new StateFileError("is on a file system that cannot have it: use a local one", {
      fault: "unusable",
    });
  }
  db.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.run(`PRAGMA busy_timeout = ${WRITE_PATIENCE_MS}`);
}

/** Whether nobody has put anything into the database. */
function isEmpty(db: Database): boolean {
  const { tables } = one<{ tables: number }>(db, "SELECT count(*) AS tables FROM sqlite_schema");
  return tables === 0 && applicationId(db) === 0 && userVersion(db) === 0;
}

function mustBeOurs(db: Database): void {
  if (applicationId(db) !== APPLICATION_ID) {
    throw new StateFileError("is the database of another program", { fault: "foreign" });
  }
  const version = userVersion(db);
  if (version !== SCHEMA_VERSION) {
    throw new StateFileError(`is of another version of the worker (format ${version})`, {
      fault: "foreign",
    });
  }
  const { text } = one<{ text: string | null }>(
    db,
    "SELECT group_concat(sql, ';') AS text FROM sqlite_schema",
  );
  if (text !== `CREATE TABLE ${TABLE}`) {
    throw new StateFileError("has other tables than the worker's", { fault: "foreign" });
  }
  // Reads all of it, so that nothing in it can surprise the worker later.
  const { quick_check: verdict } = one<{ quick_check: string }>(db, "PRAGMA quick_check(1)");
  if (verdict !== "ok") {
    throw new StateFileError("is damaged", { fault: "broken" });
  }
}

function applicationId(db: Database): number {
  return one<{ application_id: number }>(db, "PRAGMA application_id").application_id;
}

function userVersion(db: Database): number {
  return one<{ user_version: number }>(db, "PRAGMA user_version").user_version;
}

/** The only row of a query that has exactly one. */
function one<Row>(db: Database, sql: string): Row {
  const statement = db.prepare<Row, []>(sql);
  try {
    const row = statement.get();
    if (row === null) {
      throw new StateFileError("is damaged", { fault: "broken" });
    }
    return row;
  } finally {
    statement.finalize();
  }
}

function asStateFileError(fault: unknown): StateFileError {
  if (fault instanceof StateFileError) {
    return fault;
  }
  const message = fault instanceof Error ? fault.message : String(fault);
  if (isBroken(fault)) {
    return new StateFileError(`is damaged (${message})`, { fault: "broken", cause: fault });
  }
  const problem = PLACE_PROBLEMS[codeOf(fault)] ?? `cannot be used (${message})`;
  return new StateFileError(problem, { fault: "unusable", cause: fault });
}

const NO_PERMISSION = "cannot be written: let the worker's user write to it and to its directory";
const NO_DIRECTORY = "is in a directory that does not exist: create it";
const NO_ROOM = "does not fit on the disk, which is full: make room";

/** Faults of the place, by the system's or SQLite's name: what is wrong, and what to do about it. */
const PLACE_PROBLEMS: Readonly<Record<string, string>> = {
  EACCES: NO_PERMISSION,
  EPERM: NO_PERMISSION,
  // The files that SQLite puts beside it.
  SQLITE_CANTOPEN: NO_PERMISSION,
  SQLITE_READONLY: NO_PERMISSION,
  SQLITE_READONLY_DIRECTORY: NO_PERMISSION,
  EROFS: "is on a file system that is read-only: name a place that can be written",
  ENOENT: NO_DIRECTORY,
  ENOTDIR: NO_DIRECTORY,
  ENOSPC: NO_ROOM,
  SQLITE_FULL: NO_ROOM,
};

/** The system's or SQLite's name of a fault. */
function codeOf(fault: unknown): string {
  return fault instanceof Error && "code" in fault ? String(fault.code) : "unknown";
}
