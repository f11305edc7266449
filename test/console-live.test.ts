/** The operator's page without a browser: its files, its live connection and test events, over the wire. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type {
  HistoryMessage,
  SnapshotMessage,
  TestResult,
  TopicsMessage,
} from "../src/console/messages.ts";
import { eventually } from "./support/changes.ts";
import { Nodes } from "./support/cluster-nodes.ts";
import { RedisServer } from "./support/cluster-redis.ts";
import { testBesideOthers } from "./support/cluster-slots.ts";
import { onEachTarget } from "./support/each-target.ts";
import { exchange, HttpClient } from "./support/http.ts";
import { SOURCE_RUN } from "./support/targets.ts";
import { TcpClient } from "./support/tcp-client.ts";
import { randomSecret, startWorker, type WorkerProcess } from "./support/worker.ts";
import { OPCODE, upgradeAnswer, upgradeRequest, WsClient } from "./support/ws-client.ts";

setDefaultTimeout(30_000);

const TARGET = "/live";

async function open(worker: WorkerProcess, origin?: string): Promise<WsClient> {
  const headers = origin === undefined ? [] : [["Origin", origin] as const];
  return await WsClient.open({ port: worker.ports.internal, topic: "", target: TARGET, headers });
}

/** Opens the live connection and sends the secret. */
async function look(worker: WorkerProcess, secret: string = worker.secret): Promise<WsClient> {
  const page = await open(worker);
  page.sendText(JSON.stringify({ secret }));
  return page;
}

/** The next message of this type; others on the way are passed over. */
async function next<Type extends "history" | "snapshot" | "topics">(
  page: WsClient,
  type: Type,
): Promise<Extract<HistoryMessage | SnapshotMessage | TopicsMessage, { type: Type }>> {
  for (;;) {
    const message = JSON.parse(await page.nextFrame());
    if (message.type === type) {
      return message;
    }
  }
}

/** Waits for a snapshot that is as wanted. */
async function snapshotWhere(
  page: WsClient,
  isWanted: (snapshot: SnapshotMessage) => boolean,
): Promise<SnapshotMessage> {
  for (;;) {
    const snapshot = await next(page, "snapshot");
    if (isWanted(snapshot)) {
      return snapshot;
    }
  }
}

