import { describe, expect, test } from "bun:test";
import type { Readiness } from "../protocol/readiness.ts";
import type { TopicMeta } from "../protocol/topic.ts";
import { type Answer, type ApiPorts, type RequestHeaders, ROUTES } from "./handlers.ts";

/** What the fake ports answer; anything else is answered as on a good day. */
interface Given {
  readonly registers?: "registered" | "refreshed" | "full";
  readonly wasKnown?: boolean;
  readonly known?: TopicMeta | undefined;
  readonly fault?: Error;
  /** How the gateways answer to a publish; there is room otherwise. */
  readonly room?: Promise<boolean>;
  readonly outcome?: Awaited<ReturnType<ApiPorts["bus"]["outcome"]>>;
  readonly isDraining?: boolean;
  /** What has become of a test event; too many are followed otherwise. */
  readonly followed?: object;
  readonly readiness?: Readiness;
}

/** Ports that write down every call, in order. */
function fakePorts(given: Given): { ports: ApiPorts; calls: unknown[][] } {
  const calls: unknown[][] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void => {
      calls.push([name, ...args]);
    };
  const answer = async <Value>(value: Value, ...call: unknown[]): Promise<Value> => {
    calls.push(call);
    if (given.fault !== undefined) {
      throw given.fault;
    }
    return value;
  };
  const known = "known" in given ? given.known : { requireToken: true };
  const ports: ApiPorts = {
    topics: {
      register: (topic, meta) => answer(given.registers ?? "registered", "register", topic, meta),
      unregister: (topic) => answer(given.wasKnown ?? true, "unregister", topic),
      lookup: (topic) => answer(known, "lookup", topic),
    },
    bus: {
      publish: (topic, payload) => {
        calls.push(["publish", topic, payload]);
        return 17;
      },
      outcome: (seq) => answer(given.outcome ?? { redis: "off" }, "outcome", seq),
    },
    sockets: () => 3,
    node: "9f86d081884c7d65",
    room: () => given.room ?? true,
    status: (withLists) => answer({ status: "ok", withLists }, "status", withLists),
    recent: (query) => {
      calls.push(["recent", query]);
      return { closes: [] };
    },
    test: async (topic, publish) => {
      calls.push(["test", topic]);
      if (given.followed !== undefined) {
        publish();
      }
      return given.followed;
    },
    page: (file) =>
      answer({ type: "text/x", text: `of ${file}`, headers: { X: "y" } }, "page", file),
    drain: note("drain"),
    isDraining: () => given.isDraining === true,
    readiness: () => given.readiness ?? "ready",
    cluster: () => answer({ nodes: [] }, "cluster"),
    metrics: { contentType: "text/x-metrics", text: () => answer("up 1\n", "metrics") },
    events: {
      answered: note("event answered"),
      published: note("event published"),
      registered: note("event registered"),
      registryFull: note("event registryFull"),
      unregistered: note("event unregistered"),
      accepted: note("event accepted"),
      overloaded: note("event overloaded"),
      forbidden: note("event forbidden"),
      previousSecretUsed: note("event previousSecretUsed"),
      failed: note("event failed"),
    },
  };
  return { ports, calls };
}

interface Outcome {
  readonly answer: Answer;
  readonly calls: unknown[][];
}

async function call(
  path: string,
  body: string,
  given: Given = {},
  query = "",
  headers: RequestHeaders = {},
): Promise<Outcome> {
  const route = ROUTES.get(path);
  if (route === undefined) {
    throw new Error(`no route "${path}"`);
  }
  const { ports, calls } = fakePorts(given);
  const answer = await route.handle(ports, body, new URLSearchParams(query), headers);
  return { answer, calls };
}

const EMPTY: Answer = { kind: "empty" };

function fault(status: number, text: string, retryAfter?: number): Answer {
  const retry = retryAfter === undefined ? {} : { retryAfter };
  return { kind: "fault", error: { status, text, ...retry } };
}

test("the paths are the contract's, each with its method", () => {
  expect([...ROUTES].map(([path, { method }]) => `${method} ${path}`)).toEqual([
    "POST /internal/register",
    "POST /internal/unregister",
    "POST /internal/publish",
    "POST /internal/push",
    "GET /internal/status",
    "GET /internal/cluster",
    "GET /internal/recent",
    "POST /internal/test",
    "POST /internal/drain",
    "GET /internal/metrics",
    "GET /healthz",
    "GET /readyz",
    "GET /live",
    "GET /",
    "GET /console.css",
    "GET /console.js",
  ]);
  expect([...ROUTES].filter(([, { isOpen }]) => isOpen).map(([path]) => path)).toEqual([
    "/healthz",
    "/readyz",
    "/live",
    "/",
    "/console.css",
    "/console.js",
  ]);
  expect([...ROUTES].filter(([, route]) => route.takesBearer).map(([path]) => path)).toEqual([
    "/internal/metrics",
  ]);
});

