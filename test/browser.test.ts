import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { eventually } from "./support/changes.ts";
import { launchChromium } from "./support/chromium.ts";
import { PhpClient } from "./support/php.ts";
import { ROOT, TARGETS } from "./support/targets.ts";
import { LOOPBACK } from "./support/tcp-client.ts";
import { randomSecret, startWorker, type WorkerProcess } from "./support/worker.ts";
import { topicTarget } from "./support/ws-client.ts";

setDefaultTimeout(60_000);

const PAGE_DIR = join(ROOT, "test", "browser");

let browser: Browser;
let web: ReturnType<typeof servePage>;

beforeAll(async () => {
  web = servePage(await bundlePage());
  browser = await launchChromium();
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await web?.stop(true);
}, 60_000);

/** The page's script with what it imports, as a browser reads it. */
async function bundlePage(): Promise<string> {
  const built = await Bun.build({ entrypoints: [join(PAGE_DIR, "page.ts")], target: "browser" });
  const [script] = built.outputs;
  if (script === undefined) {
    throw new Error("the page's script was not built");
  }
  return await script.text();
}

function servePage(script: string) {
  const html = readFileSync(join(PAGE_DIR, "page.html"), "utf8");
  return Bun.serve({
    hostname: LOOPBACK,
    port: 0,
    fetch: ({ url }) => {
      const isScript = new URL(url).pathname === "/page.js";
      const type = isScript ? "text/javascript" : "text/html";
      return new Response(isScript ? script : html, { headers: { "content-type": type } });
    },
  });
}

/** Opens the page on a topic, as Wavelog would have made it. */
async function openPage(worker: WorkerProcess, topic: string, token: string): Promise<Page> {
  const page = await browser.newPage();
  const query = new URLSearchParams({
    url: `ws://${LOOPBACK}:${worker.ports.ws}${topicTarget(topic)}`,
    token,
  });
  await page.goto(`${web.url}?${query}`);
  return page;
}

/** Waits until the page says where it stands. */
async function shows(page: Page, state: string): Promise<void> {
  await eventually(
    async () => (await page.textContent("#state")) === state,
    `the page to say "${state}"`,
  );
}

/** What the page shows. */
async function shownEvents(page: Page): Promise<readonly string[]> {
  return await page.locator("#events li").allTextContents();
}

for (const target of TARGETS) {
  describe(`a real browser (${target.name})`, () => {
    test("shows what PHP publishes, and is back by itself after a restart", async () => {
      const secret = randomSecret();
      await using first = await startWorker({ target, secret });
      const php = new PhpClient(first.ports.internal, secret);
      const topic = "radio/user 7 \u{1f4e1}";
      await php.register(topic, true);
      const page = await openPage(first, topic, await php.token(topic, 7, 3600));
      try {
        await shows(page, "live");
        await php.deliver(topic, true, '{"freq":14074000,"mode":"FT8"}');
        await php.deliver(topic, true, '"\\u00fc\\/"');
        const before = ['{"freq":14074000,"mode":"FT8"}', '"\u00fc/"'];
        await eventually(async () => (await shownEvents(page)).length === 2, "two events");
        expect(await shownEvents(page)).toEqual(before);

        expect(await first.stop()).toBe(0);
        await shows(page, "waiting");
        await using second = await startWorker({ target, secret, ports: first.ports });
        // Nobody registers the topic but Wavelog, when it is told that it is unknown.
        // The page may be back in time to hear this, or not: it was not there when it was published.
        const between = '"between"';
        const calls = await php.deliver(topic, true, between);
        expect(calls.map(({ status }) => status)).toEqual([404, 200, 200]);
        await shows(page, "live");
        await php.deliver(topic, true, '"back"');
        await eventually(async () => (await shownEvents(page)).at(-1) === '"back"', "the event");
        const after = (await shownEvents(page)).filter((event) => event !== between);
        expect(after).toEqual([...before, '"back"']);

        expect(await second.stop()).toBe(0);
        await shows(page, "waiting");
        await shows(page, "given up");
      } finally {
        await page.close();
      }
    });

    test("gives up at once at an error frame", async () => {
      await using worker = await startWorker({ target });
      const php = new PhpClient(worker.ports.internal, worker.secret);
      await php.register("a", true);
      const page = await openPage(worker, "a", await php.token("another topic", 7, 3600));
      try {
        await shows(page, "given up");
        const [refused] = await worker.logged("handshake refused");
        expect(refused).toMatchObject({ topic: "a", reason: "token is for another topic" });
        // It does not come back, which a second refusal would tell.
        expect(worker.log.filter(({ msg }) => msg === "handshake refused").length).toBe(1);
      } finally {
        await page.close();
      }
    });

    test("a page of a foreign origin is kept out where the operator says so", async () => {
      const allowed_origins = ["https://log.example.org"];
      await using worker = await startWorker({ target, config: { allowed_origins } });
      const php = new PhpClient(worker.ports.internal, worker.secret);
      await php.register("a", false);
      const page = await openPage(worker, "a", "");
      try {
        await shows(page, "waiting");
        const [refused] = await worker.logged("handshake refused");
        expect(refused).toMatchObject({ topic: "a", reason: "origin not allowed" });
      } finally {
        await page.close();
      }
    });
  });
}
