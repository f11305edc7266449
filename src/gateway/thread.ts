/**
 * Entry point of a gateway thread (a Bun `Worker`): wires listener and sessions to the link. The
 * main thread starts it with the `start` message and never sees a socket.
 */
import { statusFrame } from "../protocol/frames.ts";
import type { RefusalCause, SocketEvent } from "../protocol/socket-event.ts";
import { STATUS_TOPIC } from "../protocol/topic.ts";
import { Admission } from "./admission.ts";
import { DeliveryQueue, turnBudget } from "./delivery-queue.ts";
import { EventSample } from "./event-sample.ts";
import { HeardReadiness } from "./heard-readiness.ts";
import { decodeDelivery, type FromGateway, type ToGateway } from "./link.ts";
import { Listener } from "./listener.ts";
import { LoopDelay } from "./loop-delay.ts";
import { type GatewayPolicy, gatewayPolicy } from "./policy.ts";
import { Progress } from "./progress.ts";
import { Questions } from "./questions.ts";
import { Sessions } from "./sessions.ts";
import { SlowReaders } from "./slow-readers.ts";
import { threadCpuSeconds } from "./thread-cpu.ts";
import { noTokens } from "./thread-report.ts";

declare const self: Worker;

/** How long deliveries that were accepted may take to reach their sockets at the end, in milliseconds. */
const FLUSH_DEADLINE_MS = 2000;

/** How often sockets whose turn has come are closed while draining, in milliseconds. */
const DRAIN_STEP_MS = 20;

/** How often it is looked whether all sockets are gone while closing, in milliseconds. */
const CLOSE_POLL_MS = 10;

/** A reader for whom more than this part of `max_buffered` waits is behind, or about to be dropped. */
const BEHIND_PART = 1 / 8;
const ENDANGERED_PART = 1 / 2;

function post(message: FromGateway): void {
  self.postMessage(message);
}

let events: SocketEvent[] = [];
let admission: Admission | undefined;
const sample = new EventSample<RefusalCause | "header_ignored">();

/** Tells the main thread of an event; of refusals, which are all counted here, only of some. */
function report(event: SocketEvent): void {
  if (event.type === "refused") {
    admission?.refuse(event.cause);
    const unreported = sample.take(event.cause);
    if (unreported !== undefined) {
      gather(unreported === 0 ? event : { ...event, unreported });
    }
  } else if (event.type !== "header_ignored" || sample.take(event.type) !== undefined) {
    gather(event);
  }
}

/** Gathers the events of one turn of the loop into one message. */
function gather(event: SocketEvent): void {
  if (events.push(event) === 1) {
    setImmediate(flushEvents);
  }
}

function flushEvents(): void {
  if (events.length > 0) {
    const gathered = events;
    events = [];
    post({ kind: "events", events: gathered });
  }
}

const monotonicClock = (): number => performance.now();
const loopDelay = new LoopDelay({ now: monotonicClock, wait: setTimeout });
const tokens = noTokens();
const readiness = new HeardReadiness();
const questions = new Questions({
  ask: (topic) => post({ kind: "ask_topic", topic }),
  now: monotonicClock,
  defer: setImmediate,
});
let listener: Listener | undefined;
let slowReaders: SlowReaders | undefined;
let progress: Progress | undefined;
/** What the main thread's clock shows less what this thread's does, in milliseconds. */
let clockLead = 0;
const mainClock = (): number => performance.now() + clockLead;
/** No bound before the start: nobody is there to be spared. */
let budget = Number.POSITIVE_INFINITY;
const deliveries = new DeliveryQueue({
  budget: () => budget,
  publish: (delivery) => {
    const { topic, frame } = decodeDelivery(delivery);
    slowReaders?.published(topic, frame);
    listener?.publish(topic, frame);
    progress?.add(delivery.length, mainClock());
  },
  defer: setImmediate,
  wait: setTimeout,
  patience: (delivery) => sessions?.patience(decodeDelivery(delivery).topic) ?? 0,
});
let sessions: Sessions | undefined;

/** What holds now; there is one from the start on. */
let policy: GatewayPolicy;

