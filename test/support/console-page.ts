import type { Browser, BrowserContext, Page } from "playwright-core";
import { eventually } from "./changes.ts";
import { launchChromium } from "./chromium.ts";
import { LOOPBACK } from "./tcp-client.ts";
import type { WorkerProcess } from "./worker.ts";

/** Tells of what the page's policy forbids; the browser itself says it on the console. */
const WATCH_POLICY = `addEventListener("securitypolicyviolation", (event) => {
  console.error("policy: " + event.violatedDirective + " " + event.blockedURI);
});`;

/** How somebody looks at the page. */
export interface Eyes {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
  /** Where the page is, when not at the worker itself. */
  readonly url?: string;
}

/** A real browser for the operator's page. */
export class ConsoleBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<ConsoleBrowser> {
    return new ConsoleBrowser(await launchChromium());
  }

  /** Opens the page as somebody who has not been here before. */
  async visit(worker: WorkerProcess, eyes: Eyes = {}): Promise<ConsolePage> {
    const { width = 1280, height = 900, scheme = "light" } = eyes;
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion: "reduce",
    });
    await context.addInitScript(WATCH_POLICY);
    const url = eyes.url ?? `http://${LOOPBACK}:${worker.ports.internal}/`;
    return await ConsolePage.open(context, url);
  }

  /** Opens it and enters the secret. */
  async enter(worker: WorkerProcess, eyes: Eyes = {}): Promise<ConsolePage> {
    const console = await this.visit(worker, eyes);
    await console.submitSecret(worker.secret);
    await console.isLive();
    return console;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** The operator's page in a tab, and all that is not as it should be there. */
export class ConsolePage implements AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors and warnings of the browser's console, and exceptions of the page. */
  readonly faults: string[] = [];
  /** URLs that were asked for. */
  readonly requests: string[] = [];
  readonly #url: string;

  private constructor(page: Page, url: string) {
    this.page = page;
    this.context = page.context();
    this.#url = url;
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        this.faults.push(message.text());
      }
    });
    page.on("pageerror", (fault) => this.faults.push(String(fault)));
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("websocket", (socket) => this.requests.push(socket.url()));
  }

  /** Opens the page in a new tab. */
  static async open(context: BrowserContext, url: string): Promise<ConsolePage> {
    const console = new ConsolePage(await context.newPage(), url);
    await console.page.goto(url);
    return console;
  }

  /** The page in another tab of the same browser. */
  async otherTab(): Promise<ConsolePage> {
    return await ConsolePage.open(this.context, this.#url);
  }

  async submitSecret(secret: string): Promise<void> {
    await this.page.getByLabel("Secret").fill(secret);
    await this.page.getByRole("button", { name: "Open" }).click();
  }

  /** Waits until what it shows is live. */
  async isLive(): Promise<void> {
    await this.reads("#link", "live");
    await this.page.locator("#nodes tbody tr").first().waitFor();
  }

  /** The text of an element as it is laid out, spaces made even. */
  async text(selector: string): Promise<string> {
    // Unlike the text content, it has a space between cells.
    // biome-ignore lint/performance/useDomNodeTextContent: a browser's locator, no DOM node
    const text = await this.page.locator(selector).first().innerText();
    return text.replace(/\s+/g, " ").trim();
  }

  /** Waits until an element says this. */
  async reads(selector: string, wanted: string | RegExp, deadlineMs?: number): Promise<void> {
    let last = "";
    const isSo = async (): Promise<boolean> => {
      last = await this.text(selector);
      return typeof wanted === "string" ? last === wanted : wanted.test(last);
    };
    await eventually(isSo, `${selector} to say ${wanted}`, deadlineMs).catch((cause: unknown) => {
      throw new Error(`${selector} says "${last}", not ${wanted}`, { cause });
    });
  }

  /** A figure of the whole cluster, by its name. */
  tile(name: string): string {
    return `.tile:has(dt:text-is("${name}")) .tile-value`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}
