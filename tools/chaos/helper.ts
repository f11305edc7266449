import { LAUNCHER } from "../cluster/child.ts";

/** How to start a helper. */
export interface HelperOptions<Report> {
  /** What it is called in messages. */
  readonly name: string;
  readonly command: readonly string[];
  /** Its first order; what must be in no list of processes is told here. */
  readonly order: object;
  readonly onReport: (report: Report) => void;
  /** Told when it ends though nobody has asked it to. */
  readonly onFault: (fault: Error) => void;
}

/** How long a helper may take to end when it is asked to, in milliseconds. */
const STOP_DEADLINE_MS = 5000;

/** Enough to see why it ended. */
const COMPLAINT_CHARS = 1000;

/**
 * A process of this program's own that does a part of the work: takes orders and gives reports, a line
 * of JSON each, over its standard input and output. Ends with this program, whatever ends that.
 */
export class Helper<Report> implements AsyncDisposable {
  readonly #options: HelperOptions<Report>;
  readonly #process: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #reading: Promise<void>;
  #isStopping = false;

  constructor(options: HelperOptions<Report>) {
    this.#options = options;
    this.#process = Bun.spawn([...LAUNCHER, ...options.command], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.tell(options.order);
    this.#reading = this.#read();
    // A fault is told by `onFault`.
    this.#reading.catch(() => undefined);
    void this.#watch();
  }

  get pid(): number {
    return this.#process.pid;
  }

  tell(order: object): void {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    void this.#process.stdin.flush();
  }

  /** Tells it to end, and waits for its last report. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.tell({ stop: true });
    await this.#ended();
  }

  /** Waits until it ends by itself, its work done, and for its last report. */
  async done(): Promise<void> {
    await this.#process.exited;
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async #ended(): Promise<void> {
    const kill = setTimeout(() => this.#process.kill("SIGKILL"), STOP_DEADLINE_MS);
    await this.#process.exited;
    clearTimeout(kill);
    await this.#reading;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of this.#process.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        this.#options.onReport(JSON.parse(line) as Report);
      }
    }
  }

  async #watch(): Promise<void> {
    const said = await this.#process.stderr.text();
    const status = await this.#process.exited;
    if (!this.#isStopping && (status !== 0 || said !== "")) {
      const { name, onFault } = this.#options;
      onFault(
        new Error(`${name} ended (status ${status}): ${said.trim().slice(-COMPLAINT_CHARS)}`),
      );
    }
  }
}

/**
 * What a helper of this program's own does with its orders; it ends when there are no more, and at the
 * first fault that nobody has caught.
 */
export async function takeOrders<Order>(onOrder: (order: Order) => void): Promise<void> {
  process.on("unhandledRejection", (fault) => {
    process.stderr.write(`${fault instanceof Error ? fault.message : String(fault)}\n`, () =>
      process.exit(1),
    );
  });
  for await (const line of console) {
    onOrder(JSON.parse(line) as Order);
  }
}

/** What a helper gives its reports with. */
export function report(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
