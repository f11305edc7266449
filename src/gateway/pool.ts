import type { SocketEvent } from "../protocol/socket-event.ts";
import type { TopicMeta } from "../protocol/topic.ts";
import { Census, type Headcount } from "./census.ts";
import { encodeDelivery, type FromGateway, type GatewaySettings, type ToGateway } from "./link.ts";

/** What a {@link GatewayPool} needs. */
export interface GatewayPoolOptions {
  /** How many gateway threads run. */
  readonly threads: number;
  /** The entry point of a thread, `gateway/thread.ts`. */
  readonly threadEntry: URL;
  readonly settings: GatewaySettings;
  /** Whether another process may listen on the port too. */
  readonly reusePort: boolean;
  /** The registry's answer to a gateway's question. Must not reject. */
  readonly lookup: (topic: string) => Promise<TopicMeta | undefined>;
  /** The status object as JSON text, for sockets on `worker.status`. Must not reject. */
  readonly status: () => Promise<string>;
  /** Told of everything that happens to sockets, in order for each thread. */
  readonly onEvent: (event: SocketEvent) => void;
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

  constructor(options: GatewayPoolOptions) {
    this.#options = options;
    this.#threads = Array.from({ length: options.threads }, () => {
      return new GatewayThread(
        options.threadEntry,
        (message, thread) => this.#receive(message, thread),
        options.onFault,
      );
    });
  }

  /**
   * Opens the WebSocket port on every thread.
   *
   * @throws ListenError when the port is taken or not permitted.
   */
  async start(): Promise<void> {
    const { settings, reusePort } = this.#options;
    if (!reusePort) {
      claimPort(settings);
    }
    await Promise.all(this.#threads.map((thread) => thread.listen(settings)));
  }

  /** Hands a frame to every socket on every thread that is subscribed to the topic. */
  deliver(topic: string, frame: string): void {
    const delivery = encodeDelivery(topic, frame);
    for (const thread of this.#threads) {
      thread.post(delivery);
    }
  }

  headcount(): Headcount {
    return this.#census.headcount();
  }

  /** Topics with at least one socket, in no particular order. */
  activeTopics(): readonly string[] {
    return this.#census.activeTopics();
  }

  /** Accepts nobody any more; sockets that are open stay. */
  stopListening(): void {
    for (const thread of this.#threads) {
      thread.post({ kind: "stop_listening" });
    }
  }

  /**
   * Closes every socket with 1012 once it has been given what was delivered before, then ends the
   * threads. Resolves when they have, or after a deadline.
   */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
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
      case "listening":
      case "failed":
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
    }
    this.#options.onEvent(event);
  }
}

type Milestone = Extract<FromGateway, { kind: "listening" | "failed" | "closed" }>;

/** One thread: its `Worker`, and the milestone somebody waits for. */
class GatewayThread {
  readonly #worker: Worker;
  #milestone = Promise.withResolvers<Milestone>();
  #isEnding = false;

  constructor(
    entry: URL,
    onMessage: (message: FromGateway, thread: GatewayThread) => void,
    onFault: (fault: Error) => void,
  ) {
    this.#worker = new Worker(entry.href);
    this.#worker.onmessage = ({ data }: MessageEvent<FromGateway>) => onMessage(data, this);
    this.#worker.onerror = (event) => onFault(new Error(`gateway thread: ${event.message}`));
    this.#worker.addEventListener("close", () => {
      if (!this.#isEnding) {
        onFault(new Error("gateway thread ended by itself"));
      }
    });
  }

  post(message: ToGateway): void {
    this.#worker.postMessage(message);
  }

  settle(milestone: Milestone): void {
    this.#milestone.resolve(milestone);
  }

  async listen(settings: GatewaySettings): Promise<void> {
    const answer = await this.#ask({ kind: "start", settings });
    if (answer?.kind === "failed") {
      throw new ListenError(answer.code, { message: answer.message });
    }
    if (answer === undefined) {
      throw new ListenError("ETIMEDOUT", { message: "gateway thread did not start in time" });
    }
  }

  async close(): Promise<void> {
    await this.#ask({ kind: "close" });
    this.#isEnding = true;
    this.#worker.terminate();
  }

  /** Posts a message and waits for the milestone it leads to; `undefined` after the deadline. */
  async #ask(message: ToGateway): Promise<Milestone | undefined> {
    this.#milestone = Promise.withResolvers();
    this.post(message);
    const deadline = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => deadline.resolve(undefined), THREAD_DEADLINE_MS);
    const answer = await Promise.race([this.#milestone.promise, deadline.promise]);
    clearTimeout(timer);
    return answer;
  }
}

/**
 * Fails when anybody listens on the port already. The threads share it (`reusePort`), and would
 * share it as silently with another worker of the same user.
 */
function claimPort(settings: GatewaySettings): void {
  try {
    const { hostname, port } = settings;
    Bun.listen({ hostname, port, socket: { data: () => undefined } }).stop(true);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new ListenError(code ?? "unknown", { message, cause });
  }
}