describe("register", () => {
  const BODY = '{"topic":"a","meta":{"require_token":true}}';

  test("registers the topic, then reports it", async () => {
    expect(await call("/internal/register", BODY)).toEqual({
      answer: EMPTY,
      calls: [
        ["register", "a", { requireToken: true }],
        ["event registered", "a", true, true, undefined],
      ],
    });
  });

  test("of a topic without meta leaves it open to anyone", async () => {
    expect(await call("/internal/register", '{"topic":"a"}')).toEqual({
      answer: EMPTY,
      calls: [
        ["register", "a", { requireToken: false }],
        ["event registered", "a", false, true, undefined],
      ],
    });
  });

  test("of a known topic is answered alike and reported as a refresh", async () => {
    const { answer, calls } = await call("/internal/register", BODY, { registers: "refreshed" });
    expect(answer).toEqual(EMPTY);
    expect(calls.at(-1)).toEqual(["event registered", "a", true, false, undefined]);
  });

  test("beyond max_topics is answered 507 and reported as such alone", async () => {
    expect(await call("/internal/register", BODY, { registers: "full" })).toEqual({
      answer: fault(507, "too many topics: unregister some or raise max_topics"),
      calls: [
        ["register", "a", { requireToken: true }],
        ["event registryFull", "a", undefined],
      ],
    });
  });
});

describe("unregister", () => {
  test.each([true, false])("is answered alike whether the topic was known: %p", async (known) => {
    expect(await call("/internal/unregister", '{"topic":"a"}', { wasKnown: known })).toEqual({
      answer: EMPTY,
      calls: [
        ["unregister", "a"],
        ["event unregistered", "a", known, undefined],
      ],
    });
  });
});

describe.each(["/internal/publish", "/internal/push"])("%s", (path) => {
  test.each([true, false])(
    "looks the topic up, then publishes the payload's own text, token required or not: %p",
    async (requireToken) => {
      const known = { requireToken };
      const body = '{"topic":"a", "payload": { "x" :1.0,"u":"\\/" } }';
      expect(await call(path, body, { known })).toEqual({
        answer: EMPTY,
        calls: [
          ["lookup", "a"],
          ["publish", "a", '{ "x" :1.0,"u":"\\/" }'],
          ["event accepted", "a", 21, 3, 17, undefined],
        ],
      });
    },
  );

  test("of an unknown topic is answered 404 and publishes nothing", async () => {
    const outcome = await call(path, '{"topic":"a","payload":1}', { known: undefined });
    expect(outcome).toEqual({
      answer: fault(404, "topic not registered"),
      calls: [["lookup", "a"]],
    });
  });

  test("waits for room in the gateways, then publishes", async () => {
    const outcome = await call(path, '{"topic":"a","payload":1}', { room: Promise.resolve(true) });
    expect(outcome).toEqual({
      answer: EMPTY,
      calls: [
        ["lookup", "a"],
        ["publish", "a", "1"],
        ["event accepted", "a", 1, 3, 17, undefined],
      ],
    });
  });

  test("without room is answered 503 and publishes nothing", async () => {
    const outcome = await call(path, '{"topic":"a","payload":1}', { room: Promise.resolve(false) });
    expect(outcome).toEqual({
      answer: fault(503, "overloaded: publish again in a moment", 1),
      calls: [
        ["lookup", "a"],
        ["event overloaded", "a", undefined],
      ],
    });
  });

  test("with a fault in the body is never answered 404, even if the topic is unknown", async () => {
    const outcome = await call(path, '{"topic":"a"}', { known: undefined });
    expect(outcome).toEqual({ answer: fault(400, "missing payload"), calls: [] });
  });
});

