import fc from "fast-check";
import { type Finding, shown } from "../finding.ts";

/** Longest that a small case may take, in milliseconds: a thousand times what any does. */
const PATIENCE_MS = 1000;

/** What a large one may take beside, in milliseconds per KiB: far more than anything linear needs. */
const PATIENCE_MS_PER_KIB = 2;

/**
 * A case that seems slow is tried again, by the processor's time: the machine may have been busy with
 * something else, or with cleaning up after other cases.
 */
const SLOW_TRIES = 3;

/** Quicker cases are not looked at again, in milliseconds. */
const NOTABLE_MS = 5;

/** Longest that is spent on making a finding smaller, in milliseconds. */
const SHRINK_MS = 20_000;

/** What a target of pure functions is. */
export interface PureSpec<Case> {
  readonly name: string;
  /** Its share of all cases, beside those of the others. */
  readonly weight: number;
  readonly cases: fc.Arbitrary<Case>;
  /** Tries one case; throws when something is wrong. */
  readonly check: (value: Case) => void;
  /** How large a case is, in characters or bytes. */
  readonly size: (value: Case) => number;
  /** Longest that a small case may take, in milliseconds, when it is not what most may. */
  readonly patienceMs?: number;
}

/** Which cases are tried. */
export interface PureRun {
  readonly seed: number;
  /** Number of the first case. */
  readonly from: number;
  readonly count: number;
  /** Told of each case before it is tried, that somebody may notice when it never ends. */
  readonly onCase: (index: number) => void;
}

/** How that went. */
export interface PureResult {
  readonly cases: number;
  readonly slowest: { readonly ms: number; readonly index: number };
  readonly finding: Omit<Finding, "target"> | undefined;
}

/** A target whose cases are tried in this process. */
export interface PureTarget {
  readonly name: string;
  readonly weight: number;
  run(run: PureRun): PureResult;
  /** A case as text. */
  show(seed: number, index: number): string;
}

/** Makes a target of what it is. */
export function pureTarget<Case>(spec: PureSpec<Case>): PureTarget {
  return {
    name: spec.name,
    weight: spec.weight,
    run: (run) => runPure(spec, run),
    show: (seed, index) => {
      const [value] = fc.sample(spec.cases, { seed, path: String(index), numRuns: 1 });
      return shown(fc.stringify(value));
    },
  };
}

function wallMs(): number {
  return performance.now();
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function runPure<Case>(spec: PureSpec<Case>, { seed, from, count, onCase }: PureRun): PureResult {
  let tried = 0;
  let slowest = { ms: 0, index: from };
  /** When there was a finding; what is tried from then on makes it smaller. */
  let foundAt = 0;
  let isSlow = false;
  const timed = (value: Case, clock: () => number): number => {
    const start = clock();
    spec.check(value);
    return clock() - start;
  };
  const attempt = (value: Case): void => {
    const index = from + tried;
    const isShrinking = foundAt > 0;
    if (!isShrinking) {
      onCase(index);
      tried += 1;
    }
    let ms = timed(value, wallMs);
    const notable = Math.max(NOTABLE_MS, slowest.ms);
    for (let again = 1; ms > notable && again < SLOW_TRIES; again += 1) {
      ms = Math.min(ms, timed(value, processorMs));
    }
    const limit =
      (spec.patienceMs ?? PATIENCE_MS) + (spec.size(value) / 1024) * PATIENCE_MS_PER_KIB;
    if (ms > slowest.ms && !isShrinking) {
      slowest = { ms, index };
    }
    if (ms > limit) {
      isSlow = true;
      throw new Error(`took ${Math.round(ms)} ms at a size of ${spec.size(value)}`);
    }
  };
  const property = fc.property(spec.cases, (value) => {
    // Slow cases are not made smaller, which would take forever, and others not for long.
    if (isSlow || (foundAt > 0 && performance.now() - foundAt > SHRINK_MS)) {
      return;
    }
    try {
      attempt(value);
    } catch (fault) {
      foundAt ||= performance.now();
      throw fault;
    }
  });
  const details = fc.check(property, { seed, path: String(from), numRuns: count });
  if (!details.failed) {
    return { cases: count, slowest, finding: undefined };
  }
  const { errorInstance: fault, counterexample } = details;
  return {
    cases: tried,
    slowest,
    finding: {
      kind: isSlow ? "hang" : "crash",
      where: String(from + tried - 1),
      what: fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault),
      input: shown(fc.stringify(counterexample?.[0])),
    },
  };
}
