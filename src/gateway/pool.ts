import { randomInt } from "node:crypto";
import type { Readiness } from "../protocol/readiness.ts";
import type { RefusalCounts, SocketEvent } from "../protocol/socket-event.ts";
import type { TopicMeta } from "../protocol/topic.ts";
import { Admission, admissionMemory } from "./admission.ts";
import { Census, type Headcount } from "./census.ts";
import { DeliveryTimes } from "./delivery-times.ts";
import {
  encodeDelivery,
  type FromGateway,
  type GatewayAddress,
  type GatewaySettings,
  type ToGateway,
} from "./link.ts";
import { Pace } from "./pace.ts";
import { countsBetween, Progress } from "./progress.ts";
import { NO_REPORT, type ThreadReport } from "./thread-report.ts";
import { type Backlog, MAX_DELAY_MS, type QueueSize } from "./throttle.ts";

/** What a {@link GatewayPool} needs. */
export interface GatewayPoolOptions {
  /** How many gateway threads run. */
  readonly threads: number;
  /** The entry point of a thread, `gateway/thread.ts`. */
  readonly threadEntry: URL;
  readonly address: GatewayAddress;
  readonly settings: GatewaySettings;
  /** Bytes that may wait for one slow reader. */
  readonly maxBuffered: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Whether another process may listen on the port too. */
  readonly reusePort: boolean;
  /** The registry's answer to a gateway's question. Must not reject. */
  readonly lookup: (topic: string) => Promise<TopicMeta | undefined>;
  /** The status object as JSON text, for sockets on `worker.status`. Must not reject. */
  readonly status: () => Promise<string>;
  /** Told of everything that happens to sockets, in order for each thread. */
  readonly onEvent: (event: SocketEvent) => void;
  /** It was measured how long a delivery takes to its sockets, in milliseconds. */
  readonly onLag: (lagMs: number) => void;
  /** A thread, counted from 1, has told how it does. */
  readonly onReport: (thread: number, report: ThreadReport) => void;
  /** A thread has died or thrown: the worker must not go on. */
  readonly onFault: (fault: Error) => void;
}

/** The port could not be had; `code` is the system's name for why, such as `EADDRINUSE`. */
export class ListenError extends Error {
  readonly code: string;

  constructor(code: string, options: { message: string; cause?: unknown }) {
    super(options.message, { cause: options.cause });
    this.code = code;
  }
}

/** How long a thread may take to listen, or to close its sockets, in milliseconds. */
const THREAD_DEADLINE_MS = 5000;

/**
 * The gateway threads, seen from the main thread: hands events to all of them, answers their
 * questions, counts their sockets. The only holder of {@link Worker} objects.
 */
export class GatewayPool {
  readonly #options: GatewayPoolOptions;
  readonly #threads: GatewayThread[];
  readonly #census = new Census();
  /** When the last deliveries were made, and handed to their sockets. */
  readonly deliveries: DeliveryTimes;
  readonly #memory = admissionMemory(randomInt(2 ** 32));
  readonly #admission = new Admission(this.#memory);
  #slowReaders = 0;

