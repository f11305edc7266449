import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { Arrivals, type ArrivalsOptions, type Trace } from "./bus/arrivals.ts";
import type { InstallationKeys } from "./bus/envelope-keys.ts";
import type { Deliver, EventBus } from "./bus/event-bus.ts";
import { LocalBus } from "./bus/local-bus.ts";
import { type Peer, Peers } from "./bus/peers.ts";
import { Presence, REPORT_INTERVAL_MS } from "./bus/presence.ts";
import { RedisBus } from "./bus/redis-bus.ts";
import type { Config } from "./config/schema.ts";
import type { WorkerEvents } from "./observability/events.ts";
import type { RedisState } from "./observability/status.ts";
import { keyFingerprint } from "./protocol/envelope.ts";
import type { NodeDetails, NodeReport } from "./protocol/node-report.ts";
import { connectionOptions } from "./redis/connection-options.ts";
import { isUseless, refusesWrites } from "./redis/faults.ts";
import { RedisLink } from "./redis/link.ts";
import { openSession, type RedisSession } from "./redis/session.ts";
import { MemoryRegistry, type MemoryRegistryOptions } from "./topics/memory-registry.ts";
import { PersistentRegistry } from "./topics/persistent-registry.ts";
import { RedisRegistry } from "./topics/redis-registry.ts";
import type { TopicLimits, TopicRegistry } from "./topics/registry.ts";

/** How long opening both sockets to Redis may take, in milliseconds. */
const OPEN_DEADLINE_MS = 2000;

/** How long the start waits for Redis before the worker serves without it, in milliseconds. */
const START_PATIENCE_MS = 2000;

/** How long a stop waits until everything has been sent to the others, in milliseconds. */
const DRAIN_DEADLINE_MS = 1000;

/** How often the bus looks at its probe and its outbox, in milliseconds. */
const TICK_MS = 250;

/** How often it is looked which other workers are there, in milliseconds. */
const PEERS_INTERVAL_MS = 1000;

/** How often expired topics are forgotten, in milliseconds; reads never show them anyway. */
const SWEEP_INTERVAL_MS = 60_000;

/** How often the state file is looked after, in milliseconds. */
const STATE_INTERVAL_MS = 1000;

/** What knows topics and carries events, for a single worker or a cluster. */
export interface Backbone {
  readonly topics: TopicRegistry;
  readonly bus: EventBus;
  readonly redis: () => RedisState;
  /**
   * How long ago a probe has come back through Redis, in milliseconds; `undefined` while none has
   * since it was joined.
   */
  readonly probeAgeMs: () => number | undefined;
  readonly figures: ClusterFigures;
  /** Reports of all nodes that are known; of this one alone while Redis is away. Never rejects. */
  readonly reports: () => Promise<readonly NodeReport[]>;
  /** This node's own at this moment, with the count of topics that is given. */
  readonly report: (topics: number) => NodeReport;
  /** The others, those that have gone lately among them, as far as they are known without asking. */
  readonly peers: () => readonly Peer[];
  /** Has an event published and follows it; `undefined` while too many others are followed. */
  readonly trace: (topic: string, publish: () => void) => Promise<Trace | undefined>;
  /** Tells the others at once how this node does. */
  announce(): void;
  /**
   * Whether other workers are there to take this one's browsers: now, or when Redis was last in
   * reach. Never rejects.
   */
  readonly hasOthers: () => Promise<boolean>;
  /** Goes by what can change while running: secrets and bounds. */
  reconfigure(config: Config): void;
  /** Resolves when the worker may serve, with or without Redis. Never rejects. */
  start(): Promise<void>;
  /** Says good-bye to the others. Never rejects. */
  stop(): Promise<void>;
}

/** How the way to the other workers does. */
export interface ClusterFigures {
  /** Workers that hear each other, this one among them, as counted last. */
  nodes(): number;
  /** What waits for Redis, and how much was dropped since the start; sizes in UTF-16 units. */
  outbox(): { readonly events: number; readonly bytes: number; readonly dropped: number };
  /** Envelopes that Redis has confirmed since the start. */
  sent(): number;
  /** The last probe through Redis and back, in milliseconds. */
  roundTripMs(): number | undefined;
}

/** Those of a worker that has no others. */
const ALONE: ClusterFigures = {
  nodes: () => 1,
  outbox: () => ({ events: 0, bytes: 0, dropped: 0 }),
  sent: () => 0,
  roundTripMs: () => undefined,
};

