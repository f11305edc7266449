import type { TopicMeta } from "../protocol/topic.ts";
import { MemoryRegistry, type MemoryRegistryOptions } from "./memory-registry.ts";
import type { RegisterResult, TopicLimits, TopicRegistry } from "./registry.ts";
import { isBroken, type StateChange, type StateFile, type StateRow } from "./state-file.ts";
import { openState } from "./state-file-place.ts";

/** Told of what happens to the state file. */
export interface StateFileEvents {
  /** It is open, and so many topics were in it; `leftOut` more were beyond `max_topics`. */
  opened(topics: number, leftOut: number): void;
  /** A file that could not be used was in the way; it is kept under this name. */
  setAside(keptAs: string, problem: string): void;
  /** There is no state file for now; `problem` goes after its name and says what to do. */
  unusable(problem: string): void;
  /** Changes could not be written; they are kept and tried again. */
  writeFailed(problem: string): void;
  /** After failures, everything is in the file again. */
  recovered(): void;
}

/** What a {@link PersistentRegistry} needs to know. */
export interface PersistentRegistryOptions extends MemoryRegistryOptions {
  /** The state file, as the operator wrote it. */
  readonly path: string;
  /** Whether another process may have it open too, for a hand-over. */
  readonly isShared: boolean;
  /** Unix milliseconds. */
  readonly wallClock: () => number;
  readonly events: StateFileEvents;
}

/**
 * A row is good for this part of the TTL longer than the topic was when it was written, so that a
 * topic that is registered again and again is written once in that time. After a restart a topic may
 * so be known a little longer than was promised, never shorter.
 */
const SLACK_PART = 1 / 24;

/** The two clocks drift apart by less than this; more means that somebody has set one. */
const CLOCK_TOLERANCE_MS = 1000;

/** No worker of this kind is older: a time before it comes from a clock that was not set yet. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);

/** Changes that are written at once at most, some milliseconds of work; the rest waits for a tick. */
const BATCH = 5000;

/** How long to wait before a file that could not be opened is tried again, in milliseconds. */
const REOPEN_INTERVAL_MS = 2000;

/**
 * A registry of this process that outlives it: answers come from memory alone, and every change is
 * written to the state file before it is answered. Whatever is wrong with the file, no call fails or
 * waits for it: the registry goes on in memory, and writes what was missed when it can.
 *
 * The file has times of the wall clock, since no other survives a restart of the machine, and trusts
 * them no further than one TTL: a wrong clock neither throws topics away nor keeps them for ever.
 */
export class PersistentRegistry implements TopicRegistry {
  readonly #memory: MemoryRegistry;
  readonly #options: PersistentRegistryOptions;
  #limits: TopicLimits;
  #file: StateFile | undefined;
  #reopenAt = Number.POSITIVE_INFINITY;
  #isFailing = false;
  /** What the file has, as far as this process knows. */
  readonly #written = new Map<string, StateRow>();
  /** Topics whose row is not what it should be. */
  readonly #pending = new Set<string>();
  /** The wall clock's lead over the other when the rows were written. */
  #clockOffset: number;

  constructor(options: PersistentRegistryOptions) {
    this.#options = options;
    this.#memory = new MemoryRegistry(options);
    this.#limits = options;
    this.#clockOffset = options.wallClock() - options.now();
  }

  /** Goes by other bounds from the next registration on; what is registered stays as it is. */
  reconfigure(limits: TopicLimits): void {
    this.#limits = limits;
    this.#memory.reconfigure(limits);
  }

  register(topic: string, meta: TopicMeta): Promise<RegisterResult> {
    const result = this.#memory.register(topic, meta);
    this.#record(topic);
    return result;
  }

  unregister(topic: string): Promise<boolean> {
    this.#askOthers(topic);
    const result = this.#memory.unregister(topic);
    this.#record(topic);
    return result;
  }

  lookup(topic: string): Promise<TopicMeta | undefined> {
    this.#askOthers(topic);
    return this.#memory.lookup(topic);
  }

