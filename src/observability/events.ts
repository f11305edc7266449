import type { ApiError } from "../protocol/api-errors.ts";
import type { EnvelopeFault, EnvelopeUse } from "../protocol/envelope.ts";
import type { SocketEvent } from "../protocol/socket-event.ts";

/** `X-Request-Id` of the call that caused it, as the caller wrote it; absent when there is none. */
type RequestId = string | undefined;

/**
 * All that is told of what happens in a worker: the names of the events, and what comes with each.
 * Call sites report events and never know who listens.
 */
interface WorkerEventArguments {
  /** A call of the internal API was answered; `error` is what it was refused with. */
  answered: [call: string, error: ApiError | undefined];
  /** An event was accepted: the call's body had so many bytes, its answer took so long. */
  published: [bytes: number, durationMs: number];
  registered: [topic: string, requireToken: boolean, isNew: boolean, requestId?: RequestId];
  unregistered: [topic: string, wasKnown: boolean, requestId?: RequestId];
  /** A new topic was refused, since there are as many as there may be. */
  registryFull: [topic: string, requestId?: RequestId];
  /**
   * An event was taken here, of so many bytes, with the bus' count of it: it is on its way to so many
   * sockets of this process.
   */
  accepted: [topic: string, bytes: number, sockets: number, seq: number, requestId?: RequestId];
  /**
   * An event of another node was handed on to the sockets of this process: its payload's bytes, the
   * node, and the node's count of it, which the original worker does not have.
   */
  received: [topic: string, bytes: number, origin: string, seq: number | undefined];
  /** A publish was refused because the gateways do not keep up. */
  overloaded: [topic: string, requestId?: RequestId];
  /** A call of the internal API had no secret, or a wrong one. */
  forbidden: [address: string, requestId?: RequestId];
  /** Somebody at the operator's page has entered no secret, or a wrong one. */
  pageForbidden: [address: string];
  /** A call was let in by the secret that is being replaced. */
  previousSecretUsed: [address: string, requestId?: RequestId];
  /** A handler of the internal API has thrown, which is a bug. */
  failed: [fault: unknown, requestId?: RequestId];

  /** Something happened to a socket, or to somebody who wanted one. */
  socket: [event: SocketEvent];
  /** So long a delivery took from its acceptance to its sockets. */
  deliveryMeasured: [lagMs: number];
  /** So long the loop of a thread was late at most within the last second. */
  loopDelayed: [thread: string, delayMs: number];
  /** The worker sends its browsers away, one after the other. */
  draining: [spreadMs: number, sockets: number];
  /** Browsers are accepted no longer: so many files of the limit are open. */
  acceptPaused: [open: number, limit: number];
  /** They are again, after so many milliseconds. */
  acceptResumed: [pausedMs: number];
  /** They should be, but the port cannot be had. */
  acceptFailed: [fault: unknown];

  /** Redis is there; `awayMs` after it was lost, or after the start. */
  redisUp: [awayMs: number];
  redisDown: [reason: string];
  /** Redis was not there at the start. */
  redisUnavailable: [reason: string];
  /** Events of others that had been missed were read from the log and delivered. */
  caughtUp: [events: number];
  /** What had waited for Redis was sent, less what had been dropped meanwhile. */
  outboxSent: [events: number, dropped: number];
  /** The outbox was full or events in it too old: `dropped` in all since the start. */
  outboxDropped: [dropped: number];
  /** Events of an original worker found no room: `dropped` in all since the start. */
  heldDropped: [dropped: number];
  /** A probe has come back through Redis. */
  probed: [roundTripMs: number];
  /** An envelope has come in that could be used. */
  envelopeTaken: [use: EnvelopeUse];
  /** An envelope could not be used. */
  envelopeRefused: [fault: EnvelopeFault];
  /** An envelope of another installation was skipped. */
  neighbourHeard: [];
  catchUpLogFailed: [reason: string];
  /** Another worker has not been heard of for so long; `isExpected` when it has said good-bye. */
  peerGone: [
    peer: { readonly node: string; readonly host: string },
    isExpected: boolean,
    silentMs: number,
  ];
  /** It is again, or another one has taken its place. */
  peerBack: [peer: { readonly node: string; readonly host: string }];

  /** The state file is open; `leftOut` of its topics are beyond `max_topics`. */
  stateOpened: [file: string, topics: number, leftOut: number];
  stateSetAside: [file: string, keptAs: string, reason: string];
  stateUnusable: [file: string, reason: string];
  stateWriteFailed: [file: string, reason: string];
  /** After failures: nothing is missing any more. */
  stateRecovered: [file: string];
  /** Both a state file and Redis are configured. */
  stateUnused: [file: string];
}

type EventName = keyof WorkerEventArguments;

/** Takes every event. None of its methods throws. */
export type WorkerEvents = {
  readonly [Name in EventName]: (...args: WorkerEventArguments[Name]) => void;
};

/** Listens to some events, or to all. */
export type EventListener = Partial<WorkerEvents>;

/** Tells several listeners of every event, in their order. */
export function tee(...listeners: readonly EventListener[]): WorkerEvents {
  const to = <Name extends EventName>(name: Name) => {
    const interested = listeners.filter((listener) => listener[name] !== undefined);
    return (...args: WorkerEventArguments[Name]): void => {
      for (const listener of interested) {
        listener[name]?.(...args);
      }
    };
  };
  return {
    answered: to("answered"),
    published: to("published"),
    registered: to("registered"),
    unregistered: to("unregistered"),
    registryFull: to("registryFull"),
    accepted: to("accepted"),
    received: to("received"),
    overloaded: to("overloaded"),
    forbidden: to("forbidden"),
    pageForbidden: to("pageForbidden"),
    previousSecretUsed: to("previousSecretUsed"),
    failed: to("failed"),
    socket: to("socket"),
    deliveryMeasured: to("deliveryMeasured"),
    loopDelayed: to("loopDelayed"),
    draining: to("draining"),
    acceptPaused: to("acceptPaused"),
    acceptResumed: to("acceptResumed"),
    acceptFailed: to("acceptFailed"),
    redisUp: to("redisUp"),
    redisDown: to("redisDown"),
    redisUnavailable: to("redisUnavailable"),
    caughtUp: to("caughtUp"),
    outboxSent: to("outboxSent"),
    outboxDropped: to("outboxDropped"),
    heldDropped: to("heldDropped"),
    probed: to("probed"),
    envelopeTaken: to("envelopeTaken"),
    envelopeRefused: to("envelopeRefused"),
    neighbourHeard: to("neighbourHeard"),
    catchUpLogFailed: to("catchUpLogFailed"),
    peerGone: to("peerGone"),
    peerBack: to("peerBack"),
    stateOpened: to("stateOpened"),
    stateSetAside: to("stateSetAside"),
    stateUnusable: to("stateUnusable"),
    stateWriteFailed: to("stateWriteFailed"),
    stateRecovered: to("stateRecovered"),
    stateUnused: to("stateUnused"),
  };
}