describe("a publish whose caller wants to know", () => {
  const BODY = '{"topic":"a","payload":1}';
  const ID = "9f86d081884c7d65-17";
  const APPLIED = { "Preference-Applied": "return=representation" };

  test.each<[Given["outcome"], object]>([
    [{ redis: "off" }, { nodes: 0, redis: "off" }],
    [{ redis: "queued" }, { nodes: null, redis: "queued" }],
    [
      { redis: "sent", nodes: 2 },
      { nodes: 2, redis: "sent" },
    ],
  ])("is told what became of it: %p", async (outcome, told) => {
    const given = outcome === undefined ? {} : { outcome };
    expect(await call("/internal/publish", BODY, given, "detail=1")).toEqual({
      answer: { kind: "json", value: { id: ID, sockets: 3, ...told } },
      calls: [
        ["lookup", "a"],
        ["publish", "a", "1"],
        ["event accepted", "a", 1, 3, 17, undefined],
        ["outcome", 17],
      ],
    });
  });

  test("may say so in a header, which is acknowledged", async () => {
    const headers = { prefer: "return=representation" };
    const { answer } = await call("/internal/push", BODY, {}, "", headers);
    const value = { id: ID, sockets: 3, nodes: 0, redis: "off" };
    expect(answer).toEqual({ kind: "json", value, headers: APPLIED });
  });

  test.each([
    ["detail=0", {}],
    ["detail", {}],
    ["detail=11", {}],
    ["details=1", {}],
    ["", { prefer: "return=minimal" }],
  ])("has said so clearly; with %p and %p nothing is asked", async (query, headers) => {
    const { answer, calls } = await call("/internal/publish", BODY, {}, query, headers);
    expect(answer).toEqual(EMPTY);
    expect(calls.length).toBe(3);
  });

  test.each<[Given, Answer]>([
    [{ known: undefined }, fault(404, "topic not registered")],
    [{ room: Promise.resolve(false) }, fault(503, "overloaded: publish again in a moment", 1)],
  ])("is refused as any other, case %#", async (given, answer) => {
    const outcome = await call("/internal/publish", BODY, given, "detail=1");
    expect(outcome.answer).toEqual(answer);
  });
});

describe("a call that its caller has named", () => {
  const headers = { "x-request-id": "abc-1" };

  test.each<[string, string, Given, unknown[]]>([
    ["/internal/register", '{"topic":"a"}', {}, ["registered", "a", false, true]],
    ["/internal/register", '{"topic":"a"}', { registers: "full" }, ["registryFull", "a"]],
    ["/internal/unregister", '{"topic":"a"}', {}, ["unregistered", "a", true]],
    ["/internal/publish", '{"topic":"a","payload":"é"}', {}, ["accepted", "a", 4, 3, 17]],
    [
      "/internal/publish",
      '{"topic":"a","payload":1}',
      { room: Promise.resolve(false) },
      ["overloaded", "a"],
    ],
  ])("to %s is reported under that name, case %#", async (path, body, given, [name, ...rest]) => {
    const { calls } = await call(path, body, given, "", headers);
    expect(calls.at(-1)).toEqual([`event ${name}`, ...rest, "abc-1"]);
  });
});

describe("a test event", () => {
  const BODY = '{"topic":"a","payload":{"x":1.0}}';

  test("is let in as a publish is, and answered with where it has arrived", async () => {
    expect(await call("/internal/test", BODY, { followed: { nodes: [] } })).toEqual({
      answer: { kind: "json", value: { nodes: [] } },
      calls: [
        ["lookup", "a"],
        ["test", "a"],
        ["publish", "a", '{"x":1.0}'],
        ["event accepted", "a", 9, 3, 17, undefined],
      ],
    });
  });

  test("is answered 503 while too many others are followed", async () => {
    const { answer, calls } = await call("/internal/test", BODY);
    expect(answer).toEqual(fault(503, "overloaded: publish again in a moment", 1));
    expect(calls).toEqual([
      ["lookup", "a"],
      ["test", "a"],
    ]);
  });

  test("of an unknown topic, or without room, is not published", async () => {
    const unknown = await call("/internal/test", BODY, { known: undefined, followed: {} });
    expect(unknown).toEqual({
      answer: fault(404, "topic not registered"),
      calls: [["lookup", "a"]],
    });
    const room = Promise.resolve(false);
    const { calls } = await call("/internal/test", BODY, { room, followed: {} });
    expect(calls).toEqual([
      ["lookup", "a"],
      ["event overloaded", "a", undefined],
    ]);
  });
});

describe("the operator's page", () => {
  test.each(["/", "/console.css", "/console.js"])("has %p, for anybody", async (path) => {
    const answer = {
      kind: "text",
      type: "text/x",
      text: `of ${path}`,
      headers: { X: "y" },
    } as const;
    expect(await call(path, "")).toEqual({ answer, calls: [["page", path]] });
  });

  test("has a live connection that is no page", async () => {
    const text = "this is a WebSocket endpoint: send an upgrade request";
    expect(await call("/live", "")).toEqual({ answer: fault(426, text), calls: [] });
  });
});

describe("drain", () => {
  test("is answered at once, and asked for", async () => {
    expect(await call("/internal/drain", "")).toEqual({ answer: EMPTY, calls: [["drain"]] });
  });
});

describe("health", () => {
  test("is ok until the worker is on its way out", async () => {
    const alive: Answer = { kind: "text", text: "ok" };
    expect(await call("/healthz", "")).toEqual({ answer: alive, calls: [] });
    const leaving = { answer: fault(503, "draining"), calls: [] };
    expect(await call("/healthz", "", { isDraining: true })).toEqual(leaving);
  });
});

