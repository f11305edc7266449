import { describe, expect, test } from "bun:test";
import { API_ERRORS } from "../../protocol/api-errors.ts";
import { CLOSE } from "../../protocol/close-codes.ts";
import type { SocketEvent } from "../../protocol/socket-event.ts";
import { tee, type WorkerEvents } from "../events.ts";
import type { ClusterSources } from "./cluster-metrics.ts";
import { type MetricSources, Metrics } from "./metrics.ts";
import { metricSources, seriesOf } from "./testing.ts";
import type { ThreadFigures } from "./thread-metrics.ts";

type Series = Readonly<Record<string, number>>;

/** Metrics, and the events that go to them. */
class Scene {
  readonly metrics: Metrics;
  readonly events: WorkerEvents;
  #now = 0;

  constructor(changes: Partial<MetricSources> = {}) {
    this.metrics = new Metrics(metricSources({ ...changes, now: () => this.#now }));
    this.events = tee(...this.metrics.listeners);
  }

  /** Every series, without the prefix. */
  async all(): Promise<Series> {
    this.#now += 1000;
    const series = [...seriesOf(await this.metrics.text())];
    return Object.fromEntries(
      series.map(([name, value]) => [name.replace("wavelog_worker_", ""), value]),
    );
  }

  /** The series of some metrics whose figure is not nought. */
  async counted(...names: string[]): Promise<Series> {
    const all = Object.entries(await this.all());
    return Object.fromEntries(
      all.filter(([name, value]) => value !== 0 && names.some((one) => name.startsWith(one))),
    );
  }
}

const CLIENT = { topic: "a", userId: 7, address: "203.0.113.9" };

function disconnected(code: number, reason: string, buffered?: number): SocketEvent {
  const end = { type: "disconnected", ...CLIENT, code, reason, durationMs: 5 } as const;
  return buffered === undefined ? end : { ...end, buffered };
}

describe("of the internal API", () => {
  test("publishes are counted by result, those accepted with bytes and duration", async () => {
    const scene = new Scene();
    scene.events.answered("publish", undefined);
    scene.events.published(120, 2);
    scene.events.answered("publish", API_ERRORS.topicNotRegistered);
    scene.events.answered("publish", API_ERRORS.forbidden);
    expect(await scene.counted("publishes", "publish_bytes")).toEqual({
      'publishes_total{result="accepted"}': 1,
      'publishes_total{result="topic_not_registered"}': 1,
      'publishes_total{result="forbidden"}': 1,
      publish_bytes_total: 120,
    });
    expect(await scene.all()).toMatchObject({
      publish_duration_seconds_sum: 0.002,
      'publish_duration_seconds_bucket{le="0.001"}': 0,
      'publish_duration_seconds_bucket{le="0.0025"}': 1,
      publish_duration_seconds_count: 1,
    });
  });

  test("every error it may answer is known, of whatever call", async () => {
    const scene = new Scene();
    const errors = Object.values(API_ERRORS);
    for (const error of errors) {
      scene.events.answered("status", error);
    }
    const counted = await scene.counted("api_errors", "publishes");
    expect(Object.values(counted)).toEqual(errors.map(() => 1));
    expect(counted).not.toContainKey('api_errors_total{error="other"}');
  });

  test("registrations are counted by result", async () => {
    const scene = new Scene();
    scene.events.registered("a", true, true);
    scene.events.registered("a", true, false);
    scene.events.registered("a", true, false);
    scene.events.registryFull("b");
    expect(await scene.counted("registrations", "limit")).toEqual({
      'registrations_total{result="new"}': 1,
      'registrations_total{result="refreshed"}': 2,
      'registrations_total{result="full"}': 1,
      'limit_refusals_total{limit="max_topics"}': 1,
    });
  });
});

describe("of sockets", () => {
  test("handshakes are counted by result, refusals by limit too", async () => {
    const refusals = { ...metricSources().sockets.refusals(), max_pending: 4, auth: 2 };
    const sockets = { ...metricSources().sockets, refusals: () => refusals };
    const scene = new Scene({ sockets });
    scene.events.socket({ type: "connected", ...CLIENT, handshakeMs: 30 });
    scene.events.overloaded("a");
    expect(await scene.counted("handshakes_total", "limit_refusals")).toEqual({
      'handshakes_total{result="accepted",reason="none"}': 1,
      'handshakes_total{result="refused",reason="max_pending"}': 4,
      'handshakes_total{result="refused",reason="auth"}': 2,
      'limit_refusals_total{limit="max_pending"}': 4,
      'limit_refusals_total{limit="max_queued_events"}': 1,
    });
    expect(await scene.all()).toMatchObject({
      'handshake_duration_seconds_bucket{le="0.025"}': 0,
      'handshake_duration_seconds_bucket{le="0.05"}': 1,
    });
  });

  test("every end that the worker brings about is known by its reason", async () => {
    for (const { code, reason } of Object.values(CLOSE)) {
      const scene = new Scene();
      scene.events.socket(disconnected(code, reason));
      const counted = Object.keys(await scene.counted("closes"));
      expect(counted).toHaveLength(1);
      expect(counted[0]).toStartWith(`closes_total{code="${code}",reason="`);
      expect(counted[0]).not.toContain('"client"');
    }
  });

  test.each([
    [1009, "frame over 4 KiB", undefined, "1009", "too_big"],
    [1006, "slow reader", 2_000_000, "1006", "slow_reader"],
    [1006, "", undefined, "1006", "lost"],
    [1006, "whatever", undefined, "1006", "lost"],
    [1000, "", undefined, "1000", "client"],
    [1001, "", undefined, "1001", "client"],
    [1005, "", undefined, "1005", "client"],
    [1012, "not our text", undefined, "other", "client"],
    [4999, "made up", undefined, "other", "client"],
  ])("an end with %d %s is known as it is", async (code, text, buffered, label, reason) => {
    const scene = new Scene();
    scene.events.socket(disconnected(code, text, buffered));
    const name = `closes_total{code="${label}",reason="${reason}"}`;
    expect(await scene.counted("closes")).toEqual({ [name]: 1 });
  });

  test("uses of the former secret are counted by kind", async () => {
    const scene = new Scene();
    scene.events.socket({ type: "previous_secret_used", ...CLIENT });
    scene.events.previousSecretUsed("127.0.0.1");
    scene.events.previousSecretUsed("127.0.0.1");
    expect(await scene.counted("previous")).toEqual({
      'previous_secret_uses_total{by="token"}': 1,
      'previous_secret_uses_total{by="api_call"}': 2,
    });
  });
});

describe("of threads", () => {
  const tokens = { valid: 3, malformed: 0, forged: 2, expired: 0, other_topic: 0 };
  const report = {
    sockets: 5,
    deliveries: 100,
    bytes: 9000,
    buffered: 70,
    mostBuffered: 40,
    tokens,
    cpuSeconds: 1.5,
  };
  const threads: readonly ThreadFigures[] = [
    { events: 2, units: 300, lagMs: 1, report },
    {
      events: 0,
      units: 0,
      lagMs: 0,
      report: { ...report, mostBuffered: 60, cpuSeconds: undefined },
    },
  ];
  const sources = { threads: () => threads, threadCount: 2, mainCpuSeconds: () => 0.25 };

  test("what they have told is summed up, or told of each", async () => {
    const scene = new Scene({ threads: sources });
    const names = ["deliver", "buffered", "tokens", "thread", "queued"];
    expect(await scene.counted(...names)).toEqual({
      deliveries_total: 200,
      delivered_bytes_total: 18_000,
      buffered_bytes: 140,
      buffered_max_bytes: 60,
      'tokens_total{result="valid"}': 6,
      'tokens_total{result="forged"}': 4,
      'thread_sockets{thread="1"}': 5,
      'thread_sockets{thread="2"}': 5,
      'queued_events{thread="1"}': 2,
      'queued_bytes{thread="1"}': 300,
      'thread_cpu_seconds_total{thread="main"}': 0.25,
      'thread_cpu_seconds_total{thread="1"}': 1.5,
    });
  });

  test("lag and delays are spread over buckets, of each thread there is", async () => {
    const scene = new Scene({ threads: sources });
    scene.events.deliveryMeasured(3);
    scene.events.loopDelayed("main", 700);
    scene.events.loopDelayed("2", -1);
    scene.events.loopDelayed("3", 5);
    const all = await scene.all();
    expect(all).toMatchObject({
      delivery_lag_seconds_sum: 0.003,
      'event_loop_delay_seconds_sum{thread="main"}': 0.7,
      'event_loop_delay_seconds_count{thread="1"}': 0,
      'event_loop_delay_seconds_count{thread="2"}': 1,
      'event_loop_delay_seconds_sum{thread="2"}': 0,
    });
    expect(Object.keys(all).filter((name) => name.includes('thread="3"'))).toEqual([]);
  });
});

describe("of the cluster", () => {
  const sources: ClusterSources = {
    redis: () => "down",
    nodes: () => 3,
    outbox: () => ({ events: 7, bytes: 900, dropped: 2 }),
    sent: () => 40,
  };

  test("what waits and was sent is read, what happens is counted", async () => {
    const scene = new Scene({ cluster: sources });
    const { events } = scene;
    events.redisDown("gone");
    events.probed(4);
    events.caughtUp(6);
    events.caughtUp(1);
    events.catchUpLogFailed("OOM");
    const names = ["redis", "cluster", "outbox", "envelopes_sent", "ca", "probe_duration_seconds_"];
    const counted = await scene.counted(...names);
    expect(counted).toMatchObject({
      redis_disconnects_total: 1,
      cluster_nodes: 3,
      outbox_events: 7,
      outbox_bytes: 900,
      outbox_dropped_total: 2,
      envelopes_sent_total: 40,
      catch_ups_total: 2,
      caught_up_events_total: 7,
      catch_up_log_failures_total: 1,
      probe_duration_seconds_count: 1,
    });
    expect((await scene.all())["redis_up"]).toBe(0);
  });

  test("envelopes are counted by what became of them", async () => {
    const scene = new Scene({ cluster: sources });
    const { events } = scene;
    for (const use of ["event", "event", "own", "probe", "notice", "repeated"] as const) {
      events.envelopeTaken(use);
    }
    events.envelopeRefused("unreadable");
    events.neighbourHeard();
    // In all since the start.
    events.heldDropped(3);
    events.heldDropped(5);
    expect(await scene.counted("envelopes_total")).toEqual({
      'envelopes_total{result="event"}': 2,
      'envelopes_total{result="own"}': 1,
      'envelopes_total{result="probe"}': 1,
      'envelopes_total{result="notice"}': 1,
      'envelopes_total{result="repeated"}': 1,
      'envelopes_total{result="unreadable"}': 1,
      'envelopes_total{result="foreign_key"}': 1,
      'envelopes_total{result="dropped"}': 5,
    });
  });

  test("there are none for a single worker", async () => {
    const scene = new Scene({ cluster: undefined });
    scene.events.redisDown("gone");
    const names = Object.keys(await scene.all()).join("\n");
    expect(names).not.toMatch(/redis|cluster|outbox|envelope|probe|caught|catch/);
  });
});

describe("of the worker", () => {
  test("version and commit are told apart, and one readiness is 1", async () => {
    const { worker } = metricSources();
    const scene = new Scene({ worker: { ...worker, readiness: () => "degraded" } });
    const all = await scene.all();
    expect(all).toMatchObject({
      [`build_info{version="1.0.0",commit="1a2b3c4",bun="${Bun.version}"}`]: 1,
      'readiness{state="ready"}': 0,
      'readiness{state="degraded"}': 1,
      'readiness{state="not_ready"}': 0,
      'readiness{state="draining"}': 0,
      topics_registered: 1,
      topics_active: 0,
    });
  });

  test("faults of the state file are counted, of whichever kind", async () => {
    const scene = new Scene();
    scene.events.stateUnusable("/x", "no permission");
    scene.events.stateWriteFailed("/x", "disk full");
    expect(await scene.counted("state")).toEqual({ state_file_failures_total: 2 });
  });
});

describe("of the process", () => {
  test("memory, processor and start are those of this one", async () => {
    const all = await new Scene().all();
    expect(all["process_resident_memory_bytes"]).toBeWithin(1_000_000, 10_000_000_000);
    expect(all["process_cpu_seconds_total"]).toBeWithin(0.01, 10_000);
    expect(all["process_start_time_seconds"]).toBeWithin(
      Date.now() / 1000 - 3600,
      Date.now() / 1000,
    );
    expect(all).toMatchObject({ process_open_fds: 20, process_max_fds: 1024 });
  });

  test("no more files are open than may be, and an unknown limit is left out", async () => {
    const full = { openFiles: () => Number.POSITIVE_INFINITY, fileLimit: 1024 };
    expect((await new Scene({ process: full }).all())["process_open_fds"]).toBe(1024);
    const unknown = { openFiles: () => 20, fileLimit: undefined };
    expect(await new Scene({ process: unknown }).all()).not.toContainKey("process_max_fds");
  });
});

test("every metric has a name after Prometheus' conventions, and says what it is", () => {
  const { families } = new Metrics(metricSources());
  const names = families.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, type, help } of families) {
    expect(name).toMatch(/^(?:wavelog_worker|process)_[a-z_]+$/);
    expect(name.endsWith("_total")).toBe(type === "counter");
    expect(help).toMatch(/^[A-Z1].*\.$/);
  }
});

test("whatever is told, no series is added", async () => {
  const scene = new Scene();
  const before = Object.keys(await scene.all());
  const { events } = scene;
  events.answered("unknown", { status: 418, text: "made up" });
  events.answered("publish", { status: 418, text: "made up" });
  events.registered("a\n", true, true);
  for (let code = 1000; code < 5000; code += 7) {
    events.socket(disconnected(code, `reason ${code}`));
  }
  events.socket({ ...disconnected(1006, "x", 5) });
  events.loopDelayed("99", 5);
  expect(Object.keys(await scene.all())).toEqual(before);
});
