import { z } from "zod";
import { CLEAN_ENVIRONMENT } from "./child.ts";
import type { Cleanup } from "./cleanup.ts";
import type { Launch } from "./contenders/contender.ts";
import { within } from "./deadline.ts";

/** How much longer than the generator's own deadline its report may take. */
const REPORT_GRACE_MS = 5_000;
/** A report that waits for nothing. */
const PROMPT_MS = 10_000;
/** The generator ends at once when told to, having 10,000 sockets to reset. */
const QUIT_MS = 5_000;
/** Room for the longest start-up's stop, which the generator awaits before it reports. */
const STOP_MS = 15_000;

const ready = z.object({ ok: z.boolean() });
const reset = z.object({ ok: z.boolean() });
const connected = z.object({
  ok: z.boolean(),
  ready: z.number(),
  ms: z.number(),
  cpu_us: z.number(),
  reason: z.string(),
});
const keep = z.object({ ok: z.boolean() });
const kept = z.object({
  ok: z.boolean(),
  sockets: z.number(),
  ready: z.number(),
  lost: z.number(),
  failed: z.number(),
  gave_up: z.number(),
  absences: z.number(),
  median_ms: z.number(),
  p99_ms: z.number(),
  max_ms: z.number(),
  reason: z.string(),
});
const counts = z.object({
  ok: z.boolean(),
  at_ns: z.number(),
  sockets: z.number(),
  wanted: z.number(),
  total: z.number(),
  missed: z.number(),
  repeated: z.number(),
  bad: z.number(),
  lost: z.number(),
  cpu_us: z.number(),
  wall_us: z.number(),
  reason: z.string(),
});
const storm = z.object({
  ok: z.boolean(),
  ready: z.number(),
  attempts: z.number(),
  failed: z.number(),
  gave_up: z.number(),
  lost: z.number(),
  ms: z.number(),
  cpu_us: z.number(),
  reason: z.string(),
});
const published = z.object({
  ok: z.boolean(),
  accepted: z.number(),
  status: z.number(),
  first_ns: z.number(),
  last_ns: z.number(),
  behind_ms: z.number(),
  cpu_us: z.number(),
});
const php = z.object({
  ok: z.boolean(),
  answered: z.number(),
  failed: z.number(),
  status: z.number(),
  median_ms: z.number(),
  p99_ms: z.number(),
  max_ms: z.number(),
  cpu_us: z.number(),
});
const startup = z.object({
  ok: z.boolean(),
  ms: z.number(),
  status: z.number(),
  exit: z.number(),
});
const anyEvent = z.looseObject({ event: z.string() });

/**
 * Counters of all subscribers: `wanted` deliveries in all, of which `missed` have not come;
 * `repeated` came again or out of order; `bad` frames are none we published; `lost` sockets were
 * cut off; `at_ns` is monotonic time; `cpu_us` and `wall_us` are the generator's since the reset.
 */
export type Counts = z.infer<typeof counts>;
/** How connecting went; `ms` from the first connect() to the last subscription. */
export type Connected = z.infer<typeof connected>;
/** Who was lost since keeping began, and how long those who came back had been away. */
export type Kept = z.infer<typeof kept>;
/** How a storm went; `ms` from the first connect() to the last auth_ok. */
export type Storm = z.infer<typeof storm>;
/** A keep-alive publisher's result; `behind_ms` is the most it lagged behind its pace. */
export type Published = z.infer<typeof published>;
/** Round trips of publishers that connect anew each time. */
export type RoundTrips = z.infer<typeof php>;
/** One start: `ms` from fork() to the first status 200; `exit` is the status it stopped with. */
export type Startup = z.infer<typeof startup>;

/** Payload bytes and the number of events of one count. */
export interface Batch {
  readonly events: number;
  readonly payloadBytes: number;
}

/**
 * One process of the load generator. Subscribers and publishers are processes of their own, so
 * that counting deliveries does not delay a publisher's clock.
 */
