import { z } from "zod";
import { maskRedisUrl } from "./redis-url.ts";
import {
  allowedOrigins,
  bindAddress,
  DEFAULT_OUTBOX_AGE,
  DEFAULT_TTL,
  drainTime,
  gatewayThreads,
  logFormat,
  logLevel,
  maxBuffered,
  maxConnections,
  maxPerIp,
  maxTopics,
  outboxAge,
  outboxBytes,
  outboxEvents,
  port,
  previousSecret,
  queuedBytes,
  queuedEvents,
  redisCaFile,
  redisPrefix,
  redisUrl,
  reusePort,
  stateFile,
  topicTtl,
  trustedProxies,
  workerSecret,
} from "./value-kinds.ts";

/**
 * What the reference says about a key, beside what the schema itself knows (default, bounds).
 * Texts are Markdown without line breaks.
 */
export interface SettingDoc {
  /** What it does. */
  readonly what: string;
  /** The values it takes. */
  readonly allowed: string;
  /** When to change it from its default. */
  readonly change: string;
  /** One line of YAML, or several. */
  readonly example: string;
  /** The default in words, where the value itself does not say it. */
  readonly fallback?: string;
  /** Set when the value must never be shown. */
  readonly secret?: true;
  /**
   * How a change reaches a worker that runs: by a reload, without dropping anyone, or only by a
   * restart.
   */
  readonly reload: "live" | "restart";
  /** What the sample file sets it to; otherwise it shows the default, commented out. */
  readonly sample?: string;
}

/** The reference texts of every key of {@link settingsSchema}. */
export const settingDocs = z.registry<SettingDoc>();

/**
 * The configuration: the only source of types, checks, defaults and the reference. Keys and their
 * forms are those of the file; every value may also be text, as the environment gives it.
 */