/** What a {@link Backbone} is built from. */
export interface BackboneOptions {
  readonly config: Config;
  /** 16 hex digits, new per process: the node's id and `origin_id`. */
  readonly nodeId: string;
  readonly version: string;
  readonly deliver: Deliver;
  /** Whether the gateways have no room for further events at this moment. */
  readonly isFull: () => boolean;
  readonly headcount: () => { readonly sockets: number; readonly clients: number };
  /** What a report says beside what is known here. */
  readonly details: () => NodeDetails;
  /**
   * Resolves once all that was delivered before has been handed to a topic's sockets, with how many
   * there are. Never rejects.
   */
  readonly handed: (topic: string) => Promise<number>;
  readonly events: WorkerEvents;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** PEM text of `redis_ca_file`. */
  readonly redisCa: string | undefined;
}

/** Builds the backbone that the configuration asks for; starts nothing. */
export function makeBackbone(options: BackboneOptions): Backbone {
  return options.config.redisUrl.reveal() === "" ? single(options) : cluster(options);
}

function single(options: BackboneOptions): Backbone {
  const { config, deliver, now } = options;
  const bounds = { ...topicLimits(config), now };
  const kept = config.stateFile === "" ? undefined : persistent(options, bounds);
  const topics = kept ?? new MemoryRegistry(bounds);
  const report = reporter(options, () => ({ probe_ms: null }));
  const bus = new LocalBus(deliver);
  const arrivals = new Arrivals({
    ...tracing(options),
    say: () => false,
    others: () => [],
  });
  const timers: Timer[] = [];
  return {
    topics,
    bus,
    redis: () => "off",
    probeAgeMs: () => undefined,
    figures: ALONE,
    reports: async () => [report(await topics.count())],
    report,
    peers: () => [],
    trace: (topic, publish) => arrivals.trace(topic, publish),
    announce: () => undefined,
    hasOthers: async () => false,
    reconfigure: (changed) => topics.reconfigure(topicLimits(changed)),
    start: async () => {
      kept?.open();
      timers.push(
        setInterval(() => topics.sweep(), SWEEP_INTERVAL_MS),
        setInterval(() => kept?.tick(), STATE_INTERVAL_MS),
      );
    },
    stop: async () => {
      for (const timer of timers) {
        clearInterval(timer);
      }
      kept?.close();
    },
  };
}

function persistent(
  { config, events }: BackboneOptions,
  bounds: MemoryRegistryOptions,
): PersistentRegistry {
  const path = config.stateFile;
  return new PersistentRegistry({
    ...bounds,
    path,
    isShared: config.reusePort,
    wallClock: Date.now,
    events: {
      opened: (topics, leftOut) => events.stateOpened(path, topics, leftOut),
      setAside: (keptAs, problem) => events.stateSetAside(path, keptAs, problem),
      unusable: (problem) => events.stateUnusable(path, problem),
      writeFailed: (problem) => events.stateWriteFailed(path, problem),
      recovered: () => events.stateRecovered(path),
    },
  });
}