export class Load implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown>>();
  readonly #forget: () => void;

  private constructor(program: string, cleanup: Cleanup) {
    cleanup.assertOpen();
    this.#process = Bun.spawn([program], {
      env: CLEAN_ENVIRONMENT,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#forget = cleanup.add(() => this.#quit());
    // Whatever goes wrong while reading reaches those who wait for a report.
    void this.#read().catch((error: unknown) => this.#rejectAll(error));
  }

  /** Starts a generator. Throws when it is not ready within 10 s. */
  static async start(program: string, cleanup: Cleanup): Promise<Load> {
    const load = new Load(program, cleanup);
    await load.#await("ready", ready, PROMPT_MS);
    return load;
  }

  /**
   * Names the server for everything that follows. Sockets and events are spread over `topics`.
   * `wsPort` is another than the server's where something stands before it.
   */
  aim(launch: Launch, topics: readonly string[], wsPort: number = launch.wsPort): void {
    this.#send(describe(launch, topics, wsPort));
  }

  /**
   * Opens `sockets` subscribers, `window` handshakes at a time. Throws when one of them fails or
   * not all are authenticated within `deadlineMs`.
   */
  async connect(sockets: number, window: number, deadlineMs: number): Promise<Connected> {
    const line = `connect ${sockets} ${window} ${deadlineMs}`;
    const report = await this.#ask(line, "connect", connected, deadlineMs);
    if (!report.ok) {
      throw new Error(`${report.ready} of ${sockets} sockets authenticated: ${report.reason}`);
    }
    return report;
  }

  /** Opens `sockets` subscribers at once, by the browser's rules. Failures are in the report. */
  async storm(sockets: number, deadlineMs: number): Promise<Storm> {
    return await this.#ask(`storm ${sockets} ${deadlineMs}`, "storm", storm, deadlineMs);
  }

  /** From now on subscribers that are lost come back by the browser's rules. */
  async keep(): Promise<void> {
    await this.#ask("keep", "keep", keep, PROMPT_MS);
  }

  /** Who was lost since then. */
  async kept(): Promise<Kept> {
    return await this.#ask("kept", "kept", kept, PROMPT_MS);
  }

  /** Sets the subscribers' counters to zero and tells them what will come. */
  async reset(batch: Batch): Promise<void> {
    await this.#ask(`reset ${batch.payloadBytes} ${batch.events}`, "reset", reset, PROMPT_MS);
  }

  /** Waits until every subscriber has got all pushes, or time is up, or one is cut off. */
  async expect(deadlineMs: number): Promise<Counts> {
    return await this.#ask(`expect ${deadlineMs}`, "expect", counts, deadlineMs);
  }

  /** The counters as they are. */
  async report(): Promise<Counts> {
    return await this.#ask("report", "report", counts, PROMPT_MS);
  }

  /** Publishes over one connection as fast as answers come. Throws when one is not accepted. */
  async burst(batch: Batch, deadlineMs: number): Promise<Published> {
    const line = `burst ${batch.events} ${batch.payloadBytes} ${deadlineMs}`;
    return accepted(await this.#ask(line, "burst", published, deadlineMs), batch);
  }

  /** Publishes over one connection, `rate` per second. Throws when one is not accepted. */
  async paced(rate: number, batch: Batch, deadlineMs: number): Promise<Published> {
    const line = `paced ${rate} ${batch.events} ${batch.payloadBytes} ${deadlineMs}`;
    return accepted(await this.#ask(line, "paced", published, deadlineMs), batch);
  }

  /**
   * Publishes over a new connection each, `rate` per second. Throws when one is not accepted
   * within `patienceMs`.
   */
  async php(rate: number, batch: Batch, patienceMs: number): Promise<RoundTrips> {
    const report = await this.tryPhp(rate, batch, patienceMs);
    if (!report.ok) {
      const why = `last status ${report.status}`;
      throw new Error(`${report.failed} of ${batch.events} publishes failed (${why})`);
    }
    return report;
  }

  /** The same, but those that fail are only counted; times are those of the others. */
  async tryPhp(rate: number, batch: Batch, patienceMs: number): Promise<RoundTrips> {
    const line = `php ${rate} ${batch.events} ${batch.payloadBytes} ${patienceMs}`;
    const duration = Math.ceil((batch.events / rate) * 1000) + patienceMs;
    return await this.#ask(line, "php", php, duration);
  }

  /** Starts a program, measures until its status is 200, stops it. Throws when it never is. */
  async startup(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    log: string,
    deadlineMs: number,
  ): Promise<Startup> {
    const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const program = settings.length === 0 ? command : ["/usr/bin/env", ...settings, ...command];
    const line = `startup ${deadlineMs} ${[log, ...program].join("\t")}`;
    const report = await this.#ask(line, "startup", startup, deadlineMs + STOP_MS);
    if (!report.ok) {
      throw new Error(`no status 200 within ${deadlineMs} ms (exit status ${report.exit})`);
    }
    return report;
  }

  /** Closes all sockets and ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#forget();
    await this.#quit();
  }

  async #quit(): Promise<void> {
    try {
      this.#send("quit");
      await within(QUIT_MS, "the load generator to end", this.#process.exited);
    } catch {
      // Busy, or ended by itself; those who wait for its reports hear of that.
      this.#process.kill("SIGKILL");
      await this.#process.exited;
    }
  }

  #send(line: string): void {
    this.#process.stdin.write(`${line}\n`);
    this.#process.stdin.flush();
  }

  async #ask<T>(line: string, event: string, schema: z.ZodType<T>, deadlineMs: number): Promise<T> {
    const report = this.#await(event, schema, deadlineMs + REPORT_GRACE_MS);
    this.#send(line);
    return await report;
  }

  async #await<T>(event: string, schema: z.ZodType<T>, deadlineMs: number): Promise<T> {
    const waiter = Promise.withResolvers<unknown>();
    this.#waiting.set(event, waiter);
    const report = within(deadlineMs, `the load generator's "${event}"`, waiter.promise);
    return schema.parse(await report);
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.#process.stdout) {
      text += decoder.decode(chunk, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#dispatch(line);
    }
    const complaint = (await this.#process.stderr.text()).trim();
    throw new Error(`the load generator ended: ${complaint || "without a word"}`);
  }

  #dispatch(line: string): void {
    const report = anyEvent.parse(JSON.parse(line));
    this.#waiting.get(report.event)?.resolve(report);
    this.#waiting.delete(report.event);
  }

  #rejectAll(error: unknown): void {
    for (const waiter of this.#waiting.values()) waiter.reject(error);
    this.#waiting.clear();
  }
}

/** The lines that tell the generator how a server wants to be spoken to. */
function describe(launch: Launch, topics: readonly string[], wsPort: number): string {
  const { subscribe, talk, push, ping, publish } = launch.dialect;
  return [
    "clear",
    `target ${wsPort} ${launch.httpPort}`,
    `subscribe ${subscribe}`,
    ...talk.map((turn) => ("send" in turn ? `say ${turn.send}` : `hear ${turn.await}`)),
    `push ${push.prefix}\t${push.suffix}`,
    ...(ping === undefined ? [] : [`ping ${ping.text}\t${ping.answer}`]),
    `publish ${[publish.path, publish.prefix, publish.suffix, publish.escaped ? "escaped" : "plain"].join("\t")}`,
    ...publish.headers.map((line) => `header ${line}`),
    `probe ${launch.probe.path}`,
    ...launch.probe.headers.map((line) => `probe-header ${line}`),
    ...topics.map((topic) => `topic ${topic}\t${launch.token(topic)}`),
  ].join("\n");
}

function accepted(report: Published, batch: Batch): Published {
  if (report.ok) return report;
  const why = `last status ${report.status}`;
  throw new Error(`${report.accepted} of ${batch.events} publishes were accepted (${why})`);
}
