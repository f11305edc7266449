import type { Incident, IncidentLevel } from "../protocol/incident.ts";
import type { RefusalCause, SocketEvent } from "../protocol/socket-event.ts";
import type { EventListener } from "./events.ts";
import { plainDuration } from "./plain-duration.ts";
import { printable } from "./printable.ts";

/** Incidents kept at most. Of each kind one lasts at a time, and there are fewer kinds than this. */
const MAX_INCIDENTS = 50;

/** After so long without a further case, in milliseconds, what strangers or load caused is over. */
const QUIET_MS = 30_000;

/** Longest reason that is repeated in an incident, in characters. */
const MAX_REASON = 160;

/** What an {@link Incidents} needs. */
export interface IncidentsOptions {
  /** This worker. */
  readonly node: string;
  /** Where Redis is, for people; "" when none is configured. Has no password in it. */
  readonly redisAddress: string;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Unix time in milliseconds. */
  readonly wallClock: () => number;
}

/** Another worker, as it is named when something is told of it. */
export interface Peer {
  readonly node: string;
}

/** What is remembered of an incident; its text is made when somebody asks. */
interface Entry {
  readonly kind: string;
  readonly node: string;
  readonly level: IncidentLevel;
  readonly advice: string;
  /** On either clock. */
  readonly startedAt: number;
  readonly since: number;
  /** On the monotonic clock; `undefined` while it lasts, or until it has been quiet for a while. */
  endedAt: number | undefined;
  /** When it has shown itself last; for those that end by being quiet. */
  lastAt: number | undefined;
  /** How many cases there were. */
  cases: number;
  /** Tells it: whether it lasts, and for how many milliseconds it has, or had. */
  tell: (entry: Entry, lasting: boolean, ms: number) => string;
}

/** How a kind of incident is told. */
interface Kind {
  readonly level: IncidentLevel;
  readonly advice: string;
  readonly tell: Entry["tell"];
}

/** What is known of an outage of Redis beside its length. */
interface Outage {
  readonly droppedBefore: number;
  waited: number;
  lost: number;
  caughtUp: number;
}

/**
 * Turns what happens into incidents: plain sentences with a beginning, a length and figures, and
 * what to do. The newest {@link MAX_INCIDENTS} are kept; what goes on is never thrown away for what
 * is over.
 */
export class Incidents implements EventListener {
  readonly #options: IncidentsOptions;
  /** In the order of their beginning. */
  readonly #entries: Entry[] = [];
  readonly #lasting = new Map<string, Entry>();
  #outage: Outage | undefined;
  #dropped = 0;
  #heldDropped = 0;

  constructor(options: IncidentsOptions) {
    this.#options = options;
  }

  /** All of them, the newest first. */
  list(): readonly Incident[] {
    const now = this.#options.now();
    return this.#entries.map((entry) => this.#render(entry, now)).reverse();
  }

