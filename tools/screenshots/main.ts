/**
 * `make screenshots`: the pictures of docs/console.md, of a real cluster (Redis, three workers,
 * browsers, events) in a real browser. Takes some four minutes, since charts show minutes.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { eventually } from "../../test/support/changes.ts";
import { launchChromium } from "../../test/support/chromium.ts";
import { RedisServer } from "../../test/support/cluster-redis.ts";
import { LightSocket } from "../../test/support/light-socket.ts";
import { ROOT, SOURCE_RUN, type Target } from "../../test/support/targets.ts";
import { LOOPBACK } from "../../test/support/tcp-client.ts";
import { randomSecret, startWorker, type WorkerProcess } from "../../test/support/worker.ts";
import { smallerPng } from "./smaller-png.ts";

const IMAGES = join(ROOT, "docs", "images");

/** How long the scene plays before the first picture, and how long Redis is away in it. */
const PLAY_MS = 135_000;
const OUTAGE_AT_MS = 60_000;
const OUTAGE_MS = 12_000;

/** Topics of the scene, and how many browsers watch each, over all nodes. */
const TOPICS: readonly (readonly [topic: string, browsers: number])[] = [
  ["contest_session.42", 96],
  ["contest_session.43", 41],
  ["radio.user.7", 12],
  ["radio.user.12", 9],
  ["radio.user.31", 4],
  ["radio.user.58", 2],
  ["logbook.public.dl1abc", 23],
  ["logbook.public.oe5xyz", 7],
  ["dxcluster.hf", 64],
  ["dxcluster.vhf", 18],
  ["radio.user.90", 0],
];

/** A worker that believes to be on a machine of its own. */
function onHost(host: string): Target {
  const command = ["unshare", "--uts", "sh", "-c", `hostname ${host} && exec "$@"`, "sh"];
  return { name: host, command: () => [...command, ...SOURCE_RUN.command()] };
}

/** Opens browsers' sockets, spread over the workers. */
async function populate(workers: readonly WorkerProcess[]): Promise<LightSocket[]> {
  const sockets: LightSocket[] = [];
  for (const [topic, browsers] of TOPICS) {
    await workers[0]?.api.register(topic, false);
    for (let browser = 0; browser < browsers; browser += 1) {
      const worker = workers[(browser * 7 + topic.length) % workers.length];
      if (worker !== undefined) {
        sockets.push(await LightSocket.subscribe({ port: worker.ports.ws, topic }));
      }
    }
  }
  return sockets;
}

/** Publishes as a busy evening does, until told to stop. */
function play(workers: readonly WorkerProcess[]): () => void {
  const start = performance.now();
  let turn = 0;
  const timer = setInterval(() => {
    turn += 1;
    const seconds = (performance.now() - start) / 1000;
    const busy = 0.55 + 0.3 * Math.sin(seconds / 17) + 0.15 * Math.sin(seconds / 5);
    for (const [index, [topic, browsers]] of TOPICS.entries()) {
      const isDue = browsers > 0 && Math.random() < (busy * browsers) / 130;
      const worker = workers[(turn + index) % workers.length];
      if (isDue && worker !== undefined && !worker.program.hasEnded) {
        void worker.api.publish(topic, `{"n":${turn}}`).catch(() => undefined);
      }
    }
  }, 100);
  return () => clearInterval(timer);
}

async function openPage(
  browser: Browser,
  worker: WorkerProcess,
  options: { readonly width: number; readonly height: number; readonly scheme: "light" | "dark" },
): Promise<Page> {
  const { width, height, scheme } = options;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    deviceScaleFactor: width < 500 ? 2 : 1,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  await page.goto(`http://${LOOPBACK}:${worker.ports.internal}/`);
  await page.getByLabel("Secret").fill(worker.secret);
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("heading", { name: "Nodes" }).waitFor();
  await page.getByRole("button", { name: "2 min" }).click();
  return page;
}

async function shoot(page: Page, name: string, fullPage: boolean): Promise<void> {
  await page.evaluate("scrollTo(0, 0)");
  // So that the newest second is drawn.
  await Bun.sleep(1500);
  writeFileSync(join(IMAGES, name), smallerPng(await page.screenshot({ fullPage })));
  process.stdout.write(`wrote docs/images/${name}\n`);
}

const secret = randomSecret();
await using redis = await RedisServer.start();
const config = { redis_url: redis.url, drain_time: 1 };
const hosts = ["push1", "push2", "push3"];
const workers = await Promise.all(
  hosts.map((host) => startWorker({ target: onHost(host), secret, config })),
);
await using scope = new AsyncDisposableStack();
for (const worker of workers) {
  scope.use(worker);
}
const [first, , third] = workers;
if (first === undefined || third === undefined) {
  throw new Error("no workers");
}
const sockets = await populate(workers);
const stop = play(workers);
const browser = await launchChromium();
scope.defer(() => browser.close());

const desktop = { width: 1280, height: 900 } as const;
const dark = await openPage(browser, first, { ...desktop, scheme: "dark" });
await Bun.sleep(OUTAGE_AT_MS);
await redis.stop();
const light = await openPage(browser, first, { ...desktop, scheme: "light" });
await Bun.sleep(OUTAGE_MS / 2);
await shoot(light, "console-light.png", false);
await light.close();
await Bun.sleep(OUTAGE_MS / 2);
await redis.start();
for (const socket of sockets.splice(0, 6)) {
  socket[Symbol.dispose]();
}
await Bun.sleep(PLAY_MS - OUTAGE_AT_MS - OUTAGE_MS);
await dark.getByRole("button", { name: "Send a test event to contest_session.42" }).click();
await dark.getByRole("button", { name: "Publish test event" }).click();
await eventually(
  async () => (await dark.locator("#test-result li").count()) === 3,
  "the test event to arrive",
);
await shoot(dark, "console-dark.png", true);

await third.kill();
const phone = await openPage(browser, first, { width: 390, height: 844, scheme: "light" });
await phone.getByText("has vanished").first().waitFor();
await shoot(phone, "console-phone.png", false);
stop();
for (const socket of sockets) {
  socket[Symbol.dispose]();
}
process.exit(0);
