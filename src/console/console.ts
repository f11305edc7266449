import type { Figures } from "../observability/history.ts";
import { History } from "../observability/history.ts";
import type { Incident } from "../protocol/incident.ts";
import type { NodeReport } from "../protocol/node-report.ts";
import { LivePages } from "./live-pages.ts";
import type {
  HistoryMessage,
  RedisState,
  SnapshotMessage,
  TestResult,
  TopicsMessage,
} from "./messages.ts";
import type { ServedFile } from "./page-files.ts";
import { type KnownPeer, makeSnapshot } from "./snapshot.ts";
import { type FollowedEvent, makeTestResult } from "./test-result.ts";
import { makeTopicList } from "./topic-list.ts";

/** Where what the page shows comes from. */
export interface ConsoleSources {
  /** This node. */
  readonly node: string;
  /** This node's report as of this moment, with the count of topics that is given. */
  readonly own: (topics: number) => NodeReport;
  /** Must not reject. */
  readonly countTopics: () => Promise<number>;
  readonly incidents: () => readonly Incident[];
  /** This node's figures of the last second. */
  readonly figures: () => Figures;
  readonly peers: () => readonly KnownPeer[];
  readonly redis: () => RedisState;
  readonly redisAddress: string;
  /** Workers that hear the channel, this one among them, as counted last. */
  readonly subscribers: () => number;
  /** All registered topics. Must not reject. */
  readonly registered: () => Promise<readonly string[]>;
  /** Sockets of each topic on this node. */
  readonly watchers: () => ReadonlyMap<string, number>;
  /** Has an event published and follows it; `undefined` while too many others are followed. */
  readonly trace: (topic: string, publish: () => void) => Promise<FollowedEvent | undefined>;
  readonly isSecret: (text: string, address: string) => boolean;
  /** Somebody has sent no secret, or a wrong one. */
  readonly onForbidden: (address: string) => void;
  /** Unix time in milliseconds. */
  readonly wallClock: () => number;
}

/** The operator's page (docs/console.md): its files, its live connections, its test events. */
export class Console {
  readonly live: LivePages;
  readonly #sources: ConsoleSources;
  readonly #history = new History();
  /** Topics as counted last; asking takes a moment. */
  #topics = 0;

  constructor(sources: ConsoleSources) {
    this.#sources = sources;
    this.live = new LivePages({
      isSecret: sources.isSecret,
      onForbidden: sources.onForbidden,
      history: () => this.#historyMessage(),
      snapshot: () => this.#snapshot(),
      topics: () => this.#topicList(),
    });
  }

  /** To be called once a second: remembers this second, and tells whoever looks. */
  tick(): void {
    const { wallClock } = this.#sources;
    this.#history.add(Math.round(wallClock() / 1000), this.#figures());
    this.live.tick();
  }

  /** A file of the page. They are only read, and in a run from source made, when somebody asks. */
  async file(name: "/" | "/console.css" | "/console.js"): Promise<ServedFile> {
    const { FILES } = await import("./page-files.ts");
    return FILES[name];
  }

  /** Follows a test event that `publish` publishes; `undefined` while too many others are followed. */
  async test(topic: string, publish: () => void): Promise<TestResult | undefined> {
    const { node: self, trace, peers, own, redis } = this.#sources;
    const followed = await trace(topic, publish);
    if (followed === undefined) {
      return undefined;
    }
    const reports = [own(this.#topics), ...peers().map(({ report }) => report)];
    const hosts = new Map(reports.map(({ node, host }) => [node, host]));
    return makeTestResult(followed, self, hosts, redis(), this.#snapshot().other_workers);
  }

  /** Has every page send the secret again, since it may be another one. */
  reauthenticate(): void {
    this.live.reauthenticate();
  }

  /** Sends every page away, for the worker stops. */
  close(): void {
    this.live.close();
  }

  #snapshot(): SnapshotMessage {
    const { own, incidents, peers, redis, redisAddress, subscribers, wallClock } = this.#sources;
    return makeSnapshot({
      own: own(this.#topics),
      incidents: incidents(),
      peers: peers(),
      redis: redis(),
      redisAddress,
      subscribers: subscribers(),
      at: wallClock(),
    });
  }

  #historyMessage(): HistoryMessage {
    return { type: "history", ...this.#history.columns() };
  }

  /** Of this node, and of the others as they have told them last. */
  #figures(): ReadonlyMap<string, Figures> {
    const { node, figures, peers, redis } = this.#sources;
    const all = new Map([[node, figures()]]);
    if (redis() === "up") {
      for (const { report, state } of peers()) {
        if (state === "here") {
          all.set(report.node, figuresOf(report));
        }
      }
    }
    return all;
  }

  async #topicList(): Promise<TopicsMessage> {
    const { registered, countTopics, watchers, peers } = this.#sources;
    const [names, count] = await Promise.all([registered(), countTopics()]);
    this.#topics = count;
    const here = peers().filter(({ state }) => state === "here");
    return makeTopicList({
      registered: names,
      here: watchers(),
      others: here.map(({ report }) => report),
    });
  }
}

function figuresOf(report: NodeReport): Figures {
  return {
    sockets: report.sockets,
    publishes: report.publishes_per_s ?? null,
    deliveries: report.deliveries_per_s ?? null,
    lag: report.lag_ms ?? null,
    redis: report.probe_ms,
  };
}
