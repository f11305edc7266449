import {
  type Envelope,
  type EnvelopeFault,
  type EnvelopeResult,
  type EnvelopeUse,
  EnvelopeWriter,
  type Notice,
  type ProbeWord,
  readEnvelope,
} from "../protocol/envelope.ts";
import { pushFrame } from "../protocol/frames.ts";
import { isUseless } from "../redis/faults.ts";
import type { RedisSession, Reply } from "../redis/session.ts";
import { EnvelopeKeys, type InstallationKeys } from "./envelope-keys.ts";
import type { Deliver, EventBus, Outcome } from "./event-bus.ts";
import { Held } from "./held.ts";
import { LogWindow } from "./log-window.ts";
import { Outbox, type OutboxLimits } from "./outbox.ts";
import { Prober } from "./prober.ts";
import { Receipts } from "./receipts.ts";
import { Recent } from "./recent.ts";
import { Sequences } from "./sequences.ts";

/** Told of what happens on the bus; what becomes of it is not the bus' business. */
export interface BusEvents {
  /**
   * An event of another worker was delivered here: its payload's bytes, the worker's id, and its
   * count of the event, which the original has not.
   */
  received(topic: string, bytes: number, originId: string, seq: number | undefined): void;
  /** Events of others that had been missed were read from the log and delivered. */
  caughtUp(events: number): void;
  /** A probe of this process has come back through the channel. */
  probed(roundTripMs: number): void;
  /** An envelope has come in that could be used. */
  envelopeTaken(use: EnvelopeUse): void;
  /** An envelope could not be used. */
  envelopeRefused(fault: EnvelopeFault): void;
  /** The outbox was full or events in it too old: `dropped` in all since the start. */
  outboxDropped(dropped: number): void;
  /** The outbox was sent after an outage, less what had been dropped during it. */
  outboxSent(events: number, dropped: number): void;
  /** The catch-up log could not be written, so what others miss now cannot be caught up. */
  logFailed(reason: string): void;
  /**
   * While the gateways were full, events of the original worker, which are in no log, found no room
   * among what is held: `dropped` in all since the start.
   */
  heldDropped(dropped: number): void;
}

