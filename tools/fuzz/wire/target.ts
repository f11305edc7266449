import fc from "fast-check";
import type { Target as Program } from "../../../test/support/targets.ts";
import { type Finding, type Outcome, shown } from "../finding.ts";
import { seedOf } from "../seed.ts";
import type { Arena } from "./arena.ts";

/** Cases that are generated, tried and looked back at together. */
const BATCH = 400;

/** Cases that are on their way at once. */
const AT_ONCE = 40;

/** Longest that is spent on making a finding smaller, in milliseconds. */
const SHRINK_MS = 30_000;

/** What waits in the tests' support say when nothing comes. */
const HANG = /^waited \d+ ms in vain/;

/** What a target over the wire is. */
export interface WireSpec<Case> {
  readonly name: string;
  /** Its share of all cases, beside those of the others. */
  readonly weight: number;
  readonly cases: fc.Arbitrary<Case>;
  /** Starts the real program, and what else the cases need. */
  readonly open: (program: Program) => Promise<WireArena<Case>>;
}

/** The real program, and the way to try a case on it. */
export interface WireArena<Case> {
  readonly arena: Arena;
  /** Tries one case; rejects when something is wrong. Many may be on their way at once. */
  readonly attempt: (value: Case) => Promise<void>;
  /** What is to be seen only after a batch; rejects when something is wrong. */
  readonly settle?: () => Promise<void>;
}

/** Which cases are tried. */
export interface WireRun {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** The form in which the program is run. */
  readonly program: Program;
  readonly signal: AbortSignal;
}

/** A target whose cases are sent to the real program. */
export interface WireTarget {
  readonly name: string;
  readonly weight: number;
  run(run: WireRun): Promise<Outcome>;
}

/** Makes a target of what it is. */
export function wireTarget<Case>(spec: WireSpec<Case>): WireTarget {
  return { name: spec.name, weight: spec.weight, run: (run) => new WireRunner(spec, run).run() };
}

/** A fault, and the cases of which one or all have led to it. */
interface Trouble {
  readonly fault: unknown;
  /** The case that met it, when one did. */
  readonly index?: number;
  readonly from: number;
  readonly count: number;
}

class WireRunner<Case> {
  readonly #spec: WireSpec<Case>;
  readonly #run: WireRun;
  readonly #seed: number;
  #tried = 0;
  #slowest = { ms: 0, index: 0 };

  constructor(spec: WireSpec<Case>, run: WireRun) {
    this.#spec = spec;
    this.#run = run;
    this.#seed = seedOf(run.seed, spec.name);
    this.#slowest.index = run.from;
  }

  async run(): Promise<Outcome> {
    const start = performance.now();
    const trouble = await this.#tryAll();
    const findings = trouble === undefined ? [] : [await this.#findingOf(trouble)];
    const seconds = (performance.now() - start) / 1000;
    const { name: target } = this.#spec;
    return { target, cases: this.#tried, seconds, slowest: this.#slowest, findings };
  }

  /** Tries every case; the first trouble ends it. */
  async #tryAll(): Promise<Trouble | undefined> {
    const { from, count, signal } = this.#run;
    const open = await this.#spec.open(this.#run.program);
    await using _ = open.arena;
    for (let at = from; at < from + count && !signal.aborted; at += BATCH) {
      const size = Math.min(BATCH, from + count - at);
      const trouble = await this.#tryBatch(open, at, size);
      if (trouble !== undefined) {
        return trouble;
      }
    }
    try {
      await open.arena.finish();
      return undefined;
    } catch (fault) {
      return { fault, from, count };
    }
  }

  async #tryBatch(
    open: WireArena<Case>,
    from: number,
    count: number,
  ): Promise<Trouble | undefined> {
    const values = fc.sample(this.#spec.cases, {
      seed: this.#seed,
      path: String(from),
      numRuns: count,
    });
    let trouble: Trouble | undefined;
    const queue = values.entries();
    const work = async (): Promise<void> => {
      for (const [index, value] of queue) {
        const start = performance.now();
        try {
          await open.attempt(value);
        } catch (fault) {
          trouble ??= { fault, index: from + index, from, count };
        }
        this.#note(performance.now() - start, from + index);
        if (trouble !== undefined) {
          return;
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    try {
      // Looked at first: a worker that has ended explains what a case has met.
      await open.arena.inspect();
      if (trouble === undefined) {
        await open.settle?.();
      }
    } catch (fault) {
      return { fault, from, count };
    }
    return trouble;
  }

  #note(ms: number, index: number): void {
    this.#tried += 1;
    if (ms > this.#slowest.ms) {
      this.#slowest = { ms, index };
    }
  }

  /** Looks for the one case that does it, on a new worker and without others at once. */
  async #findingOf({ fault, index, from, count }: Trouble): Promise<Finding> {
    const target = this.#spec.name;
    const alone =
      (index === undefined ? undefined : await this.#findAlone(index, 1)) ??
      (count > BATCH ? undefined : await this.#findAlone(from, count));
    if (alone !== undefined) {
      return { target, ...alone };
    }
    return {
      target,
      kind: kindOf(fault),
      where: count === 1 ? String(from) : `${from}-${from + count - 1}`,
      what: `${messageOf(fault)} (in case ${index ?? "unknown"}; not found with one case after the other)`,
      input: undefined,
    };
  }

  async #findAlone(from: number, count: number): Promise<Omit<Finding, "target"> | undefined> {
    let open: WireArena<Case> | undefined;
    let deadline = Number.POSITIVE_INFINITY;
    const property = fc.asyncProperty(this.#spec.cases, async (value) => {
      if (performance.now() > deadline) {
        return;
      }
      open ??= await this.#spec.open(this.#run.program);
      try {
        await open.attempt(value);
        await open.arena.inspect();
        await open.settle?.();
      } catch (fault) {
        deadline = Math.min(deadline, performance.now() + SHRINK_MS);
        const broken = open;
        open = undefined;
        await broken.arena[Symbol.asyncDispose]();
        throw fault;
      }
    });
    const details = await fc.check(property, {
      seed: this.#seed,
      path: String(from),
      numRuns: count,
    });
    await open?.arena[Symbol.asyncDispose]();
    if (!details.failed) {
      return undefined;
    }
    return {
      kind: kindOf(details.errorInstance),
      where: String(Number((details.counterexamplePath ?? "").split(":")[0])),
      what: messageOf(details.errorInstance),
      input: shown(fc.stringify(details.counterexample?.[0])),
    };
  }
}

function kindOf(fault: unknown): Finding["kind"] {
  return fault instanceof Error && HANG.test(fault.message) ? "hang" : "crash";
}

function messageOf(fault: unknown): string {
  return shown(fault instanceof Error ? fault.message : String(fault));
}
