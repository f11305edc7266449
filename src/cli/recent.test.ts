import { afterEach, describe, expect, test } from "bun:test";
import type { CliDeps } from "./deps.ts";
import { type RecentOptions, recent } from "./recent.ts";
import { run } from "./run.ts";
import { configFor, fakeDeps, SECRET } from "./testing.ts";

const CLOSE = {
  time: "2026-01-31T18:00:05.123Z",
  address: "203.0.113.9",
  topic: "contest_session.42",
  user: 7,
  code: 1001,
  reason: "going away",
  age_ms: 21_034,
  buffered: null,
};
const REFUSAL = {
  time: "2026-01-31T18:00:01.007Z",
  address: "203.0.113.9",
  topic: "contest_session.42",
  user: null,
  cause: "auth",
  reason: "token expired",
  unreported: 0,
};
const PUBLISH = {
  time: "2026-01-31T18:00:03.480Z",
  id: "9f86d081884c7d65-17",
  node: "9f86d081884c7d65",
  topic: "contest_session.42",
  bytes: 312,
  sockets: 4,
  handed_ms: 0.21,
};
const RECENT = {
  closes: [
    CLOSE,
    {
      ...CLOSE,
      time: "2026-01-31T18:00:02.000Z",
      user: 0,
      code: 1006,
      reason: "slow reader",
      age_ms: 850,
      buffered: 1_048_600,
    },
  ],
  refusals: [
    REFUSAL,
    {
      ...REFUSAL,
      time: "2026-01-31T18:00:00.500Z",
      topic: null,
      cause: "forbidden",
      reason: "wrong or missing X-Worker-Secret",
      unreported: 12,
    },
  ],
  publishes: [
    PUBLISH,
    { ...PUBLISH, time: "2026-01-31T18:00:03.479Z", sockets: 1, handed_ms: null },
  ],
};

const open: { stop(): void }[] = [];

afterEach(() => {
  for (const server of open.splice(0)) {
    server.stop();
  }
});

/** A worker's internal API that gives this answer, a number being a status, and what it was asked. */
function worker(answer: unknown): { port: number; asked: string[] } {
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      expect(request.headers.get("x-worker-secret")).toBe(SECRET);
      asked.push(`${request.method} ${request.url.replace(/^http:\/\/[^/]+/, "")}`);
      return typeof answer === "number"
        ? new Response("no\u001b[1m", { status: answer })
        : Response.json(answer);
    },
  });
  open.push({ stop: () => void server.stop(true) });
  return { port: server.port ?? 0, asked };
}

async function asking(
  port: number,
  options: Partial<RecentOptions> = {},
  over: Partial<CliDeps> = {},
) {
  const { deps, written } = fakeDeps(over);
  const all = { topic: undefined, limit: undefined, url: undefined, json: false, ...options };
  const code = await recent(all, configFor(port), deps);
  return { code, ...written };
}