/** What a {@link RedisBus} needs. */
export interface RedisBusOptions {
  /** 16 hex digits, new per process. */
  readonly originId: string;
  readonly keys: InstallationKeys;
  /** Begins the names of channel and log (contract: `wavelog`). */
  readonly prefix: string;
  readonly outbox: OutboxLimits;
  readonly deliver: Deliver;
  /** Whether the gateways have no room for further events: others' are held meanwhile. */
  readonly isFull: () => boolean;
  /** Takes what another worker tells about a topic. */
  readonly onNotice: (notice: Notice) => void;
  /**
   * A probe of another worker of this kind has come, with what it says. What it asks is only passed
   * on when all events before it have been delivered.
   */
  readonly onProbe: (originId: string, word: ProbeWord | undefined) => void;
  /** Gives the session up: the path through Redis is dead or refuses what the bus needs. */
  readonly giveUp: (reason: string) => void;
  readonly events: BusEvents;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

type Probe = Extract<Envelope, { kind: "probe" }>;
type Numbered = Exclude<Envelope, Probe>;

/** `cluster_nodes` while Redis is out of reach (contract, status object). */
const NO_CLUSTER = -1;

/** How long counting the workers may take, in milliseconds; nobody waits longer for a status. */
const COUNT_DEADLINE_MS = 200;

/** Envelopes that may be written and unconfirmed: enough to fill any network, few to hold twice. */
const MAX_IN_FLIGHT = 1000;

/** Origins remembered for which the log was read; a cluster has a handful. */
const MAX_SOUGHT = 1024;

/** Entries read from the log at once. */
const LOG_PAGE = 500;

/**
 * How far before the last proof the log is read, in milliseconds: what was on its way, and clocks
 * that do not run alike. What had been seen is not delivered again.
 */
const CATCH_UP_MARGIN_MS = 2000;

/** How old an entry of the log gets, in milliseconds: longer than the outbox keeps events. */
const LOG_AGE_MS = 10 * 60_000;

/** How often it is looked whether everything has been sent, in milliseconds. */
const DRAIN_POLL_MS = 10;

/** How often it is looked whether the gateways have room again, in milliseconds. */
const ROOM_POLL_MS = 5;

/** The field of a log entry that holds the envelope. */
const LOG_FIELD = "e";

/**
 * The bus of a worker in a cluster (contract, "Redis"; design, "When Redis is away"). Local sockets
 * get an event at once; the others by an envelope on the channel, which is also written to a log, so
 * that a worker that was cut off can catch up. While Redis is away envelopes wait in the outbox.
 *
 * Each envelope carries its origin's count: whichever way it comes, and however often, it is
 * delivered once and in its origin's order.
 */
export class RedisBus implements EventBus {
  readonly #options: RedisBusOptions;
  readonly #keys: EnvelopeKeys;
  readonly #isOurs = (key: string): boolean => this.#keys.accepts(key);
  #writer: EnvelopeWriter;
  readonly #channel: string;
  readonly #log: string;
  readonly #outbox: Outbox;
  readonly #receipts = new Receipts();
  readonly #recent = new Recent();
  readonly #window = new LogWindow();
  readonly #sequences: Sequences;
  #session: RedisSession | undefined;
  /** Whether the outbox is being sent: from the end of the recovery until the session is lost. */
  #isSending = false;
  /**
   * Messages that came while the log was read or the gateways were full; `undefined` when they are
   * taken at once.
   */
  #held: Held | undefined;
  #heldDropped = 0;
  #confirmedCount = 0;
  #prober: Prober;
  #seq = 0;
  /** The last count that has been written to Redis and counts as sent. */
  #lastSent = 0;
  /** Which Redis it was; `undefined` before the first. */
  #serverId: string | undefined;
  /** For which count of an origin the log has been read in vain, so that it is read once. */
  readonly #soughtFor = new Map<string, number>();
  #reportedDrops = 0;
  #dropsAtLoss = 0;

  constructor(options: RedisBusOptions) {
    this.#options = options;
    this.#keys = new EnvelopeKeys(options.keys);
    this.#writer = this.#makeWriter();
    this.#channel = `${options.prefix}:events`;
    this.#log = `${options.prefix}:log`;
    this.#outbox = new Outbox(options.outbox);
    this.#sequences = new Sequences(options.now);
    // Whoever starts alone has missed everything from its start on.
    this.#prober = new Prober(options.now());
  }

  /** Envelopes that wait for Redis. */
  get backlog(): number {
    return this.#outbox.size;
  }

  /** The same, their size in UTF-16 units, and how many were dropped since the start. */
  get outbox(): { readonly events: number; readonly bytes: number; readonly dropped: number } {
    const { size: events, bytes, dropped } = this.#outbox;
    return { events, bytes, dropped };
  }

  /** Envelopes that Redis has confirmed since the start. */
  get sent(): number {
    return this.#confirmedCount;
  }

  /** The last round trip of a probe through the channel, in milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#session === undefined ? undefined : this.#prober.roundTripMs;
  }

  /** How long ago a probe has come back over this session, in milliseconds. */
  get probeAgeMs(): number | undefined {
    return this.#session === undefined ? undefined : this.#prober.ageMs(this.#options.now());
  }

  /**
   * Goes by other secrets and bounds from now on. What waits already keeps its key; what is beyond a
   * bound goes with the next event.
   */
  reconfigure(keys: InstallationKeys, outbox: OutboxLimits): void {
    this.#keys.change(keys);
    this.#writer = this.#makeWriter();
    this.#outbox.reconfigure(outbox);
  }

  publish(topic: string, payload: string): number {
    this.#options.deliver(topic, pushFrame(payload));
    this.#seq += 1;
    this.#enqueue(this.#writer.event(this.#seq, topic, payload));
    return this.#seq;
  }