function start(message: Extract<ToGateway, { kind: "start" }>): void {
  const { address, settings, maxBuffered } = message;
  progress = new Progress(message.progress);
  clockLead = message.clock.at - message.clock.unixMs + performance.timeOrigin;
  policy = gatewayPolicy(settings);
  budget = turnBudget(maxBuffered);
  admission = new Admission(message.admission);
  const started = new Sessions({
    tokens: () => policy.tokens,
    behindBytes: maxBuffered * BEHIND_PART,
    endangeredBytes: maxBuffered * ENDANGERED_PART,
    wallClock: Date.now,
    monotonicClock,
    random: Math.random,
    askStatus: () => post({ kind: "ask_status" }),
    onToken: (result) => {
      tokens[result] += 1;
    },
    report,
  });
  sessions = started;
  slowReaders = new SlowReaders({
    maxBuffered,
    readersOf: (topic) => started.readersOf(topic),
    defer: setImmediate,
  });
  listener = new Listener({
    address,
    policy: () => policy,
    maxBuffered,
    sessions: started,
    admission,
    slowReaders,
    lookup: (topic) => questions.ask(topic),
    readiness: () => readiness.at(monotonicClock()),
    report,
  });
  // So that something is known of the thread from its first moment on.
  reportLoad();
  if (listen()) {
    scheduleTick(() => {
      started.tick();
      slowReaders?.tick();
      sample.renew();
      reportLoad();
    });
  }
}

function reportLoad(): void {
  const { frames, bytes } = slowReaders?.delivered ?? { frames: 0, bytes: 0 };
  const { all, most } = slowReaders?.waiting ?? { all: 0, most: 0 };
  const report = {
    sockets: sessions?.size ?? 0,
    deliveries: frames,
    bytes,
    buffered: all,
    mostBuffered: most,
    tokens,
    loopDelayMs: loopDelay.take(),
    cpuSeconds: threadCpuSeconds(),
  };
  post({ kind: "report", report });
}

/** Opens the port, or opens it again, and says whether that was possible. */
function listen(): boolean {
  try {
    listener?.listen();
  } catch (error) {
    const fault = error as NodeJS.ErrnoException;
    post({ kind: "failed", code: fault.code ?? "unknown", message: fault.message });
    return false;
  }
  post({ kind: "listening" });
  return true;
}

/** Ticks right after each full second, since tokens expire at full seconds. */
function scheduleTick(tick: () => void): void {
  setTimeout(
    () => {
      tick();
      scheduleTick(tick);
    },
    1001 - (Date.now() % 1000),
  );
}

/** Closes sockets one after the other, each behind what was delivered before its turn. */
function drain(spreadMs: number): void {
  sessions?.startDrain(spreadMs);
  const step = (): void => {
    if (sessions?.drainStep() === false) {
      setTimeout(() => deliveries.mark(step), DRAIN_STEP_MS);
    } else {
      post({ kind: "drained" });
    }
  };
  deliveries.mark(step);
}

async function close(patienceMs: number): Promise<void> {
  const until = async (deadlineMs: number, isDone: () => boolean): Promise<void> => {
    const deadline = performance.now() + deadlineMs;
    while (!isDone() && performance.now() < deadline) {
      await Bun.sleep(CLOSE_POLL_MS);
    }
  };
  // What PHP was told is accepted reaches the sockets before they close.
  await until(FLUSH_DEADLINE_MS, () => deliveries.size === 0);
  sessions?.closeAll();
  await until(patienceMs, () => (sessions?.size ?? 0) === 0);
  listener?.stop();
  flushEvents();
  post({ kind: "closed" });
}

self.onmessage = ({ data: message }: MessageEvent<ToGateway>): void => {
  if (typeof message === "string") {
    deliveries.push(message);
    return;
  }
  switch (message.kind) {
    case "start":
      start(message);
      return;
    case "mark":
      deliveries.mark(() => post({ kind: "reached" }));
      return;
    case "hand": {
      const { id, topic } = message;
      deliveries.mark(() => {
        post({ kind: "handed", id, sockets: sessions?.readers(topic) ?? 0 });
      });
      return;
    }
    case "readiness":
      readiness.hear(message.readiness, monotonicClock());
      return;
    case "settings":
      policy = gatewayPolicy(message.settings);
      return;
    case "topic":
      questions.answer(message.topic, message.meta);
      return;
    case "status": {
      const frame = statusFrame(message.json);
      slowReaders?.answered(STATUS_TOPIC, frame);
      sessions?.answerStatus(frame);
      return;
    }
    case "pause":
      listener?.pause();
      post({ kind: "paused" });
      return;
    case "resume":
      listen();
      return;
    case "stop_listening":
      listener?.stopListening();
      return;
    case "drain":
      drain(message.spreadMs);
      return;
    case "close":
      void close(message.patienceMs);
      return;
  }
};