describe("recent", () => {
  test("shows everything in one table, the newest last, as in a log", async () => {
    const { port, asked } = worker(RECENT);
    const { code, out, err } = await asking(port);
    expect([code, err]).toEqual([0, []]);
    expect(asked).toEqual(["GET /internal/recent?limit=40"]);
    expect(out.join("\n")).toBe(
      `time (UTC)               what         address           topic               user  reason                                                           age     buffered
2026-01-31 18:00:00.500  refused      203.0.113.9                                 forbidden: wrong or missing X-Worker-Secret, and 12 more before
2026-01-31 18:00:01.007  refused      203.0.113.9       contest_session.42        auth: token expired
2026-01-31 18:00:02.000  closed 1006  203.0.113.9       contest_session.42  none  slow reader                                                      850 ms  1048600 bytes
2026-01-31 18:00:03.479  published    9f86d081884c7d65  contest_session.42        312 bytes to 1 socket
2026-01-31 18:00:03.480  published    9f86d081884c7d65  contest_session.42        312 bytes to 4 sockets in 0.21 ms
2026-01-31 18:00:05.123  closed 1001  203.0.113.9       contest_session.42  7     going away                                                       21s`,
    );
  });

  test("leaves out columns that nobody fills", async () => {
    const { out } = await asking(worker({ closes: [], refusals: [], publishes: [PUBLISH] }).port);
    expect(out[0]?.split(/ {2,}/)).toEqual(["time (UTC)", "what", "address", "topic", "reason"]);
  });

  test("shows as many as asked for, of all kinds together, of one topic if one is given", async () => {
    const { port, asked } = worker(RECENT);
    const { out } = await asking(port, { limit: "2", topic: "a &b" });
    expect(asked).toEqual(["GET /internal/recent?limit=2&topic=a+%26b"]);
    expect(out.slice(1).map((line) => line.slice(11, 23))).toEqual([
      "18:00:03.480",
      "18:00:05.123",
    ]);
  });

  test("cleans and cuts what a worker tells", async () => {
    const close = { ...CLOSE, topic: `a\u001b[2J${"b".repeat(100)}`, reason: 5, address: {} };
    const { out } = await asking(worker({ closes: [close] }).port);
    expect(out[1]).toBe(
      `2026-01-31 18:00:05.123  closed 1001  a?[2J${"b".repeat(54)}…  7     5       21s`,
    );
  });

  test("says so when there is nothing", async () => {
    const { code, out } = await asking(worker({ closes: [], refusals: [], publishes: [] }).port);
    expect([code, out]).toEqual([0, ["nothing yet"]]);
  });

  test("has colours on a terminal alone", async () => {
    const { port } = worker(RECENT);
    const { deps, written } = fakeDeps();
    const io = { ...deps.io, isTty: true };
    const options = { topic: undefined, limit: "1", url: undefined, json: false };
    expect(await recent({ ...options, limit: "4" }, configFor(port), { ...deps, io })).toBe(0);
    expect(written.out.map((line) => line.includes("\u001b["))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(written.out[1]).toContain("\u001b[33mclosed 1006\u001b[0m  203.0.113.9");
  });

  test("prints the worker's object as JSON", async () => {
    const { port, asked } = worker(RECENT);
    const { out } = await asking(port, { json: true, limit: "1000" });
    expect(asked).toEqual(["GET /internal/recent?limit=1000"]);
    expect(out.map((line) => JSON.parse(line))).toEqual([RECENT]);
  });

  test("takes an object as large as they get", async () => {
    const long = "x".repeat(200);
    const closes = Array.from({ length: 1000 }, () => ({ ...CLOSE, address: long, topic: long }));
    const { out } = await asking(worker({ closes }).port, { json: true });
    expect(JSON.parse(out[0] ?? "").closes.length).toBe(1000);
  });

  test.each(["0", "1001", "-1", "1.5", "many", "1e2"])("refuses --limit %s", async (limit) => {
    const { port, asked } = worker(RECENT);
    const { code, out, err } = await asking(port, { limit });
    expect({ code, out, asked }).toEqual({ code: 2, out: [], asked: [] });
    expect(err).toEqual(["--limit is no number of events; give a whole one from 1 to 1000"]);
  });

  test("asks the worker it is told to", async () => {
    const { port } = worker(RECENT);
    expect(await asking(1, { url: `http://127.0.0.1:${port}` })).toMatchObject({ code: 0 });
    const nowhere = await asking(1, { url: `ws://127.0.0.1:${port}` });
    expect(nowhere).toMatchObject({ code: 2, out: [] });
    expect(nowhere.err[0]).toStartWith("--url is no address of an internal API");
  });

  test.each<[unknown, string]>([
    [403, 'answered 403 "no?[1m"; is worker_secret the one the worker runs with?'],
    [
      404,
      'answered 404 "no?[1m"; an older worker, or the original, remembers nothing: see its log',
    ],
    [500, 'answered 500 "no?[1m"; is this a worker\'s internal API?'],
    [[1], 'answered 200 "[1]"; is this a worker\'s internal API?'],
    [{ closes: 5 }, 'answered 200 "{"closes":5}"; is this a worker\'s internal API?'],
  ])("says in one line what is wrong, case %#", async (answer, text) => {
    const { code, out, err } = await asking(worker(answer).port);
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
    const { port, asked } = worker(RECENT);
    const { deps, written } = fakeDeps({ env: { WAVELOG_WORKER_INTERNAL_PORT: String(port) } });
    expect(await run(["recent", "--topic", "a", "--limit", "3", "--json"], deps)).toBe(0);
    expect(asked).toEqual(["GET /internal/recent?limit=3&topic=a"]);
    expect(written.out).toHaveLength(1);
  });
});
