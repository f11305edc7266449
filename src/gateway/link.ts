import type { Readiness } from "../protocol/readiness.ts";
import type { Secrets } from "../protocol/secrets.ts";
import type { SocketEvent } from "../protocol/socket-event.ts";
import type { TopicMeta } from "../protocol/topic.ts";
import type { AdmissionMemory, ConnectionLimits } from "./admission.ts";
import type { ThreadReport } from "./thread-report.ts";

/** Where the WebSocket port is opened; the same for as long as the process lives. */
export interface GatewayAddress {
  readonly hostname: string;
  readonly port: number;
}

/**
 * What a gateway thread goes by and may be told anew at any time, always as a whole. Plain data: it
 * crosses a thread boundary.
 */
export interface GatewaySettings {
  /** What tokens are signed with. */
  readonly secrets: Secrets;
  /** Origins that may connect, exact or `*.example.org`; empty means any. */
  readonly allowedOrigins: readonly string[];
  /** Addresses and CIDR networks whose forwarding headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly limits: ConnectionLimits;
}

/**
 * A reading of the main thread's clock, in milliseconds, and the Unix time at that instant: each
 * thread counts from its own start, so this is how one tells the other's time.
 */
export interface ClockReading {
  readonly at: number;
  readonly unixMs: number;
}

/**
 * Main thread → gateway thread. The hot message, a delivery, is a bare string made by
 * {@link encodeDelivery}: strings cross the boundary without structured cloning.
 */
export type ToGateway =
  | string
  | {
      readonly kind: "start";
      readonly address: GatewayAddress;
      readonly settings: GatewaySettings;
      /** Bytes that may wait for one slow reader; the listeners cannot be told anew. */
      readonly maxBuffered: number;
      /** Shared by all threads. */
      readonly admission: AdmissionMemory;
      /** Memory for the thread's `Progress`. */
      readonly progress: SharedArrayBuffer;
      readonly clock: ClockReading;
    }
  /** Answer `reached` once all deliveries before have been handed to their sockets. */
  | { readonly kind: "mark" }
  /** The same, answered with `handed` and how many sockets of the topic there are. */
  | { readonly kind: "hand"; readonly id: number; readonly topic: string }
  /** The worker's readiness, told once a second. */
  | { readonly kind: "readiness"; readonly readiness: Readiness }
  /** From now on these; sockets that are open stay. */
  | { readonly kind: "settings"; readonly settings: GatewaySettings }
  /** Answers `ask_topic`; no `meta` means the topic is not registered. */
  | { readonly kind: "topic"; readonly topic: string; readonly meta: TopicMeta | undefined }
  /** Answers `ask_status`: the status object as JSON text. */
  | { readonly kind: "status"; readonly json: string }
  /** Accept nobody until `resume`; sockets that are open stay. Answered with `paused`. */
  | { readonly kind: "pause" }
  /** Listen again. Answered with `listening` or `failed`. */
  | { readonly kind: "resume" }
  /** Accept nobody any more, and be unhealthy; sockets that are open stay. */
  | { readonly kind: "stop_listening" }
  /** Close every socket with 1012, in random order over this time, then report `drained`. */
  | { readonly kind: "drain"; readonly spreadMs: number }
  /** Close what is left with 1012 and report `closed` when all are gone, or have been waited for. */
  | { readonly kind: "close"; readonly patienceMs: number };

/** Gateway thread → main thread. */
export type FromGateway =
  | { readonly kind: "listening" }
  /** The port could not be had; `code` is the system's name for it, such as `EADDRINUSE`. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  /** Nobody is accepted any more. */
  | { readonly kind: "paused" }
  /** Answers `mark`. */
  | { readonly kind: "reached" }
  /** Answers `hand`. */
  | { readonly kind: "handed"; readonly id: number; readonly sockets: number }
  | { readonly kind: "ask_topic"; readonly topic: string }
  | { readonly kind: "ask_status" }
  /** What happened to sockets, in order, gathered over one turn of the thread's loop. */
  | { readonly kind: "events"; readonly events: readonly SocketEvent[] }
  /** How the thread does, once a second. */
  | { readonly kind: "report"; readonly report: ThreadReport }
  | { readonly kind: "drained" }
  | { readonly kind: "closed" };

/** Packs a delivery into one string: the topic's length in UTF-16 units, a space, topic, frame. */
export function encodeDelivery(topic: string, frame: string): string {
  return `${topic.length} ${topic}${frame}`;
}

/** Unpacks what {@link encodeDelivery} made. */
export function decodeDelivery(message: string): { topic: string; frame: string } {
  const space = message.indexOf(" ");
  const topicStart = space + 1;
  const frameStart = topicStart + Number.parseInt(message.slice(0, space), 10);
  return { topic: message.slice(topicStart, frameStart), frame: message.slice(frameStart) };
}