export const settingsSchema = z.strictObject({
  ws_port: port.schema.prefault(9000).register(settingDocs, {
    what: "Port for browsers (WebSocket).",
    allowed: port.allowed,
    change: "When the port is taken, or when the load balancer expects another.",
    example: "ws_port: 9000",
    reload: "restart",
  }),
  ws_bind: bindAddress.schema.prefault("").register(settingDocs, {
    what: "Address on which browsers' connections are taken.",
    allowed: bindAddress.allowed,
    change:
      "When a load balancer on the same machine is the only one that may connect (`127.0.0.1`), or when the machine has no IPv6 (`0.0.0.0`).",
    example: 'ws_bind: "127.0.0.1"',
    fallback: "all interfaces, IPv6 and IPv4",
    reload: "restart",
  }),
  internal_port: port.schema.prefault(9001).register(settingDocs, {
    what: "Port for Wavelog itself (internal HTTP API: register, publish, status).",
    allowed: port.allowed,
    change: "When the port is taken. Wavelog's worker address must say the same.",
    example: "internal_port: 9001",
    reload: "restart",
  }),
  internal_bind: bindAddress.schema.prefault("127.0.0.1").register(settingDocs, {
    what: "Address on which the internal HTTP API is served. Whoever reaches it and has the secret can publish to everybody, so it stays on this machine unless you say otherwise.",
    allowed: bindAddress.allowed,
    change:
      "When PHP runs on another machine or in another container: give the address it reaches this machine by, or `0.0.0.0`, and keep strangers out with the network or a firewall.",
    example: 'internal_bind: "0.0.0.0"',
    reload: "restart",
  }),
  worker_secret: workerSecret.schema.register(settingDocs, {
    what: "Shared secret: the same text as `worker_secret` in Wavelog's configuration. It opens the internal API and signs the browsers' tokens.",
    allowed: workerSecret.allowed,
    change:
      "Always: there is no default. Change it when somebody may have seen it; with `worker_secret_previous` nobody notices.",
    example: 'worker_secret: "…64 hex digits…"',
    secret: true,
    reload: "live",
  }),
  worker_secret_previous: previousSecret.schema.prefault("").register(settingDocs, {
    what: "The secret that `worker_secret` has replaced. While it is set, whoever still uses it is let in: PHP at the internal API, browsers with tokens signed by it. The status shows whether anybody does, and docs/operations.md the steps.",
    allowed: previousSecret.allowed,
    change: "While the secret is being changed; remove it afterwards.",
    example: 'worker_secret_previous: "…64 hex digits…"',
    fallback: "empty: only `worker_secret` counts",
    secret: true,
    reload: "live",
  }),
  redis_url: redisUrl.schema.prefault("").register(settingDocs, {
    what: "Redis or Valkey server through which several workers share topics and events, and become one. While it is out of reach each serves its own.",
    allowed: redisUrl.allowed,
    change: "When you run more than one worker: give all of them the same.",
    example: 'redis_url: "redis://127.0.0.1:6379/0"',
    fallback: "empty: a single worker, no Redis",
    secret: true,
    reload: "restart",
  }),
  redis_prefix: redisPrefix.schema.prefault("wavelog").register(settingDocs, {
    what: "Begins the names of all keys and of the channel in Redis. Channels are shared by all databases of a server, whatever number the URL ends with.",
    allowed: redisPrefix.allowed,
    change:
      "When two installations of Wavelog share one Redis: give each its own, the same on all workers of one. The original worker knows `wavelog` alone.",
    example: "redis_prefix: club2",
    reload: "restart",
  }),
  redis_ca_file: redisCaFile.schema.prefault("").register(settingDocs, {
    what: "Certificate authorities that may have signed the certificate of a `rediss://` server.",
    allowed: redisCaFile.allowed,
    change: "When the server's certificate is signed by an authority of your own.",
    example: 'redis_ca_file: "/etc/wavelog_worker/redis-ca.pem"',
    fallback: "empty: the authorities that come with the program",
    reload: "restart",
  }),
  cluster_outbox_events: outboxEvents.schema.prefault(10_000).register(settingDocs, {
    what: "Events that are kept for the other workers while Redis is out of reach; beyond, the oldest are dropped, counted and logged.",
    allowed: outboxEvents.allowed,
    change: "When Redis may be away for long while much is logged.",
    example: "cluster_outbox_events: 50000",
    reload: "live",
  }),
  cluster_outbox_bytes: outboxBytes.schema.prefault(33_554_432).register(settingDocs, {
    what: "Memory these events may take, in bytes.",
    allowed: outboxBytes.allowed,
    change: "Together with `cluster_outbox_events`, or when memory is short.",
    example: "cluster_outbox_bytes: 134217728",
    reload: "live",
  }),
  cluster_outbox_age: outboxAge.schema.prefault(DEFAULT_OUTBOX_AGE).register(settingDocs, {
    what: "How long such an event is kept; an older one is of no use to a browser any more.",
    allowed: outboxAge.allowed,
    change: "When late events are better than none, or worse.",
    example: 'cluster_outbox_age: "2m"',
    reload: "live",
  }),
  topic_ttl: topicTtl.schema.prefault(DEFAULT_TTL).register(settingDocs, {
    what: "How long a topic stays registered when Wavelog does not register it again. Keeps topics that nobody uses any more from piling up.",
    allowed: topicTtl.allowed,
    change: "Seldom: longer than Wavelog's own pause between two registrations is enough.",
    example: 'topic_ttl: "12h"',
    reload: "live",
  }),
  state_file: stateFile.schema.prefault("").register(settingDocs, {
    what: "File in which a single worker keeps its topics, so that browsers that come back after a restart find them. SQLite, on a local disk; the worker must be able to write to its directory too, since SQLite puts two files beside it (`-wal`, `-shm`). A path that does not begin with `/` is relative to the working directory. Not used with `redis_url`: Redis keeps the topics then. See [restarts.md](restarts.md).",
    allowed: stateFile.allowed,
    change: "Set it wherever the worker has a directory of its own to write to.",
    example: 'state_file: "/var/lib/wavelog_worker/topics.state"',
    fallback: "empty: topics are in memory only, and gone after a restart",
    sample: "wavelog_worker.state",
    reload: "restart",
  }),
  reuse_port: reusePort.schema.prefault(false).register(settingDocs, {
    what: "Lets a second worker of the same user listen on the same two ports, so that it takes new connections while the first one stops. Both need it. Without it a second worker refuses to start, which tells you of a mistake.",
    allowed: reusePort.allowed,
    change:
      "When a new version shall take over on one machine without a pause: see [restarts.md](restarts.md).",
    example: "reuse_port: true",
    reload: "restart",
  }),
  gateway_threads: gatewayThreads.schema.prefault("auto").register(settingDocs, {
    what: "Threads that hold the browsers' connections. `auto` is the number of CPU cores less one, at least 1, at most 8.",
    allowed: gatewayThreads.allowed,
    change: "When other programs need the cores (fewer), or to measure.",
    example: "gateway_threads: 2",
    reload: "restart",
  }),
  drain_time: drainTime.schema.prefault("auto").register(settingDocs, {
    what: "What happens to the browsers when the worker stops. `auto`: while other workers are there, their connections are closed one after the other over 5 s, so that the others take them; a worker that is alone serves to the last moment and closes all at once, since browsers give up after 4 s. A number of seconds spreads the closing over that time in any case.",
    allowed: drainTime.allowed,
    change:
      "To a number when something else takes the browsers over, or when 5 s are too short for thousands of them. The supervisor must wait longer than that before it kills (`docker stop` 10 s, systemd 90 s).",
    example: "drain_time: 20",
    reload: "live",
  }),
  max_topics: maxTopics.schema.prefault(100_000).register(settingDocs, {
    what: "Most topics registered at once; beyond it a new one is refused (HTTP 507), so that a fault elsewhere cannot fill the memory.",
    allowed: maxTopics.allowed,
    change: "When Wavelog has more topics than this in use at once.",
    example: "max_topics: 250000",
    reload: "live",
  }),
  max_queued_events: queuedEvents.schema.prefault(10_000).register(settingDocs, {
    what: "Events that may wait for a gateway thread. When it is full, a publish waits up to 250 ms for room and is then refused (HTTP 503), so that what was answered 200 is delivered and memory stays bounded.",
    allowed: queuedEvents.allowed,
    change: "When bursts of more events than this are published at once.",
    example: "max_queued_events: 50000",
    reload: "live",
  }),
  max_queued_bytes: queuedBytes.schema.prefault(16_777_216).register(settingDocs, {
    what: "Size these events may have together, in bytes (as many characters, where they are not ASCII).",
    allowed: queuedBytes.allowed,
    change: "Together with `max_queued_events`, or when memory is short.",
    example: "max_queued_bytes: 67108864",
    reload: "live",
  }),
  allowed_origins: allowedOrigins.schema.prefault([]).register(settingDocs, {
    what: "Web pages that may connect, by the `Origin` header browsers send. Empty lets every page try; a topic that needs a token needs it all the same.",
    allowed: allowedOrigins.allowed,
    change:
      "To keep pages of other sites from opening connections at all: list the address of your Wavelog.",
    example: 'allowed_origins:\n  - "https://log.example.org"\n  - "*.example.net"',
    fallback: "empty: any origin",
    reload: "live",
  }),
  trusted_proxies: trustedProxies.schema
    .prefault(["127.0.0.0/8", "::1/128"])
    .register(settingDocs, {
      what: "Proxies and load balancers whose `X-Forwarded-For` or `X-Real-IP` is believed. The client's address, for the log and for the limits per address, is the last one in it that is no trusted proxy's; from everybody else these headers are ignored. No limit per address concerns a trusted proxy itself.",
      allowed: trustedProxies.allowed,
      change:
        "When your web server or load balancer runs on another machine or in another container: list the addresses it connects from.",
      example: 'trusted_proxies:\n  - "127.0.0.0/8"\n  - "10.0.0.0/24"',
      reload: "live",
      fallback: "this machine: `127.0.0.0/8` and `::1/128`",
    }),
  max_connections: maxConnections.schema.prefault("auto").register(settingDocs, {
    what: "Most browsers' sockets at once, over all threads; beyond it, a browser is told to try again later (HTTP 503). `auto` is what the file limit of the process leaves when 192 files, or 5 % of it up to 1,024, are kept back for PHP and the worker itself. More than that is never let in.",
    allowed: maxConnections.allowed,
    change: "To bound memory. To let more in, raise the file limit instead (docs/operations.md).",
    example: "max_connections: 20000",
    reload: "live",
    fallback: "`auto`: what the file limit leaves",
  }),
  max_connections_per_ip: maxPerIp.schema.prefault(0).register(settingDocs, {
    what: "Most sockets of one client address at once (of IPv6, of one /64 network). A whole club may share one address, and each page has several sockets.",
    allowed: maxPerIp.allowed,
    change: "When one address takes more than its share.",
    example: "max_connections_per_ip: 2000",
    reload: "live",
    fallback: "`0`: no limit",
  }),
  max_pending: maxConnections.schema.prefault("auto").register(settingDocs, {
    what: "Most sockets at once that are not authenticated yet. After a failure elsewhere, all browsers come at the same instant. `auto` is `max_connections`.",
    allowed: maxConnections.allowed,
    change: "To leave room for those who are in when strangers open sockets by the thousand.",
    example: "max_pending: 10000",
    reload: "live",
    fallback: "`auto`: as many as `max_connections`",
  }),
  max_pending_per_ip: maxPerIp.schema.prefault(1000).register(settingDocs, {
    what: "The same of one client address (of IPv6, of one /64 network).",
    allowed: maxPerIp.allowed,
    change: "When more browsers than this share an address and come at the same instant.",
    example: "max_pending_per_ip: 5000",
    reload: "live",
  }),
  max_buffered: maxBuffered.schema.prefault(1_048_576).register(settingDocs, {
    what: "Bytes that may wait for one slow reader. Beyond, that socket alone is closed; it comes back and fetches what it missed, and nobody else waits for it. A quarter of this is written to a socket at once.",
    allowed: maxBuffered.allowed,
    change:
      "When events are large (it should be a few times the largest), or many slow readers take too much memory.",
    example: "max_buffered: 4194304",
    reload: "restart",
  }),
  log_format: logFormat.schema.prefault("auto").register(settingDocs, {
    what: "How log lines look: `text` for people, `json` one object per line for programs, `auto` text on a terminal and JSON otherwise.",
    allowed: logFormat.allowed,
    change: "When a log collector reads JSON from a terminal, or people read the log from a file.",
    example: "log_format: json",
    reload: "restart",
  }),
  log_level: logLevel.schema.prefault("info").register(settingDocs, {
    what: "The least important lines that are still logged.",
    allowed: logLevel.allowed,
    change:
      "To `warn` on a busy worker (one line per connection is `info`), to `debug` when looking for a fault.",
    example: "log_level: warn",
    reload: "live",
  }),
});