  constructor(options: GatewayPoolOptions) {
    this.#options = options;
    this.#threads = Array.from({ length: options.threads }, (_, index) => {
      return new GatewayThread(
        index + 1,
        options.threadEntry,
        (message, thread) => this.#receive(message, thread),
        options.onFault,
        options.now,
      );
    });
    this.deliveries = new DeliveryTimes(this.#threads.map(({ progress }) => progress));
  }

  /**
   * Opens the WebSocket port on every thread.
   *
   * @throws ListenError when the port is taken or not permitted.
   */
  async start(): Promise<void> {
    const { address, settings, maxBuffered, reusePort, now } = this.#options;
    if (!reusePort) {
      claimPort(address);
    }
    const clock = { at: now(), unixMs: performance.timeOrigin + performance.now() };
    const start = { address, settings, maxBuffered, admission: this.#memory, clock };
    await Promise.all(this.#threads.map((thread) => thread.start(start)));
  }

  /** Has every thread go by other settings from now on. Sockets that are open stay. */
  reconfigure(settings: GatewaySettings): void {
    for (const thread of this.#threads) {
      thread.post({ kind: "settings", settings });
    }
  }

  /** Hands a frame to every socket on every thread that is subscribed to the topic. */
  deliver(topic: string, frame: string): void {
    const delivery = encodeDelivery(topic, frame);
    this.deliveries.posted(this.#options.now());
    for (const thread of this.#threads) {
      thread.deliver(delivery);
    }
  }

  /**
   * Resolves once all that was delivered before has been handed to its sockets, with how many are
   * subscribed to the topic. A thread that does not answer for 5 s is waited for no longer.
   */
  async handed(topic: string): Promise<number> {
    const sockets = await Promise.all(this.#threads.map((thread) => thread.handed(topic)));
    return sockets.reduce((sum, count) => sum + count, 0);
  }

  /** What waits for each thread. */
  backlogs(): readonly Backlog[] {
    return this.#threads.map((thread) => thread.backlog());
  }

  /** How each thread does. */
  loads(): readonly ThreadLoad[] {
    return this.#threads.map((thread) => thread.load());
  }

  /** For how long each thread has been without an answer, in milliseconds. */
  silences(): readonly number[] {
    return this.#threads.map((thread) => thread.silentMs());
  }

  /**
   * To be called once a second: asks every thread for a sign of life, which measures how long a
   * delivery takes to its sockets, and tells it how the worker does.
   */
  tick(readiness: Readiness): void {
    for (const thread of this.#threads) {
      thread.measure();
      thread.post({ kind: "readiness", readiness });
    }
  }

  headcount(): Headcount {
    return this.#census.headcount();
  }

  /** Subscribed sockets on a topic. */
  socketsOn(topic: string): number {
    return this.#census.socketsOn(topic);
  }

  /** Topics with at least one socket, in no particular order. */
  activeTopics(): readonly string[] {
    return this.#census.activeTopics();
  }

  /** How many sockets each topic has; topics without any are not there. */
  watchers(): ReadonlyMap<string, number> {
    return this.#census.watchers();
  }

  /** Sockets that are held now, and how many of them are not yet subscribed. */
  held(): { readonly connections: number; readonly pending: number } {
    return this.#admission.held();
  }

  /** How often somebody was not let in since the start, by cause. */
  refusals(): RefusalCounts {
    return this.#admission.refusals();
  }

  /** Sockets that were dropped since the start because too much waited for them. */
  slowReaders(): number {
    return this.#slowReaders;
  }

  /**
   * Accepts nobody until {@link resume}; sockets that are open stay. Resolves when every thread has
   * done so, or after a deadline. Not to be called while either is under way.
   */
  async pause(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.pause()));
  }

  /**
   * Listens again on every thread; those that do already go on.
   *
   * @throws ListenError when one cannot, since somebody else has taken the port.
   */
  async resume(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.resume()));
  }

  /** Accepts nobody any more; sockets that are open stay. */
  stopListening(): void {
    for (const thread of this.#threads) {
      thread.post({ kind: "stop_listening" });
    }
  }

  /**
   * Closes every socket with 1012, in random order, spread evenly over this time; until its turn a
   * socket receives. Resolves when all have been closed, or soon after that time.
   */
  async drain(spreadMs: number): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.drain(spreadMs)));
  }

  /**
   * Closes what is left with 1012, once it has been given what was delivered before, then ends the
   * threads. Resolves when they have, or after a deadline.
   *
   * @param patienceMs How long sockets may take to say good-bye, in milliseconds.
   */
  async close(patienceMs: number): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close(patienceMs)));
  }

  #receive(message: FromGateway, thread: GatewayThread): void {
    switch (message.kind) {
      case "ask_topic":
        void this.#answerTopic(message.topic, thread);
        return;
      case "ask_status":
        void this.#answerStatus(thread);
        return;
      case "events":
        for (const event of message.events) {
          this.#record(event);
        }
        return;
      case "reached": {
        const lagMs = thread.reached();
        if (lagMs !== undefined) {
          this.#options.onLag(lagMs);
        }
        return;
      }
      case "handed":
        thread.handedTo(message.id, message.sockets);
        return;
      case "report":
        thread.report = message.report;
        this.#options.onReport(thread.number, message.report);
        return;
      case "listening":
      case "failed":
      case "paused":
      case "drained":
      case "closed":
        thread.settle(message);
        return;
    }
  }

  async #answerTopic(topic: string, thread: GatewayThread): Promise<void> {
    thread.post({ kind: "topic", topic, meta: await this.#options.lookup(topic) });
  }

  async #answerStatus(thread: GatewayThread): Promise<void> {
    thread.post({ kind: "status", json: await this.#options.status() });
  }

  #record(event: SocketEvent): void {
    if (event.type === "connected") {
      this.#census.add(event.topic, event.userId);
    } else if (event.type === "disconnected") {
      this.#census.remove(event.topic, event.userId);
      this.#slowReaders += event.buffered === undefined ? 0 : 1;
    }
    this.#options.onEvent(event);
  }
}

type StartMessage = Extract<ToGateway, { kind: "start" }>;

type Milestone = Extract<
  FromGateway,
  { kind: "listening" | "failed" | "paused" | "drained" | "closed" }
>;

/** How a gateway thread does. */
export interface ThreadLoad extends QueueSize {
  /** What it has told last, at most a second ago. */
  readonly report: ThreadReport;
  /**
   * How long the latest measured delivery took from the main thread to its sockets, in
   * milliseconds, or how long the one under way has taken if that is more.
   */
  readonly lagMs: number;
}