  /** Serves from now on. */
  started(version: string): void {
    this.#once("start", {
      level: "info",
      advice: "",
      tell: () => `started (version ${version})`,
    });
  }

  /** Whether a gateway thread is without an answer; to be told once a second. */
  threadSilence(isSilent: boolean): void {
    this.#lastsWhile("thread", isSilent, {
      level: "error",
      advice:
        "Its browsers get nothing meanwhile. If it lasts, restart the worker; the log says what it did before.",
      tell: (_entry, lasting, ms) =>
        lasting
          ? "does not do its work: a gateway thread does not answer"
          : `had a gateway thread that did not answer for ${plainDuration(ms)}`,
    });
  }

  redisUnavailable(reason: string): void {
    this.#redisGone((lasting, ms) =>
      lasting
        ? `has not reached Redis since its start (${short(reason)}): it serves its own browsers alone`
        : `reached Redis only ${plainDuration(ms)} after its start`,
    );
  }

  redisDown(reason: string): void {
    this.#redisGone((lasting, ms) =>
      lasting
        ? `has lost Redis (${short(reason)}): it serves its own browsers alone`
        : `lost Redis for ${plainDuration(ms)}`,
    );
  }

  redisUp(): void {
    this.#outage = undefined;
    this.#end("redis");
  }

  outboxSent(events: number, dropped: number): void {
    if (this.#outage !== undefined) {
      this.#outage.waited += events;
      this.#outage.lost = Math.max(this.#outage.lost, dropped);
    }
  }

  outboxDropped(dropped: number): void {
    const more = dropped - this.#dropped;
    this.#dropped = dropped;
    if (this.#outage !== undefined) {
      this.#outage.lost = dropped - this.#outage.droppedBefore;
      return;
    }
    this.#happens("outbox", more, {
      level: "error",
      advice: "Redis does not keep up. See cluster_outbox_events and what else Redis does.",
      tell: ({ cases }) => `could not pass ${times(cases, "event")} on to the other nodes`,
    });
  }

  caughtUp(events: number): void {
    if (this.#outage !== undefined) {
      this.#outage.caughtUp += events;
      return;
    }
    this.#happens("caught_up", events, {
      level: "info",
      advice: "",
      tell: ({ cases }) =>
        `missed ${times(cases, "event")} on the channel and read them from the log`,
    });
  }

  heldDropped(dropped: number): void {
    const more = dropped - this.#heldDropped;
    this.#heldDropped = dropped;
    this.#happens("held", more, {
      level: "error",
      advice:
        "See max_queued_events, or replace the original workers: what comes from this kind is not lost.",
      tell: ({ cases }) =>
        `lost ${times(cases, "event")} of an original worker: more came than browsers could be given`,
    });
  }

  catchUpLogFailed(reason: string): void {
    this.#happens("log", 1, {
      level: "warning",
      advice:
        "Until it can be, an outage of Redis loses events. See what Redis says of its memory.",
      tell: () => `could not write the catch-up log (${short(reason)})`,
    });
  }

  envelopeRefused(fault: string): void {
    this.#happens("envelope", 1, {
      level: "warning",
      advice:
        "Another program writes to the channel, or a worker of another version. See redis_prefix.",
      tell: ({ cases }) => `skipped ${times(cases, "message")} from Redis (${short(fault)})`,
    });
  }

  overloaded(): void {
    this.#happens("overload", 1, {
      level: "error",
      advice:
        "More is published than browsers can be given. Add a worker or gateway_threads, or see max_queued_events.",
      tell: ({ cases }, lasting, ms) =>
        `${lasting ? "refuses" : "refused"} publishes with 503: ${times(cases, "event")}${within(ms)}`,
    });
  }

  registryFull(): void {
    this.#happens("topics", 1, {
      level: "error",
      advice: "Raise max_topics, or have what is over unregistered.",
      tell: ({ cases }) => `refused ${times(cases, "topic")}: there are max_topics already`,
    });
  }

  forbidden(address: string): void {
    this.#happens("forbidden", 1, {
      level: "warning",
      advice:
        "If that is Wavelog's server, nothing it publishes arrives: put the same worker_secret into its configuration.",
      tell: ({ cases }, _lasting, ms) =>
        `refused ${times(cases, "call")} without the right secret, the last from ${short(address)}${within(ms)}`,
    });
  }

  pageForbidden(address: string): void {
    this.#happens("page_forbidden", 1, {
      level: "info",
      advice: "If it was not you, see who reaches the internal port.",
      tell: ({ cases }, _lasting, ms) =>
        `refused ${times(cases, "wrong secret")} at this page, the last from ${short(address)}${within(ms)}`,
    });
  }

  failed(): void {
    this.#happens("bug", 1, {
      level: "error",
      advice: "That is a bug: please report it with the line in the log.",
      tell: ({ cases }) => `failed ${times(cases, "call")} of the internal API`,
    });
  }

  draining(spreadMs: number, sockets: number): void {
    this.#begin("drain", {
      level: "info",
      advice: "",
      tell: () =>
        `stops, as it was asked to: its ${times(sockets, "browser")} go to the other nodes within ${plainDuration(spreadMs)}`,
    });
  }

  acceptPaused(open: number, limit: number): void {
    this.#begin("files", {
      level: "error",
      advice: "Raise the file limit (LimitNOFILE in its systemd unit), or keep strangers out.",
      tell: (_entry, lasting, ms) =>
        lasting
          ? `lets no browser in: ${open} of ${limit} file descriptors are taken`
          : `let no browser in for ${plainDuration(ms)}: all ${limit} file descriptors were taken`,
    });
  }

  acceptResumed(): void {
    this.#end("files");
    this.#end("port");
  }

  acceptFailed(fault: unknown): void {
    this.#begin("port", {
      level: "error",
      advice: "Another program has taken ws_port: stop it.",
      tell: (_entry, lasting) =>
        `${lasting ? "cannot get" : "could not get"} its port for browsers back (${reasonOf(fault)})`,
    });
  }

  stateSetAside(_file: string, keptAs: string, reason: string): void {
    this.#once("state_file", {
      level: "warning",
      advice: "Pages register their topics again; what was set aside is of no further use to it.",
      tell: () => `set its state file aside (${short(reason)}), as ${short(keptAs)}`,
    });
  }

  stateUnusable(_file: string, reason: string): void {
    this.#stateFault(reason);
  }

  stateWriteFailed(_file: string, reason: string): void {
    this.#stateFault(reason);
  }

  stateRecovered(): void {
    this.#end("state_file");
  }

  socket(event: SocketEvent): void {
    if (event.type === "refused") {
      this.#refused(event.cause, event.reason, 1 + (event.unreported ?? 0));
    } else if (event.type === "disconnected" && event.buffered !== undefined) {
      this.#happens("slow_reader", 1, {
        level: "warning",
        advice:
          "They come back by themselves. If it is everybody, look at the line and at the proxy's buffers; see max_buffered.",
        tell: ({ cases }, _lasting, ms) =>
          `dropped ${times(cases, "browser")} that read too slowly${within(ms)}`,
      });
    }
  }

  /** Another worker has not been heard of for so long; `isExpected` when it has said good-bye. */
  peerGone(peer: Peer & { readonly host: string }, isExpected: boolean, silentMs: number): void {
    const kind: Kind = isExpected
      ? { level: "info", advice: "", tell: () => "has stopped, as it was asked to" }
      : {
          level: "error",
          advice: `On ${short(peer.host)}: is it running (systemctl status wavelog_worker), and what does its log say (journalctl -u wavelog_worker -n 50)? Its browsers have moved to the other nodes if the load balancer knows them.`,
          tell: (_entry, lasting, ms) =>
            lasting
              ? "has vanished without saying good-bye"
              : `was not to be heard for ${plainDuration(ms)}`,
        };
    if (isExpected) {
      this.#once("gone", kind, peer.node);
    } else {
      this.#begin("gone", kind, peer.node, silentMs);
    }
  }

  /** It is there again, or another one has taken its place. */
  peerBack(peer: Peer): void {
    this.#end("gone", peer.node);
  }

  #redisGone(tell: (lasting: boolean, ms: number) => string): void {
    const { redisAddress } = this.#options;
    const where = redisAddress === "" ? "" : ` at ${redisAddress}`;
    const outage = this.#outage ?? {
      droppedBefore: this.#dropped,
      waited: 0,
      lost: 0,
      caughtUp: 0,
    };
    this.#outage = outage;
    this.#begin("redis", {
      level: "error",
      advice: `Is Redis${where} running, and does this machine reach it? Until it is back, browsers of one node miss what is published on another; that waits and is sent then.`,
      tell: (_entry, lasting, ms) => `${tell(lasting, ms)}${aftermath(outage, lasting)}`,
    });
  }

  #stateFault(reason: string): void {
    this.#begin("state_file", {
      level: "warning",
      advice:
        "Topics are in memory only: a restart forgets them until pages are reloaded. See state_file.",
      tell: (_entry, lasting, ms) =>
        lasting
          ? `cannot write its state file (${short(reason)})`
          : `could not write its state file for ${plainDuration(ms)} (${short(reason)})`,
    });
  }

  #refused(cause: RefusalCause, reason: string, cases: number): void {
    const kind = REFUSALS[cause];
    if (kind !== undefined) {
      const because = cause === "auth" ? ` (${short(reason)})` : "";
      const name = cause === "auth" ? `auth ${short(reason)}` : cause;
      this.#happens(name, cases, {
        ...kind,
        advice: AUTH_ADVICE[reason] ?? kind.advice,
        level: cause === "auth" && reason.endsWith("expired") ? "info" : kind.level,
        tell: (entry, _lasting, ms) =>
          `turned ${times(entry.cases, "browser")} away: ${kind.why}${because}${within(ms)}`,
      });
    }
  }

  #lastsWhile(name: string, isSo: boolean, kind: Kind): void {
    if (isSo) {
      this.#begin(name, kind);
    } else {
      this.#end(name);
    }
  }

  /** Something lasts until it is ended; further beginnings change nothing. */
  #begin(name: string, kind: Kind, node: string = this.#options.node, ageMs: number = 0): Entry {
    return this.#lasting.get(`${name} ${node}`) ?? this.#add(name, kind, node, ageMs);
  }

  #end(name: string, node: string = this.#options.node): void {
    const key = `${name} ${node}`;
    const entry = this.#lasting.get(key);
    if (entry !== undefined) {
      entry.endedAt = this.#options.now();
      this.#lasting.delete(key);
    }
  }

  #once(name: string, kind: Kind, node: string = this.#options.node): void {
    this.#end(name, node);
    this.#add(name, kind, node, 0);
    this.#end(name, node);
  }

  /** Cases that come one after the other are one incident, until there are none for a while. */
  #happens(name: string, cases: number, kind: Kind): void {
    const now = this.#options.now();
    const { node } = this.#options;
    const last = this.#lasting.get(`${name} ${node}`);
    if (last?.lastAt !== undefined && now - last.lastAt >= QUIET_MS) {
      last.endedAt = last.lastAt;
      this.#lasting.delete(`${name} ${node}`);
    }
    const entry = this.#begin(name, kind);
    entry.cases += cases;
    entry.lastAt = now;
    // It may name the last case.
    entry.tell = kind.tell;
  }

  /** @param ageMs How long ago it has begun. */
  #add(kind: string, { level, advice, tell }: Kind, node: string, ageMs: number): Entry {
    const startedAt = this.#options.now() - ageMs;
    const entry: Entry = {
      kind,
      node,
      level,
      advice,
      startedAt,
      since: this.#options.wallClock() - ageMs,
      endedAt: undefined,
      lastAt: undefined,
      cases: 0,
      tell,
    };
    this.#entries.push(entry);
    this.#lasting.set(`${kind} ${node}`, entry);
    if (this.#entries.length > MAX_INCIDENTS) {
      this.#drop();
    }
    return entry;
  }

  /** Forgets the oldest that is over; if none is, the oldest. */
  #drop(): void {
    const now = this.#options.now();
    const over = this.#entries.findIndex((entry) => this.#endOf(entry, now) !== undefined);
    const [dropped] = this.#entries.splice(Math.max(over, 0), 1);
    if (dropped !== undefined) {
      const key = `${dropped.kind} ${dropped.node}`;
      if (this.#lasting.get(key) === dropped) {
        this.#lasting.delete(key);
      }
    }
  }

  #endOf({ endedAt, lastAt }: Entry, now: number): number | undefined {
    const isQuiet = lastAt !== undefined && now - lastAt >= QUIET_MS;
    return endedAt ?? (isQuiet ? lastAt : undefined);
  }

  #render(entry: Entry, now: number): Incident {
    const { kind, node, level, startedAt, since } = entry;
    const end = this.#endOf(entry, now);
    const ms = (end ?? entry.lastAt ?? now) - startedAt;
    return {
      kind,
      node,
      level,
      text: entry.tell(entry, end === undefined, ms),
      // What has ended by itself needs nobody; what comes in cases may come again.
      advice: entry.endedAt === undefined || entry.cases > 0 ? entry.advice : "",
      since: new Date(since).toISOString(),
      until: end === undefined ? null : new Date(since + end - startedAt).toISOString(),
    };
  }
}

