import { publishBody } from "./api.ts";
import { eventually } from "./changes.ts";
import { type Connection, Listener } from "./cluster-listener.ts";
import type { Nodes } from "./cluster-nodes.ts";
import type { WorkerProcess } from "./worker.ts";

/** How long the last events may take to arrive, in milliseconds: a worker's way back, and a margin. */
const ARRIVAL_DEADLINE_MS = 25_000;

const PUSH = '{"type":"push","payload":{"lane":';

/** Where a publisher goes with its next event; `undefined`: nowhere for now. */
type PublishAt = () => Pick<WorkerProcess, "api"> | undefined;

/** A publisher: one event after the other, each after the last one's answer, as PHP's calls are. */
class Lane {
  readonly number: number;
  /** Counts of the events that were answered 200. */
  readonly accepted = new Set<number>();
  /** Counts of the events whose answer did not come: nobody knows what became of them. */
  readonly unknown = new Set<number>();
  /** Answers other than 200. */
  readonly refusals: string[] = [];
  slowestMs = 0;
  #count = 0;
  readonly #topic: string;
  readonly #worker: PublishAt;

  constructor(number: number, topic: string, worker: PublishAt) {
    this.number = number;
    this.#topic = topic;
    this.#worker = worker;
  }

  async publish(): Promise<void> {
    const worker = this.#worker();
    if (worker === undefined) {
      return;
    }
    this.#count += 1;
    const count = this.#count;
    const body = publishBody(this.#topic, `{"lane":${this.number},"count":${count}}`);
    const start = performance.now();
    try {
      const answer = await worker.api.post("/internal/publish", body);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - start);
      if (answer.status === 200 && answer.body === "") {
        this.accepted.add(count);
      } else {
        this.unknown.add(count);
        this.refusals.push(`${answer.status} ${answer.body}`);
      }
    } catch (fault) {
      this.unknown.add(count);
      this.refusals.push(String(fault));
    }
  }
}

/** What the books say in the end. */
export interface Verdict {
  readonly published: number;
  /** Publishes that were not answered 200. */
  readonly refused: readonly string[];
  readonly slowestMs: number;
  readonly lost: number;
  readonly doubled: number;
  readonly disordered: number;
}

export interface LedgerOptions {
  readonly nodes: Nodes;
  readonly topic: string;
}

/**
 * Books about who has published what and who has got it: each client each event once, in each
 * publisher's order.
 */
export class Ledger implements Disposable {
  readonly #options: LedgerOptions;
  readonly #lanes: Lane[] = [];
  /** Of those that stay connected: each must get everything. */
  readonly #steady: Listener[] = [];
  /** Of those that come and go: each connection must be without a gap. */
  readonly #fickle: Listener[] = [];
  #flows: Promise<void>[] = [];
  #isFlowing = false;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Opens clients on one node that stay there. */
  async listen(number: number, clients: number): Promise<void> {
    const { nodes, topic } = this.#options;
    const port = (): number => nodes.at(number).ports.ws;
    const opened = Array.from({ length: clients }, () => Listener.open({ topic, port }));
    this.#steady.push(...(await Promise.all(opened)));
  }

  /** Opens clients that come back as browsers do, to where they are sent. */
  async visit(clients: number, port: (client: number) => number): Promise<readonly Listener[]> {
    const { topic } = this.#options;
    const opened = Array.from({ length: clients }, (_, client) =>
      Listener.open({ topic, port: () => port(client), comesBack: true }),
    );
    const listeners = await Promise.all(opened);
    this.#fickle.push(...listeners);
    return listeners;
  }

  /** Adds publishers on one node. `worker` is asked before each event; without one it pauses. */
  addLanes(count: number, worker: PublishAt): void {
    for (let added = 0; added < count; added += 1) {
      this.#lanes.push(new Lane(this.#lanes.length, this.#options.topic, worker));
    }
  }