  async outcome(seq: number): Promise<Outcome> {
    return this.#isSending ? this.#receipts.wait(seq) : { redis: "queued" };
  }

  /**
   * Says something to the other workers, behind all events so far. Only while those have been
   * written: nothing is kept. Whether it was said.
   */
  say(word: ProbeWord): boolean {
    const session = this.#session;
    const isWritten = this.#outbox.size === this.#outbox.inFlight;
    if (session === undefined || !this.#isSending || !isWritten) {
      return false;
    }
    this.#publishProbe(session, this.#writer.word(this.#lastSent, word));
    return true;
  }

  /** Whether what has come from the others is still to be taken, for want of room or to catch up. */
  get isBehind(): boolean {
    return this.#held !== undefined;
  }

  /** Tells the other workers about a topic, in order with the events. Does not wait. */
  tell(notice: Notice): void {
    this.#seq += 1;
    this.#enqueue(this.#writer.notice(this.#seq, notice));
  }

  async nodes(): Promise<number> {
    const session = this.#session;
    if (session === undefined) {
      return NO_CLUSTER;
    }
    const { promise, resolve } = Promise.withResolvers<number>();
    const timer = setTimeout(() => resolve(NO_CLUSTER), COUNT_DEADLINE_MS);
    session.send(["PUBSUB", "NUMSUB", this.#channel]).then(
      (reply) => resolve(Array.isArray(reply) ? Number(reply[1]) : NO_CLUSTER),
      () => resolve(NO_CLUSTER),
    );
    const count = await promise;
    clearTimeout(timer);
    return count;
  }

  /**
   * First part of a recovery: subscribes, then reads from the log what was missed, then takes what
   * has come meanwhile. Rejects when the session is lost on the way.
   */
  async join(session: RedisSession): Promise<void> {
    const held = new Held();
    this.#held = held;
    await session.subscribe(this.#channel, (message) => this.#receive(message, session));
    await this.#catchUp(session, held);
    this.#session = session;
    this.#prober = new Prober(this.#options.now());
  }

  /** Last part of a recovery: sends what has waited, and from now on everything at once. */
  resume(): void {
    const session = this.#session;
    if (session === undefined) {
      return;
    }
    this.#outbox.expire(this.#options.now());
    this.#reportDrops();
    if (this.#serverId !== undefined && session.serverId !== this.#serverId) {
      this.#logAgain(session);
    }
    this.#serverId = session.serverId;
    const waiting = this.#outbox.size;
    const dropped = this.#outbox.dropped - this.#dropsAtLoss;
    this.#isSending = true;
    this.#send();
    if (waiting > 0 || dropped > 0) {
      this.#options.events.outboxSent(waiting, dropped);
    }
  }

  /** The session is lost: envelopes wait until the next one. */
  suspend(): void {
    this.#session = undefined;
    this.#isSending = false;
    this.#held = undefined;
    this.#receipts.lost();
    this.#outbox.rewind();
    this.#lastSent = (this.#outbox.oldest?.seq ?? this.#lastSent + 1) - 1;
    this.#dropsAtLoss = this.#outbox.dropped;
  }

  /** Waits until everything has been sent, or the deadline has passed, or Redis is away. */
  async drain(deadlineMs: number): Promise<void> {
    const deadline = this.#options.now() + deadlineMs;
    while (this.#session !== undefined && this.#outbox.size > 0 && this.#options.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
  }

  /** To be called a few times a second: probes the path, and lets old envelopes go. */
  tick(): void {
    const now = this.#options.now();
    this.#outbox.expire(now);
    this.#reportDrops();
    if (this.#session === undefined) {
      return;
    }
    const step = this.#prober.step(now);
    if (step.action === "send") {
      this.#publishProbe(this.#session, this.#writer.probe(step.count, this.#lastSent));
    } else if (step.action === "give_up") {
      this.#options.giveUp(`a probe has been out for ${Math.round(step.outMs)} ms`);
    }
  }

  /** Trims the log by age, and lets it vanish when the cluster is gone. Never rejects. */
  async tidyLog(): Promise<void> {
    const session = this.#session;
    try {
      const time = await session?.send(["TIME"]);
      const oldest = redisMillis(time) - LOG_AGE_MS;
      await session?.send(["XTRIM", this.#log, "MINID", "~", String(oldest)]);
      await session?.send(["PEXPIRE", this.#log, String(LOG_AGE_MS)]);
    } catch {
      // A lost session is told elsewhere; a log that is not trimmed is bounded by its length.
    }
  }

  #makeWriter(): EnvelopeWriter {
    return new EnvelopeWriter(this.#options.originId, this.#keys.outgoing);
  }

  #read(message: string): EnvelopeResult {
    return readEnvelope(message, this.#isOurs);
  }

  #enqueue(envelope: string): void {
    this.#window.add(envelope.length);
    this.#outbox.push({ seq: this.#seq, envelope, at: this.#options.now() });
    this.#send();
  }

  /** Writes what may be written. Log first: who subscribes in between finds it there. */
  #send(): void {
    const session = this.#session;
    while (session !== undefined && this.#isSending && this.#outbox.inFlight < MAX_IN_FLIGHT) {
      const entry = this.#outbox.next();
      if (entry === undefined) {
        return;
      }
      const { seq, envelope } = entry;
      this.#lastSent = seq;
      this.#appendToLog(session, envelope);
      session.send(["PUBLISH", this.#channel, envelope]).then(
        (subscribers) => this.#confirmed(session, seq, Number(subscribers)),
        (fault: Error) => this.#refused(session, fault),
      );
    }
  }

  #appendToLog(session: RedisSession, envelope: string): void {
    const limit = String(this.#window.limit());
    session
      .send(["XADD", this.#log, "MAXLEN", "~", limit, "*", LOG_FIELD, envelope])
      .catch((fault: Error) => this.#logFailed(session, fault));
  }

  /** Gives a Redis without memory the last events again, for those who had not read them yet. */
  #logAgain(session: RedisSession): void {
    for (const { envelope } of this.#recent.list(this.#options.now())) {
      this.#appendToLog(session, envelope);
    }
  }

  #confirmed(session: RedisSession, seq: number, subscribers: number): void {
    if (session === this.#session) {
      this.#receipts.confirmed(seq, subscribers);
      const now = this.#options.now();
      this.#outbox.confirm(seq, (entry) => {
        this.#confirmedCount += 1;
        this.#recent.add(entry, now);
      });
      this.#send();
    }
  }

  #refused(session: RedisSession, fault: Error): void {
    // Of a session already given up everything is refused: that is no news.
    if (session === this.#session) {
      this.#options.giveUp(fault.message);
    }
  }

  #logFailed(session: RedisSession, fault: Error): void {
    if (session !== this.#session) {
      return;
    }
    if (isUseless(fault)) {
      this.#options.giveUp(fault.message);
    } else {
      this.#options.events.logFailed(fault.message);
    }
  }

  #publishProbe(session: RedisSession, probe: string): void {
    session
      .send(["PUBLISH", this.#channel, probe])
      .catch((fault: Error) => this.#refused(session, fault));
  }

  #receive(message: string, session: RedisSession): void {
    if (message.startsWith(this.#writer.prefix)) {
      this.#takeOwn(message);
      return;
    }
    if (this.#held !== undefined) {
      if (!this.#held.push(message)) {
        this.#foundNoRoom(message);
      }
      return;
    }
    if (this.#options.isFull()) {
      this.#seek(session, message);
      return;
    }
    this.#take(message, session);
  }

  /** Nothing is lost that has a number: it is in the log, which is read once there is room. */
  #foundNoRoom(message: string): void {
    const result = this.#read(message);
    if (result.ok && result.envelope.kind === "event" && result.envelope.seq === undefined) {
      this.#heldDropped += 1;
      this.#options.events.heldDropped(this.#heldDropped);
    }
  }

  #take(message: string, session: RedisSession | undefined): void {
    const result = this.#read(message);
    if (!result.ok) {
      this.#options.events.envelopeRefused(result.fault);
      return;
    }
    const { envelope, key } = result;
    if (envelope.originId === this.#options.originId) {
      this.#options.events.envelopeTaken("own");
      return;
    }
    if (key !== undefined && this.#keys.heard(key)) {
      this.#writer = this.#makeWriter();
    }
    if (envelope.kind === "probe") {
      this.#options.events.envelopeTaken("probe");
      if (key !== undefined) {
        this.#options.onProbe(envelope.originId, this.#wordOf(envelope));
      }
      this.#hearProbe(envelope, session);
      return;
    }
    if (session !== undefined && this.#hasGap(envelope)) {
      // Something was lost on the way: what is in the log comes first.
      this.#seek(session, message);
      return;
    }
    this.#window.add(message.length);
    this.#apply(envelope);
  }

  /** Own envelopes have been delivered already; own probes are what they are for. */
  #takeOwn(message: string): void {
    const { events, now } = this.#options;
    events.envelopeTaken("own");
    const probe = /,"probe":(\d{1,15})}$/.exec(message.slice(-32));
    if (probe !== null) {
      // While others' messages are held, nothing before the probe has been taken yet.
      const isProof = this.#held === undefined;
      const roundTripMs = this.#prober.returned(Number(probe[1]), now(), isProof);
      if (roundTripMs !== undefined) {
        events.probed(roundTripMs);
      }
    }
  }

  /** What a probe says; a question about an event that has not come is left unanswered. */
  #wordOf({ originId, seq, word }: Probe): ProbeWord | undefined {
    const hasCome = seq !== undefined && this.#sequences.hasAll(originId, seq);
    return word?.type === "trace" && !hasCome ? undefined : word;
  }