function cluster(options: BackboneOptions): Backbone {
  const { config, nodeId, events, now } = options;
  const prefix = config.redisPrefix;

  const topics = new RedisRegistry({
    prefix,
    ...topicLimits(config),
    now,
    tell: (change) => bus.tell(change),
  });
  const bus = new RedisBus({
    originId: nodeId,
    keys: installationKeys(config),
    prefix,
    outbox: config.outbox,
    deliver: options.deliver,
    isFull: options.isFull,
    onNotice: (notice) => topics.heard(notice),
    onProbe: (node, word) => {
      const isNew = peers.heard(node, word?.type === "bye");
      if (isNew && link.session !== undefined) {
        void readPeers(link.session);
      }
      arrivals.heard(node, word);
    },
    giveUp: (reason) => link.fail(reason),
    events: {
      ...events,
      envelopeRefused: (fault) => {
        if (fault === "foreign_key") {
          events.neighbourHeard();
        } else {
          events.envelopeRefused(fault);
        }
      },
      logFailed: events.catchUpLogFailed,
    },
    now,
  });
  const presence = new Presence(prefix);
  const peers = new Peers({
    events: { gone: events.peerGone, back: events.peerBack },
    now,
  });
  const arrivals = new Arrivals({
    ...tracing(options),
    say: (word) => bus.say(word),
    others: () => peers.names(),
  });
  const report = reporter(options, () => {
    const { roundTripMs, outbox } = bus;
    return {
      probe_ms: roundTripMs === undefined ? null : Math.round(roundTripMs * 100) / 100,
      outbox: { events: outbox.events, dropped: outbox.dropped },
    };
  });

  const makeReport = async (): Promise<NodeReport> => report(await topics.count());

  const connection = connectionOptions(config.redisUrl.reveal(), options.redisCa, OPEN_DEADLINE_MS);
  const link = new RedisLink({
    open: () => openSession(connection, OPEN_DEADLINE_MS, now),
    recover: async (session) => {
      // First, since it shows whether this server can be written to.
      await presence.report(session, await makeReport()).catch((fault: unknown) => {
        if (!refusesWrites(fault)) {
          throw fault;
        }
      });
      await bus.join(session);
      await topics.restore(session);
      bus.resume();
    },
    onLost: () => {
      topics.suspend();
      bus.suspend();
    },
    events: {
      up: (awayMs) => {
        events.redisUp(awayMs);
        void topics.learnAll();
      },
      down: events.redisDown,
      unavailable: events.redisUnavailable,
    },
    now,
    random: Math.random,
  });

  const beat = async (session: RedisSession): Promise<void> => {
    try {
      await presence.report(session, await makeReport());
    } catch (fault) {
      if (fault instanceof Error && isUseless(fault)) {
        link.fail(fault.message);
      }
    }
    await Promise.all([topics.retell(), bus.tidyLog(), readPeers(session)]);
  };
  const readPeers = async (session: RedisSession): Promise<void> => {
    // A lost session is told elsewhere.
    peers.reported(await presence.read(session, peers.names()).catch(() => []));
  };

  /** How many workers there were when Redis was last in reach, this one among them. */
  let lastNodes = 1;
  const countNodes = async (): Promise<void> => {
    const nodes = await bus.nodes();
    lastNodes = nodes > 0 ? nodes : lastNodes;
  };

  const timers: Timer[] = [];
  return {
    topics,
    bus,
    redis: () => (link.session === undefined ? "down" : "up"),
    probeAgeMs: () => bus.probeAgeMs,
    figures: {
      nodes: () => (link.session === undefined ? 1 : lastNodes),
      outbox: () => bus.outbox,
      sent: () => bus.sent,
      roundTripMs: () => bus.roundTripMs,
    },
    reports: async () => {
      const own = await makeReport();
      const session = link.session;
      const all = session === undefined ? [] : await presence.list(session).catch(() => []);
      // Its own report in Redis is some seconds old.
      const others = all.filter(({ node }) => node !== nodeId);
      return [own, ...others];
    },
    report,
    peers: () => peers.list(),
    trace: (topic, publish) => arrivals.trace(topic, publish),
    announce: () => {
      if (link.session !== undefined) {
        void beat(link.session);
      }
    },
    hasOthers: async () => {
      await countNodes();
      return lastNodes > 1;
    },
    reconfigure: (changed) => {
      topics.reconfigure(topicLimits(changed));
      bus.reconfigure(installationKeys(changed), changed.outbox);
    },
    start: async () => {
      if (config.stateFile !== "") {
        events.stateUnused(config.stateFile);
      }
      timers.push(
        setInterval(() => bus.tick(), TICK_MS),
        setInterval(() => topics.sweep(), SWEEP_INTERVAL_MS),
        setInterval(
          () => peers.tick(link.session !== undefined && !bus.isBehind),
          PEERS_INTERVAL_MS,
        ),
        setInterval(() => {
          if (link.session !== undefined) {
            void beat(link.session);
            void countNodes();
          }
        }, REPORT_INTERVAL_MS),
      );
      await Promise.race([link.start(), Bun.sleep(START_PATIENCE_MS)]);
      // So that the others know of this worker, and of its key, before it serves.
      bus.tick();
    },
    stop: async () => {
      for (const timer of timers) {
        clearInterval(timer);
      }
      await bus.drain(DRAIN_DEADLINE_MS);
      bus.say({ type: "bye" });
      const session = link.session;
      if (session !== undefined) {
        const withdrawn = presence.withdraw(session, nodeId).catch(() => undefined);
        await Promise.race([withdrawn, Bun.sleep(DRAIN_DEADLINE_MS)]);
      }
      link.stop();
    },
  };
}

function topicLimits({ topicTtlMs, maxTopics }: Config): TopicLimits {
  return { ttlMs: topicTtlMs, maxTopics };
}

function installationKeys({ workerSecret, workerSecretPrevious }: Config): InstallationKeys {
  const previous = workerSecretPrevious.reveal();
  return {
    current: keyFingerprint(workerSecret.reveal()),
    previous: previous === "" ? undefined : keyFingerprint(previous),
  };
}

/** What follows test events, as far as it is the same for every kind of worker. */
function tracing({
  nodeId: node,
  handed,
  now,
}: BackboneOptions): Omit<ArrivalsOptions, "say" | "others"> {
  return { node, handed, newId: () => randomBytes(8).toString("hex"), now };
}

/** Makes this node's reports, given the count of topics, which nobody knows without asking Redis. */
function reporter(
  { nodeId, version, headcount, details }: BackboneOptions,
  ofTheBus: () => Pick<NodeReport, "probe_ms" | "outbox">,
): (topics: number) => NodeReport {
  const host = hostname();
  const started = new Date().toISOString();
  return (topics) => {
    const { sockets, clients } = headcount();
    const { probe_ms, ...rest } = ofTheBus();
    return {
      node: nodeId,
      host,
      version,
      started,
      topics,
      sockets,
      clients,
      probe_ms,
      ...rest,
      ...details(),
    };
  };
}
