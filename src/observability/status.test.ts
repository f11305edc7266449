import { describe, expect, test } from "bun:test";
import type { RefusalCounts } from "../protocol/socket-event.ts";
import { readSocketStatus, readStatus, type StatusSources } from "./status.ts";

const STARTED_AT = 5000.5;
/** 3h22m5s after the start. */
const NOW = STARTED_AT + 12_125_000;

const REFUSALS: RefusalCounts = {
  max_connections: 1,
  max_connections_per_ip: 0,
  max_pending: 0,
  max_pending_per_ip: 2,
  url_too_long: 0,
  bad_request: 0,
  origin: 0,
  topic_not_registered: 3,
  auth: 0,
  handshake_timeout: 0,
  closed_before_auth: 4,
};

/** What stands at the end of every status object. */
const TURNED_AWAY =
  '"refusals":{"max_connections":1,"max_connections_per_ip":0,"max_pending":0,' +
  '"max_pending_per_ip":2,"url_too_long":0,"bad_request":0,"origin":0,"topic_not_registered":3,' +
  '"auth":0,"handshake_timeout":0,"closed_before_auth":4},"slow_readers":5,"accept_pauses":6,' +
  '"open_files":30,"file_limit":1024';

function sourcesWith(changes: Partial<StatusSources> = {}): StatusSources {
  return {
    version: "1.0.0",
    now: () => NOW,
    startedAt: STARTED_AT,
    topics: { count: async () => 2, list: async () => ["worker.status", "a"] },
    sockets: {
      headcount: () => ({ sockets: 4, clients: 3, activeTopics: 1 }),
      activeTopics: () => ["a"],
    },
    threads: () => [{ events: 3, units: 400, lagMs: 1.2345 }],
    refusedPublishes: () => 7,
    nodes: async () => -1,
    redis: () => "off",
    node: "00112233445566aa",
    turnedAway: { refusals: () => REFUSALS, slowReaders: () => 5, acceptPauses: () => 6 },
    files: () => ({ open: 30, limit: 1024 }),
    previousSecret: () => undefined,
    ...changes,
  };
}

describe("the status object, as literal text", () => {
  test("without lists", async () => {
    expect(JSON.stringify(await readStatus(sourcesWith(), false))).toBe(
      '{"status":"ok","version":"1.0.0","uptime":"3h22m5s","registered_topics":2,' +
        '"active_topics":1,"connected_clients":3,"connected_sockets":4,"cluster_nodes":-1,' +
        '"redis":"off","node":"00112233445566aa",' +
        '"gateway_threads":[{"queued_events":3,"queued_bytes":400,"lag_ms":1.23}],' +
        `"refused_publishes":7,${TURNED_AWAY}}`,
    );
  });

  test("with lists", async () => {
    expect(JSON.stringify(await readStatus(sourcesWith(), true))).toBe(
      '{"status":"ok","version":"1.0.0","uptime":"3h22m5s","registered_topics":2,' +
        '"active_topics":1,"connected_clients":3,"connected_sockets":4,' +
        '"topic_list":["worker.status","a"],"active_topic_list":["a"],"cluster_nodes":-1,' +
        '"redis":"off","node":"00112233445566aa",' +
        '"gateway_threads":[{"queued_events":3,"queued_bytes":400,"lag_ms":1.23}],' +
        `"refused_publishes":7,${TURNED_AWAY}}`,
    );
  });

  test("for sockets on worker.status: no lists, and the uptime in seconds", async () => {
    expect(JSON.stringify(await readSocketStatus(sourcesWith()))).toBe(
      '{"status":"ok","version":"1.0.0","uptime":"3h22m5s","registered_topics":2,' +
        '"active_topics":1,"connected_clients":3,"connected_sockets":4,"cluster_nodes":-1,' +
        '"redis":"off","node":"00112233445566aa",' +
        '"gateway_threads":[{"queued_events":3,"queued_bytes":400,"lag_ms":1.23}],' +
        `"refused_publishes":7,${TURNED_AWAY},"uptime_seconds":12125}`,
    );
  });

  test("where nobody knows how many files there may be", async () => {
    const sources = sourcesWith({ files: () => undefined });
    expect(JSON.stringify(await readStatus(sources, false))).toEndWith('"accept_pauses":6}');
  });

  test("while the secret is being changed", async () => {
    const previousSecret = () => ({ tokens: 2, api_calls: 1, last_used: null });
    expect(JSON.stringify(await readStatus(sourcesWith({ previousSecret }), false))).toEndWith(
      '"previous_secret":{"tokens":2,"api_calls":1,"last_used":null}}',
    );
  });

  test("with lists that are empty still has them", async () => {
    const sources = sourcesWith({
      topics: { count: async () => 0, list: async () => [] },
      sockets: {
        headcount: () => ({ sockets: 0, clients: 0, activeTopics: 0 }),
        activeTopics: () => [],
      },
    });
    const status = await readStatus(sources, true);
    expect(status.topic_list).toEqual([]);
    expect(status.active_topic_list).toEqual([]);
  });
});

describe("the status", () => {
  test.each([
    [0, "0s", 0],
    [999.9, "0s", 0],
    [1000, "1s", 1],
    [862_999, "14m22s", 862],
    [93_780_000, "26h3m0s", 93_780],
  ])("%p ms after the start has an uptime of %p, %p seconds", async (ms, uptime, seconds) => {
    const sources = sourcesWith({ now: () => STARTED_AT + ms });
    const status = await readSocketStatus(sources);
    expect(status.uptime).toBe(uptime);
    expect(status.uptime_seconds).toBe(seconds);
  });

  test.each([-1, 1, 3])("passes on how many workers hear each other: %p", async (nodes) => {
    const sources = sourcesWith({ nodes: async () => nodes });
    expect((await readStatus(sources, false)).cluster_nodes).toBe(nodes);
    expect((await readSocketStatus(sources)).cluster_nodes).toBe(nodes);
  });

  test("does not read lists that nobody has asked for", async () => {
    const asked: string[] = [];
    const sources = sourcesWith({
      topics: {
        count: async () => 2,
        list: async () => {
          asked.push("topics");
          return [];
        },
      },
      sockets: {
        headcount: () => ({ sockets: 0, clients: 0, activeTopics: 0 }),
        activeTopics: () => {
          asked.push("active topics");
          return [];
        },
      },
    });
    await readStatus(sources, false);
    await readSocketStatus(sources);
    expect(asked).toEqual([]);
    await readStatus(sources, true);
    expect(asked).toEqual(["topics", "active topics"]);
  });

  test("asks its slow sources at the same time, not one after the other", async () => {
    const gate = Promise.withResolvers<void>();
    const asked: string[] = [];
    const slow = async <Value>(name: string, value: Value): Promise<Value> => {
      asked.push(name);
      await gate.promise;
      return value;
    };
    const sources = sourcesWith({
      topics: { count: () => slow("count", 2), list: () => slow("list", ["a"]) },
      nodes: () => slow("nodes", 3),
    });
    const status = readStatus(sources, true);
    expect(asked.sort()).toEqual(["count", "list", "nodes"]);
    gate.resolve();
    expect((await status).cluster_nodes).toBe(3);
  });

  test("counts sockets when the slow sources have answered, not before", async () => {
    let sockets = 0;
    const sources = sourcesWith({
      nodes: async () => {
        sockets = 5;
        return 1;
      },
      sockets: {
        headcount: () => ({ sockets, clients: sockets, activeTopics: 1 }),
        activeTopics: () => [],
      },
    });
    expect((await readStatus(sources, false)).connected_sockets).toBe(5);
  });
});
