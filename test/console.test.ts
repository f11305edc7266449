/** The operator's page in a real browser, as its readers see it. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "./support/changes.ts";
import { Nodes } from "./support/cluster-nodes.ts";
import { RedisServer } from "./support/cluster-redis.ts";
import { ConsoleBrowser, type ConsolePage } from "./support/console-page.ts";
import { SOURCE_RUN, TARGETS } from "./support/targets.ts";
import { LOOPBACK } from "./support/tcp-client.ts";
import { randomSecret, startWorker, type WorkerProcess } from "./support/worker.ts";

setDefaultTimeout(60_000);

/** What there should be of faults. */
const NOTHING: string[] = [];

let browser: ConsoleBrowser;

beforeAll(async () => {
  browser = await ConsoleBrowser.launch();
}, 60_000);

afterAll(async () => {
  await browser?.[Symbol.asyncDispose]();
}, 60_000);

/** Registers topics that need no token. */
async function register(worker: WorkerProcess, ...topics: readonly string[]): Promise<void> {
  for (const topic of topics) {
    await worker.api.register(topic, false);
  }
}

for (const target of TARGETS) {
  describe(`the page (${target.name})`, () => {
    test("asks for the secret, keeps it for the tab alone, and shows what goes on as it does", async () => {
      await using worker = await startWorker({ target });
      await register(worker, "contest_session.42");
      await using console = await browser.visit(worker);
      const { page } = console;

      await console.submitSecret("not the secret, though it is long enough");
      await console.reads("#secret-problem", /^That is not this worker's secret\. .*worker_secret/);
      expect(await page.getByLabel("Secret").getAttribute("aria-invalid")).toBe("true");
      await console.submitSecret(` ${worker.secret} `);
      await console.isLive();

      await console.reads(console.tile("Browsers"), "0");
      const first = await worker.subscribe("contest_session.42");
      using _second = await worker.subscribe("contest_session.42");
      await console.reads(console.tile("Browsers"), "2");
      first[Symbol.dispose]();
      await console.reads(console.tile("Browsers"), "1");
      await console.reads("#topics tbody tr", /^contest_session\.42 1 /);
      await console.reads("#ends li", /^1 the connection broke/);
      for (let event = 0; event < 20; event += 1) {
        await worker.api.publish("contest_session.42", "1");
      }
      await console.reads(console.tile("Events published"), /^[1-9][\d.]*\/s$/);
      await console.reads(console.tile("Deliveries"), /^[1-9][\d.]*\/s$/);
      await console.reads("#verdict-title", "All is well");

      // Where the secret is, and where it is not.
      const kept = (where: string): Promise<string> => page.evaluate(`JSON.stringify(${where})`);
      expect(await kept("sessionStorage")).toContain(worker.secret);
      expect(await kept("localStorage")).not.toContain(worker.secret);
      expect(await kept("document.cookie")).toBe('""');
      expect([page.url(), ...console.requests].join(" ")).not.toContain(worker.secret);
      const origins = new Set(console.requests.map((url) => new URL(url).host));
      expect([...origins]).toEqual([`${LOOPBACK}:${worker.ports.internal}`]);
      expect(console.faults).toEqual(NOTHING);

      // The tab keeps it, another one does not have it, and it can be forgotten.
      await page.reload();
      await console.isLive();
      const other = await console.otherTab();
      await other.page.getByLabel("Secret").waitFor();
      await page.getByRole("button", { name: "Lock" }).click();
      await page.getByLabel("Secret").waitFor();
      expect(await page.locator("#console").isVisible()).toBe(false);
      expect(await kept("sessionStorage")).not.toContain(worker.secret);
      await console.reads("#link", "locked");
      expect([...console.faults, ...other.faults]).toEqual(NOTHING);
    });
  });
}

describe("charts", () => {
  test("are full at once, go on, and say in words what they show", async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    await register(worker, "a");
    using _one = await worker.subscribe("a");
    using _two = await worker.subscribe("a");
    await worker.socketsReach(2);
    for (let event = 0; event < 50; event += 1) {
      await worker.api.publish("a", "1");
    }
    await using console = await browser.enter(worker);
    const { page } = console;
    const charts = page.locator("figure.chart:visible");
    expect(await charts.count()).toBe(4);
    // The newest second may be from before they were there, and what is said is said for a while.
    await console.reads(".chart-now", "2");
    await page.getByRole("button", { name: "2 min" }).click();
    const label = page.locator(".chart-box").first();
    await eventually(
      async () =>
        /now 2, lowest [02], highest 2$/.test((await label.getAttribute("aria-label")) ?? ""),
      "the chart to say that there are 2 browsers",
    );
    expect(await label.getAttribute("role")).toBe("img");
    await eventually(
      async () => (await paintedPixels(console)).join() === "true,true,true,true",
      "lines to be drawn",
    );
    await console.reads('#window [aria-pressed="true"]', "2 min");
    // Under the pointer there is the figure of that moment.
    await charts
      .first()
      .locator(".u-over")
      .hover({ position: { x: 120, y: 40 } });
    await console.reads(".chart-now", /^(?:\d\d:\d\d:\d\d )?(?:\d|–)/);
    expect(console.faults).toEqual(NOTHING);
  });
});

