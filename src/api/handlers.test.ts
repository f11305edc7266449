import { describe, expect, test } from "bun:test";
import type { Readiness } from "../protocol/readiness.ts";
import type { TopicMeta } from "../protocol/topic.ts";
import { type Answer, type ApiPorts, ROUTES } from "./handlers.ts";

/** What the fake ports answer; anything else is answered as on a good day. */
interface Given {
  readonly registers?: "registered" | "refreshed" | "full";
  readonly wasKnown?: boolean;
  readonly known?: TopicMeta | undefined;
  readonly fault?: Error;
  /** How the gateways answer to a publish; there is room otherwise. */
  readonly room?: Promise<boolean>;
  readonly isDraining?: boolean;
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
    bus: { publish: note("publish") },
    room: () => given.room ?? true,
    status: (withLists) => answer({ status: "ok", withLists }, "status", withLists),
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
      overloaded: note("event overloaded"),
      forbidden: note("event forbidden"),
      failed: note("event failed"),
    },
  };
  return { ports, calls };
}

interface Outcome {
  readonly answer: Answer;
  readonly calls: unknown[][];
}

async function call(path: string, body: string, given: Given = {}, query = ""): Promise<Outcome> {
  const route = ROUTES.get(path);
  if (route === undefined) {
    throw new Error(`no route "${path}"`);
  }
  const { ports, calls } = fakePorts(given);
  return { answer: await route.handle(ports, body, new URLSearchParams(query)), calls };
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
    "POST /internal/drain",
    "GET /internal/metrics",
    "GET /healthz",
    "GET /readyz",
  ]);
  expect([...ROUTES].filter(([, { isOpen }]) => isOpen).map(([path]) => path)).toEqual([
    "/healthz",
    "/readyz",
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
        ["event registered", "a", true, true],
      ],
    });
  });

  test("of a topic without meta leaves it open to anyone", async () => {
    expect(await call("/internal/register", '{"topic":"a"}')).toEqual({
      answer: EMPTY,
      calls: [
        ["register", "a", { requireToken: false }],
        ["event registered", "a", false, true],
      ],
    });
  });

  test("of a known topic is answered alike and reported as a refresh", async () => {
    const { answer, calls } = await call("/internal/register", BODY, { registers: "refreshed" });
    expect(answer).toEqual(EMPTY);
    expect(calls.at(-1)).toEqual(["event registered", "a", true, false]);
  });

  test("beyond max_topics is answered 507 and reported as such alone", async () => {
    expect(await call("/internal/register", BODY, { registers: "full" })).toEqual({
      answer: fault(507, "too many topics: unregister some or raise max_topics"),
      calls: [
        ["register", "a", { requireToken: true }],
        ["event registryFull", "a"],
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
        ["event unregistered", "a", known],
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
      ],
    });
  });

  test("without room is answered 503 and publishes nothing", async () => {
    const outcome = await call(path, '{"topic":"a","payload":1}', { room: Promise.resolve(false) });
    expect(outcome).toEqual({
      answer: fault(503, "overloaded: publish again in a moment", 1),
      calls: [
        ["lookup", "a"],
        ["event overloaded", "a"],
      ],
    });
  });

  test("with a fault in the body is never answered 404, even if the topic is unknown", async () => {
    const outcome = await call(path, '{"topic":"a"}', { known: undefined });
    expect(outcome).toEqual({ answer: fault(400, "missing payload"), calls: [] });
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
    await expect(route?.handle(ports, body, new URLSearchParams())).rejects.toBe(broken);
    expect(calls.length).toBe(1);
  });
});