/** Causes of refusals that are worth a word, and what to do. Others are strangers' own business. */
const REFUSALS: Readonly<
  Partial<Record<RefusalCause, Omit<Kind, "tell"> & { readonly why: string }>>
> = {
  max_connections: {
    level: "error",
    why: "max_connections is reached",
    advice: "Raise it, or the file limit, or add a worker.",
  },
  max_connections_per_ip: {
    level: "warning",
    why: "max_connections_per_ip is reached",
    advice:
      "Raise it if so many browsers share an address. If it is your proxy's address, add it to trusted_proxies.",
  },
  max_pending: {
    level: "error",
    why: "max_pending is reached",
    advice: "Raise it unless strangers hold the sockets; the log names addresses.",
  },
  max_pending_per_ip: {
    level: "warning",
    why: "max_pending_per_ip is reached",
    advice:
      "Raise it if so many browsers share an address. If it is your proxy's address, add it to trusted_proxies.",
  },
  origin: {
    level: "warning",
    why: "their page's origin is not in allowed_origins",
    advice: "Add it there if the page is yours; the log names it.",
  },
  topic_not_registered: {
    level: "info",
    why: "their topic is not registered",
    advice:
      "Pages of what is over do that. If it is everybody, Wavelog does not reach this worker's internal API.",
  },
  auth: {
    level: "warning",
    why: "no valid token",
    advice: "If it is everybody: is worker_secret the same in Wavelog? Are the clocks right?",
  },
};