/** One thread: its `Worker`, what waits for it, and the milestone somebody waits for. */
class GatewayThread {
  /** Counted from 1. */
  readonly number: number;
  report: ThreadReport = NO_REPORT;
  readonly progress = new Progress();
  readonly #worker: Worker;
  readonly #now: () => number;
  #postedEvents = 0;
  #postedUnits = 0;
  readonly #pace = new Pace();
  #answeredAt: number;
  /** Who waits for `handed`, by the number of the question. */
  readonly #awaitingHanded = new Map<number, (sockets: number) => void>();
  #questions = 0;
  #milestone = Promise.withResolvers<Milestone>();
  #isEnding = false;

  constructor(
    number: number,
    entry: URL,
    onMessage: (message: FromGateway, thread: GatewayThread) => void,
    onFault: (fault: Error) => void,
    now: () => number,
  ) {
    this.number = number;
    this.#now = now;
    this.#answeredAt = now();
    this.#worker = new Worker(entry.href);
    this.#worker.onmessage = ({ data }: MessageEvent<FromGateway>) => onMessage(data, this);
    this.#worker.onerror = (event) => onFault(new Error(`gateway thread: ${event.message}`));
    this.#worker.addEventListener("close", () => {
      if (!this.#isEnding) {
        onFault(new Error("gateway thread ended by itself"));
      }
    });
  }

  post(message: Exclude<ToGateway, string>): void {
    this.#worker.postMessage(message);
  }

  deliver(delivery: string): void {
    this.#postedEvents = (this.#postedEvents + 1) >>> 0;
    this.#postedUnits = (this.#postedUnits + delivery.length) >>> 0;
    this.#worker.postMessage(delivery);
    if (this.#pace.count(delivery.length)) {
      this.measure();
    }
  }

  backlog(): Backlog {
    return { ...this.#queued(), reach: this.#pace.within(MAX_DELAY_MS) };
  }

  load(): ThreadLoad {
    const lagMs = this.#pace.lagMs(this.#now());
    return { ...this.#queued(), lagMs, report: this.report };
  }

  measure(): void {
    if (this.#pace.sent(this.#now(), this.#queued())) {
      this.post({ kind: "mark" });
    }
  }

  /** A mark has come back; how long it took, in milliseconds. */
  reached(): number | undefined {
    this.#answeredAt = this.#now();
    return this.#pace.reached(this.#answeredAt);
  }

  silentMs(): number {
    return this.#now() - this.#answeredAt;
  }

  #queued(): QueueSize {
    return {
      events: countsBetween(this.progress.events, this.#postedEvents),
      units: countsBetween(this.progress.units, this.#postedUnits),
    };
  }

  async handed(topic: string): Promise<number> {
    const id = this.#questions;
    this.#questions += 1;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#awaitingHanded.set(id, resolve);
    this.post({ kind: "hand", id, topic });
    const deadline = setTimeout(resolve, THREAD_DEADLINE_MS, 0);
    const sockets = await promise;
    clearTimeout(deadline);
    this.#awaitingHanded.delete(id);
    return sockets;
  }

  handedTo(id: number, sockets: number): void {
    this.#awaitingHanded.get(id)?.(sockets);
  }

  settle(milestone: Milestone): void {
    this.#answeredAt = this.#now();
    this.#milestone.resolve(milestone);
  }

  async start(start: Omit<StartMessage, "kind" | "progress">): Promise<void> {
    await this.#listen({ kind: "start", ...start, progress: this.progress.buffer });
  }

  async resume(): Promise<void> {
    await this.#listen({ kind: "resume" });
  }

  async #listen(message: StartMessage | { readonly kind: "resume" }): Promise<void> {
    const answer = await this.#ask(message);
    if (answer?.kind === "failed") {
      throw new ListenError(answer.code, { message: answer.message });
    }
    if (answer === undefined) {
      throw new ListenError("ETIMEDOUT", { message: "gateway thread did not start in time" });
    }
  }

  async pause(): Promise<void> {
    await this.#ask({ kind: "pause" });
  }

  async drain(spreadMs: number): Promise<void> {
    await this.#ask({ kind: "drain", spreadMs }, spreadMs + THREAD_DEADLINE_MS);
  }

  async close(patienceMs: number): Promise<void> {
    await this.#ask({ kind: "close", patienceMs });
    this.#isEnding = true;
    this.#worker.terminate();
  }

  /** Posts a message and waits for the milestone it leads to; `undefined` after the deadline. */
  async #ask(
    message: Exclude<ToGateway, string>,
    deadlineMs: number = THREAD_DEADLINE_MS,
  ): Promise<Milestone | undefined> {
    this.#milestone = Promise.withResolvers();
    this.post(message);
    const deadline = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => deadline.resolve(undefined), deadlineMs);
    const answer = await Promise.race([this.#milestone.promise, deadline.promise]);
    clearTimeout(timer);
    return answer;
  }
}

/**
 * Fails when anybody listens on the port already. The threads share it (`reusePort`), and would
 * share it as silently with another worker of the same user.
 */
function claimPort({ hostname, port }: GatewayAddress): void {
  try {
    Bun.listen({ hostname, port, socket: { data: () => undefined } }).stop(true);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new ListenError(code ?? "unknown", { message, cause });
  }
}