  /** Has every publisher publish so many events, as fast as the answers come. */
  async burst(events: number): Promise<void> {
    const bursts = this.#lanes.map(async (lane) => {
      for (let published = 0; published < events; published += 1) {
        await lane.publish();
      }
    });
    await Promise.all(bursts);
  }

  /** Has every publisher publish so many events a second, until `stop`. */
  flow(perSecond: number): void {
    this.#isFlowing = true;
    const pauseMs = 1000 / perSecond;
    this.#flows = this.#lanes.map(async (lane, index) => {
      // Spread over the interval, so that they do not go in step.
      let due = performance.now() + (pauseMs * index) / this.#lanes.length;
      while (this.#isFlowing) {
        await Bun.sleep(Math.max(0, due - performance.now()));
        await lane.publish();
        // One that had to wait makes up for it: the rate holds on the whole.
        due += pauseMs;
      }
    });
  }

  /** Events accepted so far. */
  get accepted(): number {
    return this.#lanes.reduce((sum, { accepted }) => sum + accepted.size, 0);
  }

  /** Waits until so many more events have been accepted. */
  async moreAccepted(events: number): Promise<void> {
    const goal = this.accepted + events;
    await eventually(() => this.accepted >= goal, `${events} more events to be accepted`);
  }

  /** Ends the flow; every call under way gets its answer. */
  async stop(): Promise<void> {
    this.#isFlowing = false;
    await Promise.all(this.#flows);
  }

  /** Waits until those that stay connected have got all that was accepted; nothing may be on its way. */
  async allArrived(deadlineMs?: number): Promise<void> {
    const arrived = (): boolean => this.#steady.every((listener) => this.#hasAll(listener));
    await eventually(arrived, "everything to arrive", deadlineMs);
  }

  /** Ends the flow, waits until what was accepted has arrived, and closes the books. */
  async close(deadlineMs: number = ARRIVAL_DEADLINE_MS): Promise<Verdict> {
    await this.stop();
    // One last event of each publisher: what is doubled comes before it.
    await this.burst(1);
    await this.allArrived(deadlineMs).catch(() => undefined);
    let lost = 0;
    let doubled = 0;
    let disordered = 0;
    for (const listener of this.#steady) {
      const books = this.#audit(listener.connections.slice(0, 1));
      lost += this.#missing(books.seen);
      doubled += books.doubled;
      disordered += books.disordered;
    }
    for (const { connections } of this.#fickle) {
      const books = this.#audit(connections);
      lost += books.gaps;
      doubled += books.doubled;
      disordered += books.disordered;
    }
    return {
      published: this.accepted,
      refused: this.#lanes.flatMap(({ refusals }) => refusals),
      slowestMs: Math.max(0, ...this.#lanes.map(({ slowestMs }) => slowestMs)),
      lost,
      doubled,
      disordered,
    };
  }

  [Symbol.dispose](): void {
    this.#isFlowing = false;
    for (const listener of [...this.#steady, ...this.#fickle]) {
      listener[Symbol.dispose]();
    }
  }

  #hasAll(listener: Listener): boolean {
    const [connection] = listener.connections;
    return connection !== undefined && connection.frames.length >= this.accepted;
  }

  /** Accepted events that are not among those seen. */
  #missing(seen: readonly ReadonlySet<number>[]): number {
    return this.#lanes.reduce((missing, { number, accepted }) => {
      return missing + [...accepted].filter((count) => !seen[number]?.has(count)).length;
    }, 0);
  }

  /** Goes through what came to one client, over one connection after the other. */
  #audit(connections: readonly Connection[]): {
    seen: readonly Set<number>[];
    doubled: number;
    disordered: number;
    gaps: number;
  } {
    const seen = this.#lanes.map(() => new Set<number>());
    let doubled = 0;
    let disordered = 0;
    let gaps = 0;
    for (const { frames } of connections) {
      const last = this.#lanes.map(() => 0);
      for (const frame of frames) {
        const { lane, count } = readFrame(frame);
        const before = last[lane] ?? 0;
        if (seen[lane]?.has(count)) {
          doubled += 1;
        } else if (count < before) {
          disordered += 1;
        }
        for (let missing = before + 1; before > 0 && missing < count; missing += 1) {
          gaps += this.#lanes[lane]?.accepted.has(missing) ? 1 : 0;
        }
        seen[lane]?.add(count);
        last[lane] = Math.max(before, count);
      }
    }
    return { seen, doubled, disordered, gaps };
  }
}

function readFrame(frame: string): { lane: number; count: number } {
  if (!frame.startsWith(PUSH)) {
    throw new Error(`an unexpected frame: ${frame.slice(0, 200)}`);
  }
  return JSON.parse(frame.slice('{"type":"push","payload":'.length, -1));
}

/** Tells the figures of a run, so that they can be quoted. */
export function report(what: string, { published, refused, slowestMs, ...rest }: Verdict): void {
  const faults = `${rest.lost} lost, ${rest.doubled} doubled, ${rest.disordered} out of order`;
  const answers = `${refused.length} refused, slowest publish ${slowestMs.toFixed(0)} ms`;
  process.stderr.write(`  ${what}: ${published} published, ${faults}, ${answers}\n`);
}