/** What to do about tokens that are refused, by the reason that the gateway gives. */
const AUTH_ADVICE: Readonly<Record<string, string>> = {
  "token signature does not match the secret":
    "Wavelog signs with another secret: put the same worker_secret into its configuration.",
  "token expired":
    "Pages that were open for long need to be reloaded. If it is everybody, a clock is wrong: Wavelog's or this machine's.",
};

/** What came of an outage of Redis, to be read after its length. */
function aftermath({ waited, lost, caughtUp }: Outage, lasting: boolean): string {
  if (lasting) {
    return lost > 0
      ? `. ${times(lost, "event")} for the other nodes found no room and are lost`
      : "";
  }
  const all = waited + lost;
  const queued =
    all === 0
      ? "nothing was published meanwhile"
      : `${times(all, "event")} queued, ${lost === 0 ? "all sent on" : `${lost} of them lost`}`;
  return `; ${queued}${caughtUp === 0 ? "" : `, ${times(caughtUp, "missed event")} caught up`}`;
}

/** `3 events`, `1 event`. */
function times(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

/** ` within 12 s`; nothing for what happened in a moment. */
function within(ms: number): string {
  return ms < 1000 ? "" : ` within ${plainDuration(ms)}`;
}

function short(text: string): string {
  const clean = printable(text);
  return clean.length > MAX_REASON ? `${clean.slice(0, MAX_REASON)}…` : clean;
}

function reasonOf(fault: unknown): string {
  return short(fault instanceof Error ? fault.message : String(fault));
}
