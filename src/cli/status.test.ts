import { afterEach, describe, expect, test } from "bun:test";
import type { CliDeps } from "./deps.ts";
import { run } from "./run.ts";
import { type StatusOptions, status } from "./status.ts";
import { configFor, fakeDeps, NOW_MS, SECRET } from "./testing.ts";

/** As a worker in a cluster of two gives them. */
const STATUS = {
  status: "ok",
  version: "1.0.0",
  uptime: "3h22m5s",
  registered_topics: 2,
  active_topics: 1,
  connected_clients: 3,
  connected_sockets: 4,
  cluster_nodes: 2,
  redis: "up",
  node: "9f86d081884c7d65",
  gateway_threads: [
    { queued_events: 0, queued_bytes: 0, lag_ms: 0.12 },
    { queued_events: 1, queued_bytes: 90, lag_ms: 3 },
  ],
  refused_publishes: 5,
  refusals: { max_connections: 0, auth: 2, origin: 1 },
  slow_readers: 0,
  accept_pauses: 0,
  open_files: 43,
  file_limit: 65_536,
  previous_secret: { tokens: 12, api_calls: 1, last_used: "2026-01-31T18:00:00.123Z" },
};

const REPORT = {
  node: "9f86d081884c7d65",
  host: "push1",
  version: "1.0.0",
  started: "2026-01-31T14:37:55.000Z",
  topics: 2,
  sockets: 4,
  clients: 3,
  probe_ms: 0.84,
};

const CLUSTER = {
  node: "9f86d081884c7d65",
  redis: "up",
  nodes: [REPORT, { ...REPORT, node: "00112233445566aa", host: "push2\u001b[2J", probe_ms: null }],
};

/** As the original has it. */
const { uptime, connected_sockets, cluster_nodes, version } = STATUS;
const ORIGINAL = { status: "ok", version, uptime, connected_sockets, cluster_nodes };

const open: { stop(): void }[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.stop();
  }
});

/** A worker's internal API that gives these answers; a number is a status. */
function worker(answers: { readonly status: unknown; readonly cluster?: unknown }): number {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      expect(request.headers.get("x-worker-secret")).toBe(SECRET);
      expect(request.method).toBe("GET");
      const { pathname } = new URL(request.url);
      const answer = pathname === "/internal/status" ? answers.status : answers.cluster;
      if (answer === undefined) {
        return new Response("404 page not found", { status: 404 });
      }
      return typeof answer === "number"
        ? new Response("no\u001b[1m", { status: answer })
        : Response.json(answer);
    },
  });
  open.push({ stop: () => void server.stop(true) });
  return server.port ?? 0;
}

async function asking(
  port: number,
  options: Partial<StatusOptions> = {},
  over: Partial<CliDeps> = {},
) {
  const { deps, written } = fakeDeps(over);
  const code = await status(
    { url: undefined, json: false, watch: false, ...options },
    configFor(port),
    deps,
  );
  return { code, ...written };
}