/** Checked values under the file's keys. */
export type Settings = z.output<typeof settingsSchema>;

/** A key of the configuration file. */
export type ConfigKey = keyof Settings;

/** Every key, in the order of the reference. */
export const CONFIG_KEYS = Object.keys(settingsSchema.shape) as readonly ConfigKey[];

/** The reference texts of a key. */
export function docOf(key: ConfigKey): SettingDoc {
  const doc = settingDocs.get(settingsSchema.shape[key]);
  if (doc === undefined) {
    throw new Error(`"${key}" has no reference texts; register them in schema.ts`);
  }
  return doc;
}

/** What the worker runs with: checked, complete, in the units the names say. */
export type Config = ReturnType<typeof toConfig>;

/** The same values under the names the code uses. */
export function toConfig(settings: Settings) {
  return Object.freeze({
    /** Port for browsers, 1…65535. */
    wsPort: settings.ws_port,
    /** IP address or host name; `::` is all interfaces, IPv6 and IPv4. */
    wsBind: settings.ws_bind,
    /** Port of the internal API, 1…65535; never the same socket address as `wsPort`. */
    internalPort: settings.internal_port,
    /** As `wsBind`. */
    internalBind: settings.internal_bind,
    workerSecret: settings.worker_secret,
    /** Reveals "" for none; never the same as `workerSecret`. */
    workerSecretPrevious: settings.worker_secret_previous,
    /** Reveals "" for a single instance. A secret, since it may hold a password. */
    redisUrl: settings.redis_url,
    /** The same without user and password, for output. */
    redisAddress: maskRedisUrl(settings.redis_url.reveal()),
    redisPrefix: settings.redis_prefix,
    /** Path of a PEM file; "" for none. */
    redisCaFile: settings.redis_ca_file,
    /** Bounds of what waits for Redis; `ageMs` in milliseconds. */
    outbox: Object.freeze({
      events: settings.cluster_outbox_events,
      bytes: settings.cluster_outbox_bytes,
      ageMs: settings.cluster_outbox_age.ms,
    }),
    /** Milliseconds, at least 1,000. */
    topicTtlMs: settings.topic_ttl.ms,
    /** Path of the state file; "" for none. */
    stateFile: settings.state_file,
    reusePort: settings.reuse_port,
    /** See `resolveGatewayThreads`. */
    gatewayThreads: settings.gateway_threads,
    /** `auto`, or seconds. */
    drainTime: settings.drain_time,
    maxTopics: settings.max_topics,
    /** Bounds of what waits for one gateway thread, in events and UTF-16 units. */
    queue: Object.freeze({
      events: settings.max_queued_events,
      units: settings.max_queued_bytes,
    }),
    /** Exact origins and `*.host` wildcards, lower case; empty lets any origin in. */
    allowedOrigins: Object.freeze(settings.allowed_origins) as readonly string[],
    /** IP addresses and CIDR networks. */
    trustedProxies: Object.freeze(settings.trusted_proxies) as readonly string[],
    /** See `resolveConnectionLimit`. */
    maxConnections: settings.max_connections,
    /** 0 for no limit. */
    maxConnectionsPerIp: settings.max_connections_per_ip,
    /** `auto` is as many as connections. */
    maxPending: settings.max_pending,
    /** 0 for no limit. */
    maxPendingPerIp: settings.max_pending_per_ip,
    /** Bytes. */
    maxBuffered: settings.max_buffered,
    logFormat: settings.log_format,
    logLevel: settings.log_level,
  });
}
