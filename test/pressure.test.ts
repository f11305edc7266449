import { expect, setDefaultTimeout, test } from "bun:test";
import { fileLimit } from "../src/gateway/open-files.ts";
import { eventually } from "./support/changes.ts";
import { newTopic } from "./support/each-target.ts";
import { subscribeMany } from "./support/light-socket.ts";
import { type PhpCall, PhpClient } from "./support/php.ts";
import { openFiles } from "./support/proc.ts";
import { Strangers } from "./support/strangers.ts";
import { TARGETS, type Target, withFileLimit } from "./support/targets.ts";
import { Witness } from "./support/witness.ts";
import { startWorker, type WorkerProcess } from "./support/worker.ts";
import { topicTarget, upgradeRequest } from "./support/ws-client.ts";

setDefaultTimeout(120_000);

/** What this machine allows, less what is open already; both ends of a socket are processes here. */
const FILES = (fileLimit() ?? 20_000) - 2000;

const FED = Math.min(10_000, FILES);
const FED_INTERVAL_MS = 200;

/** Half of them send half a request, the others no auth frame; two tests of it run at once. */
const HALF_OPEN = 2 * Math.floor(Math.min(5000, FILES / 3) / 2);

/** Few files, more silent strangers, and PHP's calls of each kind meanwhile. */
const FEW_FILES = 1024;
const SILENT = 3000;
const CALLS = 50;

/** How long thousands of sockets may take to come or go, on a busy machine. */
const CROWD_MS = 60_000;

/** Real PHP with Wavelog's own timeouts calls while something bad happens; all calls must be good. */
async function expectPhpServed(worker: WorkerProcess): Promise<void> {
  const topic = newTopic();
  await worker.api.register(topic);
  const calls = await new PhpClient(worker.ports.internal, worker.secret).routine(topic, CALLS);
  expect(calls.length).toBe(2 * CALLS);
  const isBad = ({ status, error }: PhpCall): boolean => status !== 200 || error !== "";
  expect(calls.filter(isBad).map(({ path, error, ms }) => `${path} ${error} ${ms}`)).toEqual([]);
}

/** Shows that a browser gets in and gets an event. */
async function expectBrowserServed(worker: WorkerProcess): Promise<void> {
  const topic = newTopic();
  await worker.api.register(topic);
  using browser = await worker.subscribe(topic);
  await worker.api.publish(topic, '"in"');
  expect(await browser.nextFrame()).toBe('{"type":"push","payload":"in"}');
}

/** Each form of the program with a number of threads of its own, so that both are seen. */
const KINDS: readonly (readonly [target: Target, gatewayThreads: number])[] = TARGETS.map(
  (target, index) => [target, index + 1],
);

for (const [target, gateway_threads] of KINDS) {
  test(`PHP is answered while ${FED} sockets are fed (${target.name})`, async () => {
    await using worker = await startWorker({ target, config: { gateway_threads } });
    const { api, ports } = worker;
    const topic = newTopic();
    await api.register(topic);
    const sockets = await subscribeMany(FED, () => ({ port: ports.ws, topic }));
    await worker.socketsReach(FED);
    let isDone = false;
    let events = 0;
    const feed = async (): Promise<void> => {
      while (!isDone) {
        await api.publish(topic, JSON.stringify({ event: events, filling: "x".repeat(200) }));
        events += 1;
        await Bun.sleep(FED_INTERVAL_MS);
      }
    };
    const feeding = feed();
    await expectPhpServed(worker);
    isDone = true;
    await feeding;
    await eventually(
      () => sockets.every(({ frames }) => frames === events),
      "every event to arrive everywhere",
      CROWD_MS,
    );
    expect(sockets.filter(({ isClosed }) => isClosed).length).toBe(0);
    expect(new Set(sockets.map(({ checksum }) => checksum)).size).toBe(1);
    for (const socket of sockets) {
      socket[Symbol.dispose]();
    }
    await eventually(
      async () => (await api.status()).connected_sockets === 0,
      "all to be gone",
      CROWD_MS,
    );
  });

  test(`PHP is answered when ${SILENT} strangers have taken all of ${FEW_FILES} files, and browsers are let in when they leave (${target.name})`, async () => {
    await using worker = await startWorker({
      target: withFileLimit(target, FEW_FILES),
      config: { gateway_threads },
    });
    const witness = await Witness.start(worker);
    for (let round = 1; round <= 2; round += 1) {
      using strangers = new Strangers();
      await strangers.come(worker.ports.ws, SILENT);
      await eventually(
        async () => (await worker.api.status()).accept_pauses >= round,
        "the files to be gone",
        CROWD_MS,
      );
      await expectPhpServed(worker);
      strangers[Symbol.dispose]();
      await eventually(
        async () => {
          await expectBrowserServed(worker);
          return true;
        },
        "a browser to be let in",
        CROWD_MS,
      );
    }
    await witness.stop();
    const [line] = worker.log.filter(({ msg }) => msg.startsWith("no file descriptors left"));
    expect(line).toMatchObject({ level: "warn", limit: FEW_FILES });
    expect(worker.log.filter(({ level }) => level === "error" || level === "fatal")).toEqual([]);
    expect(await worker.stop()).toBe(0);
  });
}

/** These wait for the worker's own time limits, so they wait at once. */
for (const [target, gateway_threads] of KINDS) {
  test.concurrent(`PHP is answered, and browsers are let in, while ${HALF_OPEN} strangers hold half-open handshakes (${target.name})`, async () => {
    await using worker = await startWorker({ target, config: { gateway_threads } });
    const topic = newTopic();
    await worker.api.register(topic, true);
    const filesBefore = openFiles(worker.pid);
    const witness = await Witness.start(worker);
    using strangers = new Strangers();
    const request = upgradeRequest(topicTarget(topic));
    await strangers.come(worker.ports.ws, HALF_OPEN / 2, request.slice(0, -2));
    await strangers.come(worker.ports.ws, HALF_OPEN / 2, request);
    await eventually(
      () => openFiles(worker.pid) - filesBefore >= HALF_OPEN,
      "all strangers to be there",
      CROWD_MS,
    );
    await expectPhpServed(worker);
    await expectBrowserServed(worker);
    await witness.stop();
    // Those who were upgraded are closed after 10 s, the others after some 12.
    await eventually(
      () => openFiles(worker.pid) - filesBefore < 100,
      "the strangers to be closed",
      CROWD_MS,
    );
    expect((await worker.api.status()).refusals["handshake_timeout"]).toBe(HALF_OPEN / 2);
  });

  test.concurrent(`silent strangers are closed, and browsers let in again, while they are still there (${target.name})`, async () => {
    await using worker = await startWorker({
      target: withFileLimit(target, FEW_FILES),
      config: { gateway_threads },
    });
    using strangers = new Strangers();
    await strangers.come(worker.ports.ws, FEW_FILES);
    await worker.stdout.until(
      (lines) => lines.find((line) => line.includes("file descriptors are free again")),
      "browsers to be let in again",
      CROWD_MS,
    );
    await expectBrowserServed(worker);
    await expectPhpServed(worker);
  });
}