describe("status", () => {
  test("shows a worker and its cluster", async () => {
    const port = worker({ status: STATUS, cluster: CLUSTER });
    const { code, out, err } = await asking(port);
    expect([code, err]).toEqual([0, []]);
    expect(out.join("\n")).toBe(`worker 9f86d081884c7d65 at http://127.0.0.1:${port}
  version            1.0.0
  up                 3h22m5s, since 2026-01-31 14:37:55 UTC
  sockets            4 of 3 clients, on 1 topic
  topics registered  2
  redis              up, 2 workers, probe 0.84 ms
  gateway thread 1   0 events (0 bytes) waiting, lag 0.12 ms
  gateway thread 2   1 event (90 bytes) waiting, lag 3 ms
  files open         43 of 65536
  refused publishes  5
  turned away        2 auth, 1 origin
  slow readers       0
  accept pauses      0
  previous secret    12 tokens, 1 call, last used 2026-01-31 18:00:00 UTC

node                host       version  up since                 topics  sockets  clients  probe
9f86d081884c7d65 *  push1      1.0.0    2026-01-31 14:37:55 UTC  2       4        3        0.84 ms
00112233445566aa    push2?[2J  1.0.0    2026-01-31 14:37:55 UTC  2       4        3        none`);
  });

  test.each([
    [{ ...STATUS, redis: "off", cluster_nodes: -1 }, "none configured: a single worker"],
    [{ ...STATUS, redis: "down", cluster_nodes: -1 }, "down: this worker serves alone"],
    [{ ...STATUS, node: "other" }, "up, 2 workers, no probe has come back"],
    [ORIGINAL, "up, 2 workers"],
    [{ ...ORIGINAL, cluster_nodes: -1 }, "none, or out of reach"],
  ])("says how Redis is, case %#", async (statusObject, text) => {
    const { out } = await asking(worker({ status: statusObject, cluster: CLUSTER }));
    expect(out.find((line) => line.startsWith("  redis "))).toEndWith(`  ${text}`);
  });

  test("shows what a worker of the original tells", async () => {
    const { code, out } = await asking(worker({ status: ORIGINAL }));
    expect(code).toBe(0);
    expect(out).toContain("  sockets            4 of ? clients, on ? topics");
  });

  test("prints both answers as one JSON object", async () => {
    const { out } = await asking(worker({ status: STATUS, cluster: CLUSTER }), { json: true });
    expect(out).toHaveLength(1);
    expect(JSON.parse(out[0] ?? "")).toEqual({ status: STATUS, cluster: CLUSTER });
    const original = await asking(worker({ status: ORIGINAL }), { json: true });
    expect(JSON.parse(original.out[0] ?? "")).toEqual({ status: ORIGINAL, cluster: null });
  });

  test("asks the worker it is told to", async () => {
    const port = worker({ status: STATUS });
    const { code, out } = await asking(1, { url: `http://127.0.0.1:${port}/` });
    expect(code).toBe(0);
    expect(out[0]).toEndWith(`at http://127.0.0.1:${port}`);
    const nowhere = await asking(1, { url: `ws://127.0.0.1:${port}` });
    expect(nowhere).toMatchObject({ code: 2, out: [] });
    expect(nowhere.err[0]).toStartWith("--url is no address of an internal API");
  });

  test.each<[unknown, string]>([
    [403, 'answered 403 "no?[1m"; is worker_secret the one the worker runs with?'],
    [500, 'answered 500 "no?[1m"; is this a worker\'s internal API?'],
    [[1], 'answered 200 "[1]"; is this a worker\'s internal API?'],
    [{ uptime: "1s" }, 'answered 200 "{"uptime":"1s"}"; is this a worker\'s internal API?'],
  ])("says in one line what is wrong, case %#", async (answer, text) => {
    const { code, out, err } = await asking(worker({ status: answer }));
    expect([code, out]).toEqual([1, []]);
    expect(err).toEqual([expect.stringContaining(text)]);
  });

  test("says when nobody is there", async () => {
    const { code, err } = await asking(1);
    expect(code).toBe(1);
    expect(err).toEqual([
      "cannot reach the worker at http://127.0.0.1:1: connection refused; is it running?",
    ]);
  });

  test("is what the command line runs", async () => {
    const port = String(worker({ status: STATUS }));
    const env = { WAVELOG_WORKER_INTERNAL_PORT: port };
    const { deps, written } = fakeDeps({ env });
    expect(await run(["status", "--json"], deps)).toBe(0);
    expect(written.out).toHaveLength(1);
  });
});

describe("status --watch", () => {
  /** Dependencies with which Ctrl-C comes at the end of so many looks. */
  function looks(count: number, isTty: boolean = false) {
    const controller = new AbortController();
    const waits: number[] = [];
    const { deps } = fakeDeps();
    const over: Partial<CliDeps> = {
      interrupted: () => controller.signal,
      wait: (ms) => {
        waits.push(ms);
        if (waits.length === count) {
          controller.abort();
        }
        return Promise.resolve();
      },
    };
    return { waits, over, io: { ...deps.io, isTty } };
  }

  test("prints a line each second in a pipe", async () => {
    const { waits, over } = looks(2);
    const port = worker({ status: STATUS, cluster: CLUSTER });
    const { code, out, err } = await asking(port, { watch: true }, over);
    const line = `${new Date(NOW_MS).toISOString()} sockets=4 clients=3 topics=2 active=1 nodes=2 redis=up probe_ms=0.84 queued=1 lag_ms=3 refused=5`;
    expect({ code, out, err }).toEqual({ code: 0, out: [line, line], err: [] });
    expect(waits).toEqual([1_000, 1_000]);
  });

  test("prints JSON lines, and goes on when nobody is there", async () => {
    const json = await asking(
      worker({ status: STATUS }),
      { watch: true, json: true },
      looks(3).over,
    );
    expect(json.out.map((line) => Object.keys(JSON.parse(line)))).toEqual(
      Array.from({ length: 3 }, () => ["status", "cluster"]),
    );
    const away = await asking(1, { watch: true }, looks(2).over);
    expect(away).toMatchObject({ code: 0, out: [] });
    expect(away.err).toHaveLength(2);
  });

  test("ends when the worker will not say", async () => {
    const { code, err } = await asking(worker({ status: 403 }), { watch: true }, looks(9).over);
    expect(code).toBe(1);
    expect(err).toHaveLength(1);
  });

  test("draws a screen over and over on a terminal, and gives the cursor back", async () => {
    const { deps, written } = fakeDeps();
    const { over } = looks(2);
    const port = worker({ status: STATUS });
    const options = { url: undefined, json: false, watch: true };
    const io = { ...deps.io, isTty: true };
    expect(await status(options, configFor(port), { ...deps, ...over, io })).toBe(0);
    const [first, one, two, last, ...more] = written.out;
    expect([first, last, more]).toEqual(["\u001b[?25l\u001b[2J", "\u001b[?25h", []]);
    expect(one).toBe(two ?? "");
    expect(one).toStartWith("\u001b[H\u001b[1mworker 9f86d081884c7d65");
    expect(one).toEndWith("\nCtrl-C ends it\u001b[K\u001b[J");
    for (const line of one?.split("\n") ?? []) {
      expect(line).toContain("\u001b[K");
    }
  });
});