onEachTarget("the page's files", (worker) => {
  test.each([
    ["/", "text/html; charset=utf-8", "<!doctype html>"],
    ["/console.css", "text/css; charset=utf-8", ".uplot"],
    ["/console.js", "text/javascript; charset=utf-8", "WebSocket"],
  ])(
    "%p is served without the secret, and strict about what a browser may do",
    async (path, type, part) => {
      const { status, headers, body } = await exchange(worker().ports.internal, { path });
      expect([status, headers.get("content-type")]).toEqual([200, type]);
      expect(body).toContain(part);
      expect(body).not.toContain(worker().secret);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
          "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cache-control")).toBe("no-store");
    },
  );

  test("nothing in them asks for anything elsewhere", async () => {
    for (const path of ["/", "/console.css", "/console.js"]) {
      const { body } = await exchange(worker().ports.internal, { path });
      const elsewhere = [...body.matchAll(/(?:https?:)?\/\/[a-z][\w.-]*\.[a-z]{2,}[^\s"')]*/g)];
      expect(elsewhere.map(([url]) => url)).toEqual(
        path === "/" ? ["http://www.w3.org/2000/svg"] : [],
      );
    }
  });

  test("another method is refused, another path is not there", async () => {
    const post = await exchange(worker().ports.internal, { path: "/", body: "x" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET"]);
    const { status } = await exchange(worker().ports.internal, { path: "/index.html" });
    expect(status).toBe(404);
  });

  test("a live connection brings the past, the present and the topics", async () => {
    using page = await look(worker());
    const history = JSON.parse(await page.nextFrame());
    expect(history).toMatchObject({ type: "history", nodes: [{ node: expect.any(String) }] });
    const { node } = (await worker().api.status()) as unknown as { node: string };
    const snapshot = await next(page, "snapshot");
    expect(snapshot).toMatchObject({ node, redis: "off", other_workers: 0 });
    expect(snapshot.nodes.map(({ node: one, state }) => [one, state])).toEqual([[node, "ready"]]);
    expect(snapshot.incidents.map(({ kind }) => kind)).toContain("start");
    expect(await next(page, "topics")).toMatchObject({
      topics: expect.arrayContaining([["worker.status", 0, 0, true]]),
      left_out: 0,
      is_partial: false,
    });
    await next(page, "snapshot");
    await next(page, "snapshot");
  });

  test("a test event says how many sockets have it, and how soon", async () => {
    await worker().api.register("tried", false);
    using browser = await worker().subscribe("tried");
    const answer = await worker().api.post(
      "/internal/test",
      '{"topic":"tried","payload":{"x":1.0}}',
    );
    expect(answer.status).toBe(200);
    const { nodes, silent, redis, node }: TestResult = JSON.parse(answer.body);
    expect(nodes.map((one) => [one.node, one.sockets])).toEqual([[node, 1]]);
    expect(nodes[0]?.handed_ms).toBeWithin(0, 1000);
    expect([silent, redis]).toEqual([[], "off"]);
    expect(await browser.nextFrame()).toBe('{"type":"push","payload":{"x":1.0}}');
  });
});

describe("the live connection", () => {
  testBesideOthers("tells nothing without the right secret, and of nobody who tries", async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    const tries = [
      JSON.stringify({ secret: "wrong" }),
      JSON.stringify({ secret: "" }),
      JSON.stringify({ secret: 7 }),
      JSON.stringify({ secret: worker.secret.slice(0, -1) }),
      JSON.stringify({ secret: null }),
      "null",
      "{",
      worker.secret,
    ];
    for (const text of tries) {
      using page = await open(worker);
      page.sendText(text);
      expect(await page.restAndClose()).toEqual([{ code: 4403, reason: "forbidden" }]);
    }
    using binary = await open(worker);
    binary.send({ opcode: OPCODE.binary, payload: JSON.stringify({ secret: worker.secret }) });
    expect(await binary.restAndClose()).toEqual([{ code: 4403, reason: "forbidden" }]);
    await worker.logged("operator's page: wrong secret; it is worker_secret");
    expect(worker.stdout.text).not.toContain(worker.secret);
  });

  testBesideOthers("takes a secret outside ASCII, as the API does", async () => {
    const secret = "gr\u00fc\u00dfe aus K\u00f6ln \u{1f4e1}, nur zum Testen, wirklich";
    await using worker = await startWorker({ target: SOURCE_RUN, secret });
    using page = await look(worker);
    await next(page, "snapshot");
  });

  testBesideOthers("waits 5 s for the secret, however little is sent", async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    using silent = await open(worker);
    const start = performance.now();
    silent.send({ opcode: OPCODE.ping, payload: "x" });
    expect(await silent.restAndClose()).toEqual([{ code: 4408, reason: "no secret in time" }]);
    expect(performance.now() - start).toBeWithin(4500, 7000);
  });

  testBesideOthers("is for 20 pages at a time, and strangers do not keep pages out", async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    const strangers = await Promise.all(Array.from({ length: 40 }, () => open(worker)));
    const pages = await Promise.all(Array.from({ length: 20 }, () => look(worker)));
    await Promise.all(pages.map((page) => next(page, "snapshot")));
    using late = await look(worker);
    expect(await late.closed()).toEqual({ code: 4429, reason: "too many pages" });
    pages[0]?.sendClose();
    await pages[0]?.closed();
    using again = await look(worker);
    await next(again, "snapshot");
    // The oldest strangers had to go.
    expect(strangers.filter(({ close }) => close?.code === 4408).length).toBeGreaterThanOrEqual(40);
    for (const client of [...strangers, ...pages]) {
      client[Symbol.dispose]();
    }
  });

  testBesideOthers(
    "is for pages of the same origin, and for programs, which have none",
    async () => {
      await using worker = await startWorker({ target: SOURCE_RUN });
      for (const origin of [`http://127.0.0.1`, "https://127.0.0.1"]) {
        using page = await open(worker, origin);
        page.sendText(JSON.stringify({ secret: worker.secret }));
        await next(page, "snapshot");
      }
      for (const origin of ["http://evil.example", "null", "http://127.0.0.1:1", "x", ""]) {
        using tcp = await TcpClient.connect(worker.ports.internal);
        tcp.write(upgradeRequest(TARGET, [["Origin", origin]]));
        const { status, body } = await upgradeAnswer(tcp);
        expect([status, body]).toEqual([
          403,
          "origin not allowed: it differs from Host; a proxy has to pass Host on",
        ]);
      }
    },
  );

  testBesideOthers(
    "ends at a frame that is too big, and ignores what else a page sends",
    async () => {
      await using worker = await startWorker({ target: SOURCE_RUN });
      using big = await look(worker);
      await next(big, "snapshot");
      big.sendText("x".repeat(9000));
      expect((await big.closed()).code).toBe(1009);
      using page = await look(worker);
      await next(page, "snapshot");
      page.sendText(JSON.stringify({ secret: "another" }));
      page.send({ opcode: OPCODE.binary, payload: "x" });
      page.send({ opcode: OPCODE.ping, payload: "alive" });
      await page.until(() => (page.pongs.includes("alive") ? true : undefined), "a pong");
      await next(page, "snapshot");
    },
  );

  testBesideOthers("is only made by an upgrade, which is only made there", async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    const plain = await exchange(worker.ports.internal, { path: TARGET });
    expect([plain.status, plain.body]).toEqual([
      426,
      "this is a WebSocket endpoint: send an upgrade request",
    ]);
    // An offer that is not taken is ignored (RFC 9110, 7.8), and the connection goes on.
    await worker.api.register("a", false);
    using client = await HttpClient.connect(worker.ports.internal);
    const offer = [
      ["Connection", "Upgrade, HTTP2-Settings"],
      ["Upgrade", "h2c"],
      ["HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"],
    ] as const;
    for (const [path, upgrade] of [
      ["/internal/publish", "h2c"],
      ["/internal/publish", "websocket"],
    ] as const) {
      const headers = offer.map(([name, value]) =>
        name === "Upgrade" ? ([name, upgrade] as const) : ([name, value] as const),
      );
      client.send({
        path,
        secret: worker.secret,
        headers,
        body: '{"topic":"a","payload":1}',
      });
      expect((await client.answer()).status).toBe(200);
    }
    client.send({ path: TARGET, headers: offer });
    expect((await client.answer()).status).toBe(426);
  });

  testBesideOthers(
    "is asked for the secret anew when that is changed, and told when the worker stops",
    async () => {
      await using worker = await startWorker({ target: SOURCE_RUN });
      using page = await look(worker);
      await next(page, "snapshot");
      const secret = randomSecret();
      await worker.reload({ worker_secret: secret, worker_secret_previous: worker.secret });
      expect(await page.closed()).toEqual({ code: 4401, reason: "secret changed" });
      using former = await look(worker);
      await next(former, "snapshot");
      using current = await look(worker, secret);
      await next(current, "snapshot");
      expect(await worker.stop()).toBe(0);
      expect(await current.closed()).toEqual({ code: 1012, reason: "service restart" });
      expect(await former.closed()).toEqual({ code: 1012, reason: "service restart" });
    },
  );

  testBesideOthers("does not hold a worker up that stops", async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    using page = await look(worker);
    using stranger = await open(worker);
    await next(page, "snapshot");
    const start = performance.now();
    expect(await worker.stop()).toBe(0);
    expect(performance.now() - start).toBeLessThan(2000);
    expect((await stranger.closed()).code).toBeOneOf([1012, 1006]);
  });
});