  /** Another worker's probe says what it has sent: what has not been seen of it is in the log. */
  #hearProbe({ originId, seq }: Probe, session: RedisSession | undefined): void {
    if (seq === undefined) {
      this.#sequences.begin(originId);
      return;
    }
    const isNews = (this.#soughtFor.get(originId) ?? 0) < seq;
    if (session !== undefined && isNews && this.#sequences.isBehind(originId, seq)) {
      if (this.#soughtFor.size >= MAX_SOUGHT) {
        this.#soughtFor.clear();
      }
      this.#soughtFor.set(originId, seq);
      this.#seek(session);
    }
  }

  /** Reads the log while messages are held, beginning with this one. */
  #seek(session: RedisSession, message?: string): void {
    const held = new Held();
    if (message !== undefined) {
      held.push(message);
    }
    this.#held = held;
    this.#catchUp(session, held).catch((fault: Error) => this.#refused(session, fault));
  }

  #hasGap(envelope: Numbered): boolean {
    return envelope.seq !== undefined && this.#sequences.isGap(envelope.originId, envelope.seq);
  }

  /** Acts on an envelope of another worker that has come over the channel, unless it has been seen. */
  #apply(envelope: Numbered): void {
    const { originId, seq } = envelope;
    if (seq === undefined || this.#sequences.see(originId, seq) !== "repeated") {
      this.#act(envelope);
    } else {
      this.#options.events.envelopeTaken("repeated");
    }
  }

  #act(envelope: Numbered): void {
    this.#options.events.envelopeTaken(envelope.kind);
    if (envelope.kind === "notice") {
      this.#options.onNotice(envelope.notice);
    } else {
      const { topic, payload, originId, seq } = envelope;
      this.#options.deliver(topic, pushFrame(payload));
      this.#options.events.received(topic, Buffer.byteLength(payload, "utf8"), originId, seq);
    }
  }

  /**
   * Reads the log from the last proof on, then takes what was held meanwhile; both only while the
   * gateways have room. Rejects when the session is lost on the way.
   */
  async #catchUp(session: RedisSession, held: Held): Promise<void> {
    let isMissing: boolean;
    do {
      const missed = await this.#readLog(session, held);
      if (missed > 0) {
        this.#options.events.caughtUp(missed);
      }
      do {
        // What found no room came after what is held, and is in the log.
        isMissing = held.isOverfull;
        for (const message of held.take()) {
          if (this.#options.isFull()) {
            await this.#room(held);
          }
          this.#take(message, undefined);
        }
      } while (!isMissing && held.size > 0);
    } while (isMissing);
    this.#held = undefined;
  }

  /** Waits until the gateways have room. */
  async #room(held: Held): Promise<void> {
    do {
      await new Promise((resolve) => setTimeout(resolve, ROOM_POLL_MS));
      if (this.#held !== held) {
        throw new Error("the session was lost while the gateways were full");
      }
    } while (this.#options.isFull());
  }

  /** Delivers what is in the log and has not been seen; how many events that were. */
  async #readLog(session: RedisSession, held: Held): Promise<number> {
    try {
      return await this.#readLogFrom(session, held);
    } catch (fault) {
      // Not ours to read: a key of another kind, or of another user. The channel works without.
      if (fault instanceof Error && /^(?:WRONGTYPE|NOPERM)\b/.test(fault.message)) {
        this.#options.events.logFailed(fault.message);
        return 0;
      }
      throw fault;
    }
  }

  async #readLogFrom(session: RedisSession, held: Held): Promise<number> {
    const awayMs = this.#options.now() - this.#prober.provedAt + CATCH_UP_MARGIN_MS;
    const time = redisMillis(await session.send(["TIME"]));
    let from = String(Math.max(0, Math.floor(time - awayMs)));
    let events = 0;
    for (;;) {
      const page = await session.send(["XRANGE", this.#log, from, "+", "COUNT", String(LOG_PAGE)]);
      const entries = readLogPage(page);
      for (const { envelope } of entries) {
        if (this.#options.isFull()) {
          await this.#room(held);
        }
        events += this.#applyLogged(envelope) ? 1 : 0;
      }
      const last = entries.at(-1);
      if (last === undefined || entries.length < LOG_PAGE) {
        return events;
      }
      // An open range: from behind the last one on.
      from = `(${last.id}`;
    }
  }

  /** Acts on an envelope from the log that has not been seen; whether it was an event. */
  #applyLogged(message: string): boolean {
    const result = this.#read(message);
    if (!result.ok || result.envelope.kind === "probe") {
      return false;
    }
    const { envelope } = result;
    const { originId, seq } = envelope;
    // What cannot be told from what has been delivered is left alone: the log is read often.
    if (originId === this.#options.originId || seq === undefined) {
      return false;
    }
    const sequence = this.#sequences.see(originId, seq);
    if (sequence === "repeated" || sequence === "untold") {
      return false;
    }
    this.#act(envelope);
    return envelope.kind === "event";
  }

  #reportDrops(): void {
    if (this.#outbox.dropped > this.#reportedDrops) {
      this.#reportedDrops = this.#outbox.dropped;
      this.#options.events.outboxDropped(this.#reportedDrops);
    }
  }
}

/** Redis' `TIME`, seconds and microseconds, as milliseconds. */
function redisMillis(reply: Reply | undefined): number {
  const [seconds, micros] = Array.isArray(reply) ? reply : [];
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}

/** Entries of an `XRANGE` reply that have our field; others are somebody else's. */
function readLogPage(reply: Reply): { id: string; envelope: string }[] {
  const entries: { id: string; envelope: string }[] = [];
  for (const entry of Array.isArray(reply) ? reply : []) {
    const [id, fields] = Array.isArray(entry) ? entry : [];
    const [field, envelope] = Array.isArray(fields) ? fields : [];
    if (typeof id === "string") {
      const isOurs = field === LOG_FIELD && typeof envelope === "string";
      entries.push({ id, envelope: isOurs ? envelope : "" });
    }
  }
  return entries;
}