  list(): Promise<readonly string[]> {
    return this.#memory.list();
  }

  count(): Promise<number> {
    return this.#memory.count();
  }

  /** Opens the file and takes its topics over. Never throws. */
  open(): void {
    const { events, path, wallClock, now } = this.#options;
    const { maxTopics } = this.#limits;
    const { result, setAside } = openState(path, wallClock());
    if (setAside !== undefined) {
      events.setAside(setAside.keptAs, setAside.problem);
    }
    if (!result.ok) {
      this.#reopenAt = now() + REOPEN_INTERVAL_MS;
      events.unusable(result.problem);
      return;
    }
    this.#file = result.file;
    this.#isFailing = false;
    this.#written.clear();
    this.#attempt((file) => {
      const { rows, leftOut } = file.read(maxTopics);
      this.#merge(rows);
      if (leftOut > 0) {
        file.keepLatest(maxTopics);
      }
      for (const [topic] of this.#memory.entries()) {
        if (!this.#written.has(topic)) {
          this.#pending.add(topic);
        }
      }
      this.#write(file, [...this.#pending.values().take(BATCH)]);
      events.opened(rows.length, leftOut);
    });
  }

  /** To be called about once a second: catches up with whatever has happened meanwhile. */
  tick(): void {
    if (this.#file !== undefined && !this.#file.isInPlace()) {
      this.#drop("was removed, or replaced by another");
    }
    if (this.#file !== undefined) {
      this.#watchClock();
      this.#sync();
      this.#flush(BATCH);
    } else if (this.#options.now() >= this.#reopenAt) {
      this.open();
    }
  }

  /** Forgets what has expired, in memory and in the file; to be called now and then. */
  sweep(): void {
    this.#memory.sweep();
    const wallNow = this.#options.wallClock();
    this.#attempt((file) => {
      file.removeExpired(wallNow);
      for (const [topic, row] of this.#written) {
        if (row.expiresAt <= wallNow) {
          this.#written.delete(topic);
        }
      }
    });
    for (const topic of this.#pending) {
      if (this.#isNowhere(topic)) {
        this.#pending.delete(topic);
      }
    }
  }

  /** Writes what is left to write and closes the file, within milliseconds. Never throws. */
  close(): void {
    this.#flush(this.#pending.size);
    this.#file?.close();
    this.#file = undefined;
    this.#reopenAt = Number.POSITIVE_INFINITY;
  }

  /** Puts a topic's state into the file, unless the file vouches for it already. */
  #record(topic: string): void {
    if (this.#isNowhere(topic)) {
      this.#pending.delete(topic);
      return;
    }
    if (!this.#pending.has(topic) && this.#isWritten(topic)) {
      return;
    }
    this.#pending.add(topic);
    // While it fails, ticks try: nobody who waits for an answer waits for that again and again.
    if (!this.#isFailing) {
      this.#attempt((file) => this.#write(file, [topic]));
    }
  }

  /** Neither known nor in the file. */
  #isNowhere(topic: string): boolean {
    return this.#memory.get(topic) === undefined && !this.#written.has(topic);
  }

  #isWritten(topic: string): boolean {
    const entry = this.#memory.get(topic);
    const row = this.#written.get(topic);
    return (
      entry !== undefined &&
      row !== undefined &&
      entry.meta.requireToken === row.requireToken &&
      this.#onWallClock(entry.expiresAt) <= row.expiresAt
    );
  }

  /** Writes so many of the topics that are to be written. */
  #flush(limit: number): void {
    if (this.#pending.size > 0) {
      this.#attempt((file) => this.#write(file, [...this.#pending.values().take(limit)]));
    }
  }

  #write(file: StateFile, topics: readonly string[]): void {
    const changes = topics.map((topic) => this.#changeOf(topic));
    file.write(changes);
    for (const { topic, row } of changes) {
      this.#pending.delete(topic);
      if (row === undefined) {
        this.#written.delete(topic);
      } else {
        this.#written.set(topic, row);
      }
    }
    if (this.#isFailing && this.#pending.size === 0) {
      this.#isFailing = false;
      this.#options.events.recovered();
    }
  }

  #changeOf(topic: string): StateChange {
    const entry = this.#memory.get(topic);
    if (entry === undefined) {
      return { topic, row: undefined };
    }
    const expiresAt = Math.ceil(this.#onWallClock(entry.expiresAt) + this.#slackMs());
    return { topic, row: { topic, requireToken: entry.meta.requireToken, expiresAt } };
  }

  /** Does something with the file, if there is one; a fault is told and remembered. */
  #attempt(action: (file: StateFile) => void): void {
    if (this.#file === undefined) {
      return;
    }
    try {
      action(this.#file);
    } catch (fault) {
      const problem = fault instanceof Error ? fault.message : String(fault);
      if (isBroken(fault)) {
        this.#drop(problem);
      } else {
        this.#isFailing = true;
        this.#options.events.writeFailed(problem);
      }
    }
  }

  /** Gives the file up; the next tick opens it anew. */
  #drop(problem: string): void {
    this.#options.events.writeFailed(problem);
    this.#file?.close();
    this.#file = undefined;
    this.#reopenAt = this.#options.now();
  }

  /** A topic that is not known here may be known to the other process of a hand-over. */
  #askOthers(topic: string): void {
    if (this.#options.isShared && this.#memory.get(topic) === undefined) {
      this.#sync();
    }
  }

  /** Takes over what another process has written. */
  #sync(): void {
    if (this.#options.isShared) {
      this.#attempt((file) => {
        const content = file.readIfChanged(this.#limits.maxTopics);
        if (content !== undefined) {
          this.#merge(content.rows);
        }
      });
    }
  }

  /**
   * Takes over what the file says and this process did not know, and forgets what is no longer in it;
   * what is still to be written is newer than the file.
   */
  #merge(rows: readonly StateRow[]): void {
    const known = new Map(this.#memory.entries());
    const gone = new Set(this.#written.keys());
    const now = this.#options.now();
    for (const row of rows) {
      const { topic, requireToken } = row;
      gone.delete(topic);
      const before = this.#written.get(topic);
      this.#written.set(topic, row);
      const isNew = before?.expiresAt !== row.expiresAt || before.requireToken !== requireToken;
      if (!isNew || this.#pending.has(topic)) {
        continue;
      }
      const { lifeMs, isSound } = this.#lifeOf(row);
      if (lifeMs > 0) {
        const expiresAt = Math.max(now + lifeMs, known.get(topic)?.expiresAt ?? 0);
        known.set(topic, { meta: { requireToken }, expiresAt });
      }
      if (!isSound) {
        this.#pending.add(topic);
      }
    }
    for (const topic of gone) {
      this.#written.delete(topic);
      if (!this.#pending.has(topic)) {
        known.delete(topic);
      }
    }
    this.#memory.replace([...known]);
  }

  /** How long a row's topic lives on, in milliseconds, and whether its time can be true. */
  #lifeOf({ expiresAt }: StateRow): { lifeMs: number; isSound: boolean } {
    const { ttlMs } = this.#limits;
    const lifeMs = expiresAt - this.#options.wallClock();
    const isSound =
      expiresAt >= EARLIEST_MS && lifeMs <= ttlMs + this.#slackMs() + CLOCK_TOLERANCE_MS;
    return { lifeMs: isSound ? Math.min(lifeMs, ttlMs) : ttlMs, isSound };
  }

  /** When somebody has set the wall clock, every row has a wrong time. */
  #watchClock(): void {
    const { wallClock, now } = this.#options;
    const offset = wallClock() - now();
    if (Math.abs(offset - this.#clockOffset) > CLOCK_TOLERANCE_MS) {
      this.#clockOffset = offset;
      for (const [topic] of this.#memory.entries()) {
        this.#pending.add(topic);
      }
    }
  }

  #slackMs(): number {
    return this.#limits.ttlMs * SLACK_PART;
  }

  #onWallClock(time: number): number {
    const { wallClock, now } = this.#options;
    return wallClock() + (time - now());
  }
}
