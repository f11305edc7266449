import type { Contender } from "../contenders/contender.ts";
import { type Cost, deliverMeasured } from "../deliveries.ts";
import { messageOf } from "../errors.ts";
import type { Published } from "../load.ts";
import type { Curve } from "../report/types.ts";
import type { Bench, Stage } from "../scenario.ts";

/** A line of a curve, and who is measured for it: a contender, or one with a setting. */
export interface Line {
  readonly name: string;
  readonly contender: Contender;
}

/** The lines of curves that compare the worker with the floor. */
export function workerAndYardstick({ contenders }: Bench): Line[] {
  return contenders
    .filter(({ name }) => name === "worker" || name === "yardstick")
    .map((contender) => ({ name: contender.name, contender }));
}

/** Seconds of one point: the kernel's steps of 10 ms are then some percent of what is measured. */
const SECONDS = 3;
const QUICK_SECONDS = 1.5;
/** Code is compiled and buffers are grown when it counts. */
const WARM_UP_SECONDS = 1;
const PAYLOAD_BYTES = 200;
const DEADLINE_MS = 60_000;
/** Enough for a point; whoever is slower than the pace would otherwise take all day. */
const MOST_DELIVERIES = 500_000;

/** What is published at a stage. */
export interface Pace {
  readonly eventsPerSecond: number;
  readonly payloadBytes?: number;
}

/** Everything that is needed to know what a point cost. */
export type PaceSample = Cost<Published>;

async function deliver(stage: Stage, pace: Pace, seconds: number): Promise<PaceSample> {
  const rate = pace.eventsPerSecond;
  const { sockets } = await stage.subscribers.report();
  const most = Math.ceil((MOST_DELIVERIES * stage.server.topics.length) / Math.max(1, sockets));
  const events = Math.max(1, Math.min(most, Math.ceil(rate * seconds)));
  const batch = { events, payloadBytes: pace.payloadBytes ?? PAYLOAD_BYTES };
  return await deliverMeasured(stage, batch, DEADLINE_MS, () =>
    stage.publisher.paced(rate, batch, DEADLINE_MS),
  );
}

/** Some events at a pace before it counts. */
export async function warmUp(stage: Stage, pace: Pace): Promise<void> {
  await deliver(stage, pace, WARM_UP_SECONDS);
}

/** Events at a steady pace over one connection that is kept, for a few seconds. */
export async function pacedOn(bench: Bench, stage: Stage, pace: Pace): Promise<PaceSample> {
  return await deliver(stage, pace, bench.quick ? QUICK_SECONDS : SECONDS);
}

interface Taken<T> {
  readonly x: number;
  readonly sample: T;
}

/** Collects the points of some lines. Whoever fails at one point is not there in the curve. */
export class Growth<T> {
  readonly #bench: Bench;
  readonly #name: string;
  readonly #taken = new Map<string, Taken<T>[]>();
  readonly #failures: string[] = [];

  constructor(bench: Bench, name: string) {
    this.#bench = bench;
    this.#name = name;
  }

  /** What failed, for the notes. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** Measures one point. */
  async point(line: Line, x: number, once: () => Promise<T>): Promise<void> {
    this.#bench.setup.progress(`${this.#name}: ${line.name} at ${x.toLocaleString("en")}`);
    await this.#attempt(`${line.name} at ${x.toLocaleString("en")}`, async () => {
      this.add(line, x, await once());
    });
  }

  /** Measures several points of one line that stand on the same thing, which may fail as well. */
  async several(line: Line, all: () => Promise<void>): Promise<void> {
    await this.#attempt(line.name, all);
  }

  /** Adds a point that has been measured. */
  add(line: Line, x: number, sample: T): void {
    const soFar = this.#taken.get(line.name) ?? [];
    this.#taken.set(line.name, [...soFar, { x, sample }]);
  }

  /** The points of a line. */
  taken(name: string): readonly Taken<T>[] {
    return this.#taken.get(name) ?? [];
  }

  /** The lines of a curve: one figure out of each sample. */
  lines(take: (sample: T, x: number) => number): Curve["lines"] {
    return [...this.#taken].map(([name, taken]) => ({
      name,
      points: taken.map(({ x, sample }) => ({ x, samples: [take(sample, x)] })),
    }));
  }

  async #attempt(what: string, once: () => Promise<void>): Promise<void> {
    try {
      await once();
    } catch (error) {
      // Interrupted: nobody failed, the servers were stopped.
      this.#bench.setup.cleanup.assertOpen();
      this.#failures.push(`${this.#name}: ${what} failed: ${messageOf(error)}`);
    }
  }
}
