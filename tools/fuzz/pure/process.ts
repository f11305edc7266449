import { join } from "node:path";
import { type Finding, type Outcome, shown } from "../finding.ts";
import { seedOf } from "../seed.ts";
import { Progress } from "./progress.ts";
import type { PureResult, PureRun, PureTarget } from "./target.ts";

/** Between two looks at where a child is, in milliseconds. */
const LOOK_INTERVAL_MS = 250;

/**
 * How long a child may stay at one case, in milliseconds. Slow cases are found in the child itself;
 * this is for those that never end, and longer than making a finding smaller may take.
 */
const STUCK_MS = 60_000;

/** What a child is told to try. */
export interface PureOrder extends Omit<PureRun, "onCase"> {
  readonly name: string;
}

/** Which cases of a target are tried; `seed` is that of the whole run. */
export interface PureJob extends Omit<PureRun, "onCase"> {
  readonly target: PureTarget;
}

/** A child process, started anew after one has hung or died. */
export class PureProcess implements Disposable {
  readonly #path: string;
  readonly #progress: Progress;
  #child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
  #onResult: (result: PureResult | undefined) => void = () => undefined;

  /** @param path A file for its use. */
  constructor(path: string) {
    this.#path = path;
    this.#progress = Progress.create(path);
  }

  /** Tries cases of a target, and waits for it. Rejects only on a bug here. */
  async run({ target, seed, from, count }: PureJob): Promise<Outcome> {
    const start = performance.now();
    const { promise, resolve } = Promise.withResolvers<PureResult | undefined>();
    this.#onResult = resolve;
    this.#progress.index = from;
    this.#child ??= this.#spawn();
    const child = this.#child;
    const order: PureOrder = { name: target.name, seed: seedOf(seed, target.name), from, count };
    child.send(order);
    let isStuck = false;
    const stopWatching = this.#watch(() => {
      isStuck = true;
      child.kill("SIGKILL");
    });
    const result = await promise;
    stopWatching();
    const done = { target: target.name, seconds: (performance.now() - start) / 1000 };
    if (result !== undefined) {
      const { cases, slowest, finding } = result;
      const findings = finding === undefined ? [] : [{ target: target.name, ...finding }];
      return { ...done, cases, slowest, findings };
    }
    this.#child = undefined;
    const { index } = this.#progress;
    const complaint = await new Response(child.stderr).text();
    const finding: Finding = {
      target: target.name,
      kind: isStuck ? "hang" : "crash",
      where: String(index),
      what: isStuck
        ? `did not end within ${STUCK_MS / 1000} s`
        : shown(`the process ended (${child.signalCode ?? child.exitCode}): ${complaint.trim()}`),
      input: target.show(order.seed, index),
    };
    const slowest = { ms: isStuck ? STUCK_MS : 0, index };
    return { ...done, cases: index - from + 1, slowest, findings: [finding] };
  }

  [Symbol.dispose](): void {
    this.#child?.kill("SIGKILL");
  }

  #spawn(): Bun.Subprocess<"ignore", "ignore", "pipe"> {
    return Bun.spawn([process.execPath, join(import.meta.dir, "child.ts"), this.#path], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      ipc: (result: PureResult) => this.#onResult(result),
      onExit: () => this.#onResult(undefined),
    });
  }

  /** Calls when the child has been at the same case for too long; returns how to stop that. */
  #watch(onStuck: () => void): () => void {
    let last = -1;
    let since = performance.now();
    const timer = setInterval(() => {
      const { index } = this.#progress;
      const now = performance.now();
      if (index !== last) {
        last = index;
        since = now;
      } else if (now - since > STUCK_MS) {
        clearInterval(timer);
        onStuck();
      }
    }, LOOK_INTERVAL_MS);
    return () => clearInterval(timer);
  }
}