/** Whether each chart has something drawn that is no axis: pixels of a line's colour. */
async function paintedPixels(console: ConsolePage): Promise<boolean[]> {
  return await console.page.evaluate(`[...document.querySelectorAll("figure.chart")]
    .filter((chart) => chart.offsetWidth > 0)
    .map((chart) => {
      const { width, height } = chart.querySelector("canvas");
      const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(chart.querySelector("canvas"), 0, 0);
      const { data } = copy.getImageData(0, 0, width, height);
      let blue = 0;
      for (let at = 0; at < data.length; at += 4) {
        blue += data[at + 3] > 100 && data[at + 2] - data[at] > 90 ? 1 : 0;
      }
      return blue > 10;
    })`);
}

describe("topics", () => {
  test("are sorted, searched and shown step by step", async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    const many = Array.from({ length: 60 }, (_, index) => `radio.user.${index + 10}`);
    await register(worker, ...many, "contest_session.1", "Logbook.b", "<b>bold</b>");
    using _one = await worker.subscribe("radio.user.33");
    using _two = await worker.subscribe("radio.user.33");
    using _three = await worker.subscribe("contest_session.1");
    await using console = await browser.enter(worker);
    const { page } = console;
    const names = (): Promise<string[]> =>
      page.locator("#topics tbody th span:first-child").allTextContents();
    await console.reads("#topics tbody tr", /^radio\.user\.33 2 /);
    expect((await names()).slice(0, 3)).toEqual([
      "radio.user.33",
      "contest_session.1",
      "<b>bold</b>",
    ]);
    expect((await names()).length).toBe(25);
    await page.getByRole("button", { name: /^Show more \(39 left\)$/ }).click();
    expect((await names()).length).toBe(64);
    await console.reads("#topics-count", "64 topics");

    const sort = page.locator("#topics").getByRole("columnheader", { name: "Topic" });
    await sort.getByRole("button").click();
    expect(await sort.getAttribute("aria-sort")).toBe("ascending");
    expect((await names())[0]).toBe("<b>bold</b>");
    await sort.getByRole("button").click();
    expect(await sort.getAttribute("aria-sort")).toBe("descending");
    expect((await names())[0]).toBe("worker.status");

    await page.getByLabel("Search topics").fill("LOGBOOK");
    await eventually(async () => (await names()).join() === "Logbook.b", "one topic");
    await console.reads("#topics-count", "1 of 64 topics");
    await page.getByLabel("Search topics").fill("nothing like this");
    await console.reads("#topics-empty", 'No topic has "nothing like this" in its name.');
    expect(console.faults).toEqual(NOTHING);
  });
});

