import { join } from "node:path";
import { waitUntil } from "../cluster/wait.ts";
import type { BrowserChange, BrowsersOrder, BrowsersReport } from "./browsers.ts";
import { Helper } from "./helper.ts";
import type { Connection } from "./ledger.ts";

/** How long the pages may take to be live in the beginning, in milliseconds. */
const OPEN_DEADLINE_MS = 60_000;

export interface CrowdOptions {
  readonly name: string;
  /** The number of its first browser, so that no two crowds have the same ones. */
  readonly first: number;
  /** A page for each entry: its topic. */
  readonly topics: readonly string[];
  readonly endpoint: string;
  readonly ca?: string;
  readonly secret: string;
  readonly onFault: (fault: Error) => void;
}

/** A browser that has given up. */
export interface GivenUp {
  readonly browser: number;
  readonly topic: string;
  readonly at: number;
  readonly why: string;
}

/** Browsers in a process of their own, and the books about them. */
export class Crowd implements AsyncDisposable {
  /** Every socket that was let in, in the order in which they were: their numbers less one. */
  readonly connections: Connection[] = [];
  /** How long each absence lasted that is over, in milliseconds. */
  readonly absences: number[] = [];
  readonly givenUp: GivenUp[] = [];
  /** Sockets lost so far, and attempts that failed. */
  losses = 0;
  readonly #options: CrowdOptions;
  readonly #helper: Helper<BrowsersReport>;
  /** The socket that each browser has now. */
  readonly #current = new Map<number, Connection>();

  constructor(options: CrowdOptions) {
    const { name, topics, endpoint, ca, secret, onFault } = options;
    this.#options = options;
    const order: BrowsersOrder = {
      ...{ open: topics, endpoint, secret },
      ...(ca === undefined ? {} : { ca }),
    };
    this.#helper = new Helper({
      name,
      command: [process.execPath, join(import.meta.dir, "browsers.ts")],
      order,
      onReport: (report) => this.#read(report),
      onFault,
    });
  }

  get size(): number {
    return this.#options.topics.length;
  }

  /** How many are connected now. */
  get live(): number {
    return this.#current.size;
  }

  /** Waits until all are connected that have not given up. */
  async areLive(signal: AbortSignal, deadlineMs: number = OPEN_DEADLINE_MS): Promise<void> {
    const areLive = async (): Promise<boolean> => this.live + this.givenUp.length >= this.size;
    await waitUntil(areLive, `all of the ${this.#options.name} to be live`, deadlineMs, signal);
  }

  /** From now on pages are loaded with tokens of this secret. */
  setSecret(secret: string): void {
    this.#helper.tell({ secret } satisfies BrowsersOrder);
  }

  /** Has every page loaded anew within this time, in milliseconds, and waits until all are live. */
  async reload(withinMs: number, signal: AbortSignal): Promise<void> {
    this.#helper.tell({ reloadMs: withinMs } satisfies BrowsersOrder);
    await Bun.sleep(withinMs);
    await this.areLive(signal);
  }

  /** Ends it after its last report. */
  async stop(): Promise<void> {
    await this.#helper.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#helper[Symbol.asyncDispose]();
  }

  #read({ changes, got }: BrowsersReport): void {
    for (const change of changes) {
      this.#changed(change);
    }
    for (let at = 0; at < got.length; at += 2) {
      this.connections[(got[at] ?? 0) - 1]?.got.push(got[at + 1] ?? 0);
    }
  }

  #changed(change: BrowserChange): void {
    const browser = this.#options.first + change.browser;
    const topic = this.#options.topics[change.browser] ?? "";
    const current = this.#current.get(browser);
    if (change.is === "live") {
      const connection: Connection = { browser, topic, from: change.at, to: undefined, got: [] };
      this.connections.push(connection);
      this.#current.set(browser, connection);
      if (change.absentMs !== undefined) {
        this.absences.push(change.absentMs);
      }
      return;
    }
    if (current !== undefined) {
      current.to = change.at;
      this.#current.delete(browser);
    }
    if (change.is !== "left") {
      this.losses += 1;
    }
    if (change.is === "given up") {
      this.givenUp.push({ browser, topic, at: change.at, why: change.why });
    }
  }
}
