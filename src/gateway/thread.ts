/**
 * Entry point of a gateway thread (a Bun `Worker`): wires listener and sessions to the link. The
 * main thread starts it with the `start` message and never sees a socket.
 */
import { statusFrame } from "../protocol/frames.ts";
import type { SocketEvent } from "../protocol/socket-event.ts";
import { DeliveryQueue } from "./delivery-queue.ts";
import { decodeDelivery, type FromGateway, type ToGateway } from "./link.ts";
import { Listener } from "./listener.ts";
import { type GatewayPolicy, gatewayPolicy } from "./policy.ts";
import { Progress } from "./progress.ts";
import { Questions } from "./questions.ts";
import { Sessions } from "./sessions.ts";

declare const self: Worker;

/** How long deliveries that were accepted may take to reach their sockets at the end, in milliseconds. */
const FLUSH_DEADLINE_MS = 2000;

/** How often sockets whose turn has come are closed while draining, in milliseconds. */
const DRAIN_STEP_MS = 20;

/** How often it is looked whether all sockets are gone while closing, in milliseconds. */
const CLOSE_POLL_MS = 10;

function post(message: FromGateway): void {
  self.postMessage(message);
}

let events: SocketEvent[] = [];

/** Gathers the events of one turn of the loop into one message. */
function report(event: SocketEvent): void {
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

const questions = new Questions((topic) => post({ kind: "ask_topic", topic }));
let listener: Listener | undefined;
let progress: Progress | undefined;
const deliveries = new DeliveryQueue({
  publish: (delivery) => {
    const { topic, frame } = decodeDelivery(delivery);
    listener?.publish(topic, frame);
    progress?.add(delivery.length);
  },
  defer: setImmediate,
  wait: setTimeout,
  isCongested: (delivery) => sessions?.isCongested(decodeDelivery(delivery).topic) === true,
});
let sessions: Sessions | undefined;

/** What holds now; there is one from the start on. */
let policy: GatewayPolicy;

function start(message: Extract<ToGateway, { kind: "start" }>): void {
  const { address, settings } = message;
  progress = new Progress(message.progress);
  policy = gatewayPolicy(settings);
  sessions = new Sessions({
    tokens: () => policy.tokens,
    wallClock: Date.now,
    monotonicClock: () => performance.now(),
    random: Math.random,
    askStatus: () => post({ kind: "ask_status" }),
    report,
  });
  try {
    listener = new Listener({
      address,
      policy: () => policy,
      sessions,
      lookup: (topic) => questions.ask(topic),
      report,
    });
  } catch (error) {
    const fault = error as NodeJS.ErrnoException;
    post({ kind: "failed", code: fault.code ?? "unknown", message: fault.message });
    return;
  }
  scheduleTick(sessions);
  post({ kind: "listening" });
}

/** Ticks right after each full second, since tokens expire at full seconds. */
function scheduleTick(ticking: Sessions): void {
  setTimeout(
    () => {
      ticking.tick();
      scheduleTick(ticking);
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
    case "settings":
      policy = gatewayPolicy(message.settings);
      return;
    case "topic":
      questions.answer(message.topic, message.meta);
      return;
    case "status":
      sessions?.answerStatus(statusFrame(message.json));
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
