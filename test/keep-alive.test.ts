import { expect, setDefaultTimeout, test } from "bun:test";
import { configuration, SERVERS } from "../src/cli/doctor/front.ts";
import { diagnose } from "./support/doctor.ts";
import { SOURCE_RUN, TARGETS } from "./support/targets.ts";
import { LOOPBACK, TcpClient } from "./support/tcp-client.ts";
import { WebServer } from "./support/web-server.ts";
import { startWorker, type WorkerProcess } from "./support/worker.ts";
import { OPCODE, type WsClient } from "./support/ws-client.ts";

/**
 * The contract's long times, waited for in earnest: everything here runs at once, and takes as long
 * as the longest.
 */
setDefaultTimeout(100_000);

const HANDSHAKE_MS = 10_000;
const PING_MS = 30_000;
const SILENCE_MS = 60_000;

/** The worker looks at its clocks once a second. */
const TICK_MS = 1000;

/** How late things may be on a machine that does much else. */
const SLACK_MS = 2500;

/** How long it takes until a socket ends, from now. */
async function timeToClose(socket: WsClient): Promise<number> {
  const start = performance.now();
  await socket.closed(SILENCE_MS + PING_MS);
  return performance.now() - start;
}

async function workerWithTopic(target: (typeof TARGETS)[number]): Promise<WorkerProcess> {
  const worker = await startWorker({ target });
  await worker.api.register("a");
  return worker;
}

for (const target of TARGETS) {
  test.concurrent(`a client that does not authenticate is closed after 10 s (${target.name})`, async () => {
    await using worker = await workerWithTopic(target);
    using nothing = await worker.open("a");
    // A ping is no auth frame, and neither is half of one.
    using pinging = await worker.open("a");
    using half = await worker.open("a");
    pinging.send({ opcode: OPCODE.ping });
    half.send({ opcode: OPCODE.text, payload: '{"type":', fin: false });
    for (const time of await Promise.all([nothing, pinging, half].map(timeToClose))) {
      expect(time).toBeWithin(HANDSHAKE_MS - 100, HANDSHAKE_MS + TICK_MS + SLACK_MS);
    }
    for (const socket of [nothing, pinging, half]) {
      expect(socket.frames).toEqual([]);
      expect(socket.close).toEqual({ code: 1008, reason: "no auth frame in time" });
    }
    const lines = await worker.logged("handshake refused", 3);
    expect(lines[0]).toMatchObject({ topic: "a", reason: "no auth frame in time" });
  });

  test.concurrent(`a connection that does not finish its upgrade is closed (${target.name})`, async () => {
    await using worker = await workerWithTopic(target);
    using silent = await TcpClient.connect(worker.ports.ws);
    using half = await TcpClient.connect(worker.ports.ws);
    half.write("GET /ws?topic=a HTTP/1.1\r\nHost: a\r\n");
    await Promise.all([silent, half].map((client) => client.ended(SILENCE_MS)));
  });
}

test.concurrent("pings come every 30 s; who answers stays, who is silent for 60 s is closed", async () => {
  await using worker = await workerWithTopic(SOURCE_RUN);
  // They are let in first, and outlive those that are silent.
  using answering = await worker.subscribe("a");
  using talking = await worker.subscribe("a", undefined, { answersPings: false });
  const silent: WsClient[] = [];
  for (let count = 0; count < 4; count += 1) {
    silent.push(await worker.subscribe("a", undefined, { answersPings: false }));
  }
  const start = performance.now();
  const talk = setInterval(() => talking.sendText("anything"), PING_MS / 2);
  try {
    for (const time of await Promise.all(silent.map(timeToClose))) {
      expect(time).toBeWithin(SILENCE_MS - TICK_MS, SILENCE_MS + TICK_MS + SLACK_MS);
    }
  } finally {
    clearInterval(talk);
  }
  for (const { close } of silent) {
    expect(close).toEqual({ code: 1001, reason: "no sign of life" });
  }
  for (const socket of [answering, talking, ...silent]) {
    // The first comes after up to 30 s, at random: after a storm of newcomers there is no echo.
    const [first = Number.NaN] = socket.pingedAt;
    expect(first - start).toBeWithin(-TICK_MS, PING_MS + TICK_MS + SLACK_MS);
  }
  for (const socket of [answering, talking]) {
    const second = await socket.until(() => socket.pingedAt[1], "a second ping", PING_MS);
    const [first = Number.NaN] = socket.pingedAt;
    expect(second - first).toBeWithin(PING_MS - TICK_MS, PING_MS + TICK_MS + SLACK_MS);
  }
  await worker.api.publish("a", "1");
  for (const socket of [answering, talking]) {
    expect(await socket.nextFrame()).toBe('{"type":"push","payload":1}');
  }
});

for (const server of SERVERS) {
  test.concurrent(`the doctor sees two pings through ${server}`, async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    const place = { prefix: "/worker", worker: `${LOOPBACK}:${worker.ports.ws}` };
    await using front = await WebServer.start(server, configuration(server, place).join("\n"));
    const words = ["--url", `ws://localhost:${front.port}/worker`];
    const told = await diagnose({ worker, words, deadlineMs: SILENCE_MS + PING_MS });
    expect(told.of("idle")).toMatchObject({
      verdict: "ok",
      text: expect.stringMatching(/^open after 65 s of silence, [23] pings of the worker's$/),
    });
    expect(told.status).toBe(0);
  });
}