describe("with two nodes", () => {
  test("a test event shows on which nodes it has arrived, and how fast", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
    const topic = await nodes.newTopic();
    using first = await nodes.at(0).subscribe(topic);
    using second = await nodes.at(1).subscribe(topic);
    using third = await nodes.at(1).subscribe(topic);
    await using console = await browser.enter(nodes.at(0));
    const { page } = console;
    await console.reads(console.tile("Browsers"), "3");
    expect(await page.locator("#nodes tbody tr").count()).toBe(2);
    expect(await page.locator("#legend li").count()).toBe(2);
    await console.reads(
      "#topics tbody tr",
      new RegExp(`^${topic.replaceAll(".", "\\.")} 3 1 Test$`),
    );

    await page.getByRole("button", { name: `Send a test event to ${topic}` }).click();
    expect(await page.getByLabel("Topic", { exact: true }).inputValue()).toBe(topic);
    await page.getByRole("button", { name: "Publish test event" }).click();
    await console.reads("#test-result .result-title", `“${topic}” reached 3 browsers.`);
    const rows = await page.locator("#test-result li").allTextContents();
    const [, other = ""] = await page.locator("#nodes tbody .node-id").allTextContents();
    expect(rows.length).toBe(2);
    expect(rows.find((row) => row.startsWith(other))).toMatch(
      /handed it to 2 browsers within [\d.]+ ms – known here after [\d.]+ ms$/,
    );
    expect(rows.find((row) => !row.startsWith(other))).toMatch(
      /handed it to 1 browser within [\d.]+ ms$/,
    );
    for (const socket of [first, second, third]) {
      expect(await socket.nextFrame()).toBe(
        '{"type":"push","payload":{"test":"from the operator\'s page"}}',
      );
    }

    // What is no JSON, and a topic that nobody has registered.
    await page.getByLabel("Payload (JSON)").fill("hello");
    await page.getByRole("button", { name: "Publish test event" }).click();
    await console.reads("#test-problem", /^The payload is no JSON: .* Text needs quotes\.$/);
    expect(await page.evaluate("document.activeElement.id")).toBe("test-payload");
    await page.getByLabel("Payload (JSON)").fill('"\u00fc 12345678901234567890"');
    await page.getByLabel("Topic", { exact: true }).fill("a new topic");
    await page.keyboard.press("Enter");
    await console.reads("#test-problem", /^This topic is not registered/);
    await page.getByRole("button", { name: "Register the topic and publish" }).click();
    await console.reads("#test-result .result-title", "“a new topic” reached 0 browsers.");
    await console.reads("#test-result > .note", /^No browser watches this topic/);
    // The one fault is the browser's own word about the answer 404.
    expect(console.faults.length).toBe(1);
    expect(console.faults[0]).toContain("404");
  });

  test("Redis that stops is told at once with what to do, and afterwards with what came of it", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
    const topic = await nodes.newTopic();
    await nodes.at(0).api.publish(topic, "1");
    using _browser = await nodes.at(0).subscribe(topic);
    await using console = await browser.enter(nodes.at(0));
    const { page } = console;
    await console.reads("#verdict-text", /^2 nodes serve 1 browser\. The last event came /);
    await console.reads("#verdict-title", "All is well");
    await redis.stop();
    await console.reads("#verdict-title", "There is a problem");
    await console.reads(
      "#problems .problem-what",
      /^Node [0-9a-f]{4} \(.+\) has lost Redis \(.+\): it serves its own browsers alone\.$/,
    );
    await console.reads("#problems .problem-since", /^Since \d\d:\d\d:\d\d, for [\d.]+ s$/);
    await console.reads(
      "#problems .problem-advice",
      new RegExp(`^What to do Is Redis at redis://127\\.0\\.0\\.1:${redis.port}/0 running`),
    );
    await console.reads(console.tile("Redis"), "down");
    await console.reads("#news", /^error: node .* has lost Redis/);
    expect(await page.title()).toBe("(1) 1 problem – Wavelog Worker");
    const states = page.locator("#nodes .state");
    expect(await states.allTextContents()).toEqual(["alone", "unknown"]);
    for (let event = 0; event < 14; event += 1) {
      await nodes.at(0).api.publish(topic, "1");
    }
    await redis.start();
    await console.reads("#verdict-title", "All is well", 20_000);
    await console.reads("#incidents", /lost Redis for [\d.]+ s; 14 events queued, all sent on/);
    await eventually(
      async () => (await states.allTextContents()).join() === "ready,ready",
      "both nodes to be ready",
    );
    expect(console.faults).toEqual(NOTHING);
  });

  test("a node that is killed is named, with where to look", async () => {
    await using redis = await RedisServer.start();
    await using nodes = await Nodes.start({ redis: redis.url, count: 2 });
    await using console = await browser.enter(nodes.at(0), { width: 390, height: 844 });
    await eventually(
      async () => (await console.page.locator("#nodes tbody tr").count()) === 2,
      "two nodes",
    );
    const [, other = ""] = await console.page.locator("#nodes tbody .node-id").allTextContents();
    await nodes.at(1).kill();
    await console.reads(
      "#problems .problem-what",
      new RegExp(`^Node ${other} \\(.+\\) has vanished without saying good-bye\\.$`),
      15_000,
    );
    await console.reads("#problems .problem-advice", /systemctl status wavelog_worker.*journalctl/);
    await console.reads('#nodes [data-state="gone"] .state', "gone");
  });
});