describe("in a cluster", () => {
  testBesideOthers(
    "a page shows every node, and a test event says where it has arrived",
    async () => {
      await using redis = await RedisServer.start();
      await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
      const topic = await nodes.newTopic();
      using first = await nodes.at(0).subscribe(topic);
      using second = await nodes.at(1).subscribe(topic);
      using third = await nodes.at(1).subscribe(topic);
      using page = await look(nodes.at(0));
      const snapshot = await snapshotWhere(
        page,
        ({ nodes: all }) => all.length === 2 && all[1]?.state === "ready" && all[1].sockets === 2,
      );
      expect(snapshot).toMatchObject({ redis: "up", other_workers: 0 });
      const rows = await eventually(async () => {
        const { topics } = await next(page, "topics");
        const row = topics.find(([name]) => name === topic);
        return row?.[2] === 3 && row;
      }, "the topic's browsers on all nodes");
      expect(rows).toEqual([topic, 1, 3, true]);

      const body = JSON.stringify({ topic, payload: "hello" });
      const answer = await nodes.at(0).api.post("/internal/test", body);
      const result: TestResult = JSON.parse(answer.body);
      const [own, other] = result.nodes;
      expect(own).toMatchObject({ node: snapshot.node, sockets: 1 });
      expect(other).toMatchObject({ node: snapshot.nodes[1]?.node ?? "", sockets: 2 });
      // There and back takes longer than being handed over there.
      expect(other?.confirmed_ms).toBeGreaterThanOrEqual(other?.handed_ms ?? 0);
      expect(result).toMatchObject({ silent: [], asked_others: true, redis: "up" });
      for (const browser of [first, second, third]) {
        expect(await browser.nextFrame()).toBe('{"type":"push","payload":"hello"}');
      }
    },
  );

  testBesideOthers(
    "a node that is frozen is said not to have answered, and then to have vanished",
    async () => {
      await using redis = await RedisServer.start();
      await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
      const topic = await nodes.newTopic();
      using page = await look(nodes.at(0));
      const { nodes: views } = await snapshotWhere(page, ({ nodes: all }) => all.length === 2);
      const other = views[1]?.node ?? "";
      nodes.at(1).program.signal("SIGSTOP");
      const answer = await nodes
        .at(0)
        .api.post("/internal/test", JSON.stringify({ topic, payload: 1 }));
      const result: TestResult = JSON.parse(answer.body);
      expect(result.silent.map(({ node }) => node)).toEqual([other]);
      const gone = await snapshotWhere(page, ({ nodes: all }) => all[1]?.state === "gone");
      expect(gone.incidents[0]).toMatchObject({ kind: "gone", node: other, until: null });
      nodes.at(1).program.signal("SIGCONT");
      const back = await snapshotWhere(page, ({ nodes: all }) => all[1]?.state === "ready");
      const incident = back.incidents.find(({ kind }) => kind === "gone");
      expect(incident).toMatchObject({ node: other, until: expect.any(String) });
    },
  );

  testBesideOthers(
    "a node that is killed vanishes, one that stops says so, one that comes takes the place",
    async () => {
      await using redis = await RedisServer.start();
      await using nodes = await Nodes.start({
        redis: redis.url,
        count: 3,
        config: { drain_time: 1 },
      });
      using page = await look(nodes.at(0));
      const ids = await Promise.all(
        nodes.all.map(async (worker) => (await next(await look(worker), "snapshot")).node),
      );
      await snapshotWhere(page, ({ nodes: all }) => all.length === 3);
      await nodes.at(1).kill();
      expect(await nodes.at(2).stop()).toBe(0);
      const stateOf = (
        { nodes: all }: SnapshotMessage,
        id: string | undefined,
      ): string | undefined => all.find(({ node }) => node === id)?.state;
      const snapshot = await snapshotWhere(
        page,
        (seen) => stateOf(seen, ids[1]) === "gone" && stateOf(seen, ids[2]) === "left",
      );
      const told = snapshot.incidents.map(({ node, text }) => [node, text]);
      expect(told).toContainEqual([ids[1] ?? "", "has vanished without saying good-bye"]);
      expect(told).toContainEqual([ids[2] ?? "", "has stopped, as it was asked to"]);
      await nodes.restart(1);
      // On the same host.
      const healed = await snapshotWhere(
        page,
        (seen) => seen.nodes.length >= 2 && stateOf(seen, ids[1]) === undefined,
      );
      expect(
        healed.incidents.find(({ node, kind }) => node === ids[1] && kind === "gone"),
      ).toMatchObject({ text: expect.stringMatching(/^was not to be heard for \d+ s$/) });
      await nodes.at(0).logged("cluster: a node has vanished without saying good-bye");
      await nodes.at(0).logged("cluster: a node has stopped");
    },
  );

  testBesideOthers("an outage of Redis is told with its length and what came of it", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
    const topic = await nodes.newTopic();
    using page = await look(nodes.at(0));
    await snapshotWhere(page, ({ nodes: all }) => all.length === 2);
    await redis.stop();
    const down = await snapshotWhere(page, (seen) => seen.redis === "down");
    expect(down.nodes.map(({ state }) => state)).toEqual(["degraded", "unknown"]);
    expect(down.incidents[0]).toMatchObject({ kind: "redis", until: null, level: "error" });
    expect(down.incidents[0]?.advice).toContain(redis.url.replace("/0", ""));
    for (let event = 0; event < 14; event += 1) {
      await nodes.at(0).api.publish(topic, "1");
    }
    const answer = await nodes
      .at(0)
      .api.post("/internal/test", JSON.stringify({ topic, payload: 1 }));
    expect(JSON.parse(answer.body)).toMatchObject({
      asked_others: false,
      redis: "down",
      silent: [],
    });
    await redis.start();
    const up = await snapshotWhere(
      page,
      ({ nodes: all, redis: now }) => now === "up" && all[1]?.state === "ready",
    );
    const outage = up.incidents.find(({ kind, node }) => kind === "redis" && node === up.node);
    expect(outage?.text).toMatch(
      /^lost Redis for [\d.]+ (?:s|min.*); 15 events queued, all sent on$/,
    );
    // The other node's own report tells its side.
    await snapshotWhere(page, ({ incidents }) =>
      incidents.some(
        ({ node, kind, until }) => node !== up.node && kind === "redis" && until !== null,
      ),
    );
  });
});