describe("readiness", () => {
  test.each([["ready"], ["degraded"]] as const)("%s is good", async (readiness) => {
    const headers = { "X-Worker-Readiness": readiness };
    const answer: Answer = { kind: "text", text: readiness, headers };
    expect(await call("/readyz", "", { readiness })).toEqual({ answer, calls: [] });
  });

  test.each([
    ["not_ready", "not ready"],
    ["draining", "draining"],
  ] as const)("%s is a fault", async (readiness, text) => {
    const headers = { "X-Worker-Readiness": readiness };
    const answer: Answer = { kind: "fault", error: { status: 503, text }, headers };
    expect(await call("/readyz", "", { readiness })).toEqual({ answer, calls: [] });
  });
});

describe("metrics", () => {
  test("are answered as what they are", async () => {
    const answer: Answer = { kind: "text", text: "up 1\n", type: "text/x-metrics" };
    expect(await call("/internal/metrics", "")).toEqual({ answer, calls: [["metrics"]] });
  });
});

describe("cluster", () => {
  test("answers with what is known of the nodes", async () => {
    expect(await call("/internal/cluster", "")).toEqual({
      answer: { kind: "json", value: { nodes: [] } },
      calls: [["cluster"]],
    });
  });
});

describe("recent", () => {
  test.each([
    ["", { topic: undefined, limit: 100 }],
    ["limit=1", { topic: undefined, limit: 1 }],
    ["limit=1000", { topic: undefined, limit: 1000 }],
    ["topic=a%20b", { topic: "a b", limit: 100 }],
    ["limit=0020&topic=%2Ba&x=1", { topic: "+a", limit: 20 }],
  ])("with the query %p asks for %p", async (query, asked) => {
    expect(await call("/internal/recent", "", {}, query)).toEqual({
      answer: { kind: "json", value: { closes: [] } },
      calls: [["recent", asked]],
    });
  });

  test.each(["0", "", "1001", "-1", "1.5", "1e2", "ten", "99999999999"])(
    "with limit=%s is a fault",
    async (limit) => {
      expect(await call("/internal/recent", "", {}, `limit=${limit}`)).toEqual({
        answer: fault(400, "bad limit: give a whole number from 1 to 1000"),
        calls: [],
      });
    },
  );

  test("with an empty topic is a fault: it is nobody's name, and not all of them", async () => {
    const answer = fault(400, "missing topic");
    expect(await call("/internal/recent", "", {}, "topic=")).toEqual({ answer, calls: [] });
  });
});

describe("status", () => {
  test.each([
    ["", false],
    ["topics=1", true],
    ["x=2&topics=1", true],
    ["topics=0", false],
    ["topics=", false],
    ["topics", false],
    ["topics=true", false],
    ["topics=11", false],
    ["Topics=1", false],
  ])("with the query %p has the lists: %p", async (query, withLists) => {
    expect(await call("/internal/status", "", {}, query)).toEqual({
      answer: { kind: "json", value: { status: "ok", withLists } },
      calls: [["status", withLists]],
    });
  });
});

describe.each([
  "/internal/register",
  "/internal/unregister",
  "/internal/publish",
  "/internal/push",
])("%s with a fault in the body touches nothing", (path) => {
  test.each([
    ["", 400, "bad request"],
    ["[]", 400, "bad request"],
    ['{"topic":5,"payload":1}', 400, "bad request"],
    ['{"payload":1}', 400, "missing topic"],
    ['{"topic":"","payload":1}', 400, "missing topic"],
  ])("%p is answered %p %p", async (body, status, text) => {
    expect(await call(path, body)).toEqual({ answer: fault(status, text), calls: [] });
  });
});

test("a topic that is too long is answered 400 with the bound, and not registered", async () => {
  const body = JSON.stringify({ topic: "x".repeat(1025) });
  expect(await call("/internal/register", body)).toEqual({
    answer: fault(400, "topic too long: at most 1024 bytes of UTF-8"),
    calls: [],
  });
});

describe("a port that fails", () => {
  test.each([
    ["/internal/register", '{"topic":"a"}'],
    ["/internal/unregister", '{"topic":"a"}'],
    ["/internal/publish", '{"topic":"a","payload":1}'],
    ["/internal/status", ""],
  ])("makes %s reject: nothing is taken for done", async (path, body) => {
    const broken = new Error("broken");
    const route = ROUTES.get(path);
    const { ports, calls } = fakePorts({ fault: broken });
    await expect(route?.handle(ports, body, new URLSearchParams(), {})).rejects.toBe(broken);
    expect(calls.length).toBe(1);
  });
});