test("a page whose worker is gone says so, goes on trying, and is back by itself", async () => {
  const secret = randomSecret();
  await using worker = await startWorker({ target: SOURCE_RUN, secret });
  await using console = await browser.enter(worker);
  const { page } = console;
  await worker.kill();
  await console.reads("#link", "not live");
  await console.reads("#lost h2", "The connection is lost");
  await console.reads("#lost p", /^The worker does not answer\. Is it running \(systemctl status/);
  await console.reads(
    "#lost .note",
    /^What you see is from \d\d:\d\d:\d\d, [\d.]+ s ago; trying (?:again in \d+ s|now)\.$/,
  );
  // What it knew is still there to be read.
  expect(await page.locator("#nodes tbody tr").isVisible()).toBe(true);
  await using again = await startWorker({ target: SOURCE_RUN, secret, ports: worker.ports });
  await page
    .getByRole("button", { name: "Try now" })
    .click({ force: true })
    .catch(() => undefined);
  await console.isLive();
  expect(await page.locator("#lost").isVisible()).toBe(false);

  // One that is stopped in order says that itself; with another secret the page asks for it.
  expect(await again.stop()).toBe(0);
  await console.reads("#lost p", /^The worker was stopped or restarted\./);
  await using other = await startWorker({ target: SOURCE_RUN, ports: worker.ports });
  await console.reads("#secret-problem", /^That is not this worker's secret\./, 20_000);
  await console.submitSecret(other.secret);
  await console.isLive();
});

test("a secret that is changed while the page is open is asked for again", async () => {
  await using worker = await startWorker({ target: SOURCE_RUN });
  await using console = await browser.enter(worker);
  const secret = randomSecret();
  await worker.reload({ worker_secret: secret, worker_secret_previous: worker.secret });
  // Either is good meanwhile.
  await console.isLive();
  await worker.reload({ worker_secret_previous: undefined });
  await console.reads(
    "#secret-problem",
    "The secret has been changed meanwhile: enter the new one.",
  );
  await console.submitSecret(secret);
  await console.isLive();
});

test("with nothing to show it says what to look at", async () => {
  await using worker = await startWorker({ target: SOURCE_RUN });
  await using console = await browser.enter(worker);
  await console.reads("#verdict-title", "Nothing has come from Wavelog yet");
  await console.reads("#verdict-text", /same worker_secret\?$/);
  await console.reads("#ends-empty", "None has left since these nodes were started.");
  await console.reads("#refusals-empty", "All were let in.");
  await register(worker, "a");
  await worker.api.publish("a", "1");
  await console.reads("#verdict-title", "No browser is connected");
  await console.reads("#verdict-text", /does your web server pass \/ws on/);
  // Wavelog with another secret: the commonest fault of all.
  await worker.api.post("/internal/publish", "{}");
  const { status } = await fetch(`http://${LOOPBACK}:${worker.ports.internal}/internal/status`);
  expect(status).toBe(403);
  await console.reads(
    "#problems .problem-what",
    /refused 1 call without the right secret, the last from 127\.0\.0\.1\.$/,
  );
  await console.reads(
    "#problems .problem-advice",
    /put the same worker_secret into its configuration/,
  );
});

/**
 * Text that is too faint: each visible element with text of its own, its colour against the first
 * background behind it (WCAG 2.1, 1.4.3: 4.5 to 1, large text 3 to 1).
 */
const FAINT_TEXT = `(() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const backgroundOf = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) {
        return colour;
      }
    }
    return [255, 255, 255];
  };
  const faint = [];
  let seen = 0;
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some(
      (node) => node.nodeType === 3 && node.textContent.trim() !== "",
    );
    if (!hasText || element.checkVisibility() === false || element.closest(".unseen, .skip")) {
      continue;
    }
    seen += 1;
    const style = getComputedStyle(element);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const [a, b] = [luminance(parse(style.color)), luminance(backgroundOf(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < (isLarge ? 3 : 4.5)) {
      faint.push(element.className + " " + element.textContent.slice(0, 40) + " " + ratio.toFixed(2));
    }
  }
  return { seen, faint };
})()`;

describe.each(["light", "dark"] as const)("in %s colours", (scheme) => {
  test("all text is readable, at the door, when all is well and when it is not", async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    await register(worker, "a", "b");
    using _browser = await worker.subscribe("a");
    (await worker.subscribe("b"))[Symbol.dispose]();
    await worker.api.publish("a", "1");
    await using console = await browser.visit(worker, { scheme });
    const { page } = console;
    const check = async (least: number): Promise<void> => {
      const { seen, faint }: { seen: number; faint: string[] } = await page.evaluate(FAINT_TEXT);
      expect(faint).toEqual(NOTHING);
      expect(seen).toBeGreaterThan(least);
    };
    await console.submitSecret("wrong");
    await console.reads("#secret-problem", /./);
    await check(8);
    await console.submitSecret(worker.secret);
    await console.isLive();
    await console.reads("#ends li", /./);
    await check(40);
    await fetch(`http://${LOOPBACK}:${worker.ports.internal}/internal/status`);
    await console.reads("#problems li", /./);
    await page.getByRole("button", { name: "Send a test event to a" }).click();
    await page.getByRole("button", { name: "Publish test event" }).click();
    await console.reads("#test-result", /./);
    await check(50);
    const background = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    const [red = 0] = String(background).match(/\d+/g)?.map(Number) ?? [];
    expect(scheme === "light" ? red > 200 : red < 50).toBe(true);
    expect(console.faults.filter((fault) => !fault.includes("403"))).toEqual(NOTHING);
  });
});

test("colours follow the system until somebody chooses, and the choice stays", async () => {
  await using worker = await startWorker({ target: SOURCE_RUN });
  await using console = await browser.enter(worker, { scheme: "dark" });
  const { page } = console;
  const isDark = async (): Promise<boolean> => {
    const colour = String(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
    return Number(/\d+/.exec(colour)?.[0]) < 50;
  };
  expect(await isDark()).toBe(true);
  await page.getByRole("button", { name: "Colours: auto" }).click();
  await page.getByRole("button", { name: "Colours: light" }).waitFor();
  expect(await isDark()).toBe(false);
  await page.reload();
  await console.isLive();
  expect(await isDark()).toBe(false);
  await page.getByRole("button", { name: "Colours: light" }).click();
  expect(await isDark()).toBe(true);
  await page.emulateMedia({ colorScheme: "light" });
  expect(await isDark()).toBe(true);
});

describe.each([360, 390, 768, 1024, 1280])("%d pixels wide", (width) => {
  test("nothing has to be scrolled sideways, however long names are", async () => {
    await using worker = await startWorker({ target: SOURCE_RUN });
    await register(worker, "x".repeat(300), `${"logbook.".repeat(20)}end`);
    await using console = await browser.visit(worker, { width, height: 740 });
    const { page } = console;
    const overflow = (): Promise<unknown> =>
      page.evaluate(`[document.documentElement.scrollWidth - innerWidth,
        ...[...document.querySelectorAll("main :is(button, input, textarea, .card, .tile, td, th)")]
          .filter((one) => one.checkVisibility() && one.closest(".unseen, thead") === null)
          .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
          .map((one) => one.outerHTML.slice(0, 80))]`);
    expect(await overflow()).toEqual([0]);
    await console.submitSecret(worker.secret);
    await console.isLive();
    await console.reads("#topics tbody tr", /./);
    await page.getByLabel("Topic", { exact: true }).fill("x".repeat(300));
    await page.getByRole("button", { name: "Publish test event" }).click();
    await console.reads("#test-result", /reached 0 browsers/);
    await fetch(`http://${LOOPBACK}:${worker.ports.internal}/internal/status`);
    await console.reads("#problems li", /./);
    expect(await overflow()).toEqual([0]);
  });
});

/** What has the focus, and whether anybody can see that it does. */
const FOCUSED = `(() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const { top, bottom, width } = element.getBoundingClientRect();
  return {
    name: element === document.body ? "BODY" : element.id || element.textContent.trim().slice(0, 30),
    isMarked: outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2,
    isInView: width > 0 && bottom > 0 && top < innerHeight,
  };
})()`;

interface Focused {
  readonly name: string;
  readonly isMarked: boolean;
  readonly isInView: boolean;
}

test("everything can be done by keyboard alone, and the focus is always seen", async () => {
  await using worker = await startWorker({ target: SOURCE_RUN });
  await register(worker, "a", "b");
  await worker.api.publish("a", "1");
  await using console = await browser.visit(worker);
  const { page } = console;
  // The field has the focus already.
  await page.keyboard.type(worker.secret);
  await page.keyboard.press("Enter");
  await console.isLive();
  await console.reads("#topics tbody tr", /./);

  // From the top on.
  await page.reload();
  await console.isLive();
  await console.reads("#topics tbody tr", /./);
  const walk: Focused[] = [];
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press("Tab");
    const focused: Focused = await page.evaluate(FOCUSED);
    if (focused.name === "BODY") {
      break;
    }
    walk.push(focused);
  }
  expect(walk.filter(({ isMarked, isInView }) => !isMarked || !isInView)).toEqual([]);
  expect(walk.map(({ name }) => name)).toEqual(
    [
      "Skip to the state of the cluster",
      "theme",
      "forget",
      "2 min",
      "5 min",
      "10 min",
      "topics-search",
      "Topic",
      "Browsers",
      "Test",
      "Test",
      "Test",
      "test-topic",
      "test-payload",
      "test-submit",
    ].map((name) => name.slice(0, 30)),
  );

  // The skip link leads past the frame.
  await page.getByRole("link", { name: /^Skip/ }).focus();
  await page.keyboard.press("Enter");
  expect(await page.evaluate("document.activeElement.id")).toBe("verdict");

  const search = page.getByLabel("Search topics");
  await search.focus();
  await page.keyboard.type("b");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  expect(
    await page
      .locator("#topics")
      .getByRole("columnheader", { name: "Topic" })
      .getAttribute("aria-sort"),
  ).toBe("ascending");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  // The event's topic is filled in, and the button that sends it has the focus.
  expect(await page.evaluate("document.activeElement.id")).toBe("test-submit");
  await page.keyboard.press("Enter");
  await console.reads("#test-result .result-title", "“b” reached 0 browsers.");
});

interface AxNode {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
}

test("a screen reader finds names, headings, landmarks and what is told while it happens", async () => {
  await using worker = await startWorker({ target: SOURCE_RUN });
  await register(worker, "a");
  using _browser = await worker.subscribe("a");
  await worker.api.publish("a", "1");
  await using console = await browser.enter(worker);
  const { page } = console;
  await console.reads("#topics tbody tr", /./);
  const session = await console.context.newCDPSession(page);
  const { nodes } = (await session.send("Accessibility.getFullAXTree")) as { nodes: AxNode[] };
  const shown = nodes.filter(({ ignored }) => !ignored);
  const named = (...roles: readonly string[]): readonly string[] =>
    shown
      .filter(({ role }) => roles.includes(role?.value ?? ""))
      .map(({ name }) => name?.value ?? "");
  const controls = named("button", "textbox", "searchbox", "combobox", "link");
  expect(controls.length).toBeGreaterThanOrEqual(12);
  expect(controls.filter((name) => name === "")).toEqual([]);
  expect(named("banner").length).toBe(1);
  expect(named("main").length).toBe(1);
  expect(named("contentinfo").length).toBe(0);
  expect(named("region")).toEqual([
    "All is well",
    "Figures of the whole cluster",
    "Nodes",
    "The last minutes",
    "What happened",
    "Topics",
    "Try it",
    "Why browsers left",
  ]);
  expect(named("table")).toEqual(["Nodes", "Topics"]);
  expect(named("columnheader")).toContain("Deliveries/s");
  expect(named("rowheader").length).toBeGreaterThanOrEqual(3);
  const images = named("image", "img");
  expect(images.filter((name) => /over the last 10 minutes|no figures yet/.test(name)).length).toBe(
    4,
  );

  const facts: Record<string, unknown> = await page.evaluate(`({
    lang: document.documentElement.lang,
    headings: [...document.querySelectorAll("h1, h2, h3")]
      .filter((one) => one.checkVisibility()).map((one) => one.tagName).join(" "),
    live: [...document.querySelectorAll("[aria-live], [role=status], [role=alert]")]
      .map((one) => one.id).filter((id) => id !== ""),
    duplicates: [...document.querySelectorAll("[id]")].map((one) => one.id)
      .filter((id, index, all) => all.indexOf(id) !== index),
    references: [...document.querySelectorAll("[aria-labelledby], [aria-describedby]")]
      .flatMap((one) => [one.getAttribute("aria-labelledby"), one.getAttribute("aria-describedby")])
      .flatMap((ids) => ids === null ? [] : ids.split(" "))
      .filter((id) => document.getElementById(id) === null),
    small: [...document.querySelectorAll("button, input, textarea")]
      .filter((one) => one.checkVisibility() && one.closest(".unseen") === null)
      .map((one) => one.getBoundingClientRect())
      .filter(({ width, height }) => width < 24 || height < 24).length,
    moving: document.getAnimations().length,
  })`);
  expect(facts).toEqual({
    lang: "en",
    headings: "H1 H2 H2 H2 H2 H2 H2 H2 H3",
    live: expect.arrayContaining([
      "link",
      "lost",
      "news",
      "secret-problem",
      "test-problem",
      "test-result",
    ]),
    duplicates: [],
    references: [],
    // WCAG 2.2, 2.5.8.
    small: 0,
    // Who wants no motion gets none.
    moving: 0,
  });
});

test("what comes from outside is text and nothing else", async () => {
  await using worker = await startWorker({ target: SOURCE_RUN });
  const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  await register(worker, evil);
  await using console = await browser.enter(worker);
  const { page } = console;
  await console.reads("#topics tbody tr", /<img src=x onerror=/);
  await page.getByRole("button", { name: /^Send a test event to <img/ }).click();
  await page.getByRole("button", { name: "Publish test event" }).click();
  await console.reads("#test-result .result-title", /<script>/);
  expect(await page.locator("main img, main script").count()).toBe(0);
  expect(await page.title()).toBe("Wavelog Worker");
  expect(console.faults).toEqual(NOTHING);
});
