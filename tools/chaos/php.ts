import { join } from "node:path";
import { waitUntil } from "../cluster/wait.ts";
import { Helper } from "./helper.ts";
import type { Published } from "./ledger.ts";

/** How long it may take to register some topics, in milliseconds. */
const READY_DEADLINE_MS = 20_000;

/** A line of `publisher.php`. */
type Line =
  | { readonly ready: true }
  | readonly [
      number: number,
      topic: string,
      began: number,
      answered: number,
      statuses: readonly number[],
      error: string,
    ];

export interface PhpOptions {
  /** From 0. */
  readonly publisher: number;
  readonly url: string;
  readonly secret: string;
  readonly topics: readonly string[];
  readonly everyMs: number;
  readonly onFault: (fault: Error) => void;
}

/** Large events, one after the other. */
export interface Burst {
  readonly topic: string;
  readonly bytes: number;
  readonly count: number;
  readonly everyMs: number;
}

/** One of Wavelog's web servers: a real PHP that publishes all the time. */
export class Php implements AsyncDisposable {
  /** Every event so far, in order. */
  readonly published: Published[] = [];
  readonly #options: PhpOptions;
  readonly #helper: Helper<Line>;
  #isReady = false;

  constructor(options: PhpOptions) {
    const { publisher, url, secret, topics, everyMs, onFault } = options;
    this.#options = options;
    this.#helper = new Helper({
      name: `PHP ${publisher + 1}`,
      command: ["php", join(import.meta.dir, "publisher.php")],
      order: { url, secret, publisher, topics, everyMs },
      onReport: (line) => this.#read(line),
      onFault,
    });
  }

  /** Waits until its topics are registered. */
  async ready(signal: AbortSignal): Promise<void> {
    const isReady = async (): Promise<boolean> => this.#isReady;
    await waitUntil(isReady, "PHP to have registered its topics", READY_DEADLINE_MS, signal);
  }

  setSecret(secret: string): void {
    this.#helper.tell({ secret });
  }

  /** Publishes large events between the others. */
  burst(burst: Burst): void {
    this.#helper.tell({ burst });
  }

  /** Ends it after the event under way. */
  async stop(): Promise<void> {
    await this.#helper.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#helper[Symbol.asyncDispose]();
  }

  #read(line: Line): void {
    if ("ready" in line) {
      this.#isReady = true;
      return;
    }
    const [number, topic, began, answered, statuses, error] = line;
    const { publisher } = this.#options;
    this.published.push({ publisher, number, topic, began, answered, statuses, error });
  }
}
