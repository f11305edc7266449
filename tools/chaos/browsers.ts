/**
 * Browsers of Wavelog, many in one process: started by the chaos script, told and telling in lines of
 * JSON. See {@link BrowsersOrder} and {@link BrowsersReport}.
 */
import { signToken } from "../../src/protocol/token.ts";
import { BrowserClient } from "../../test/browser/browser-rules.ts";
import { report, takeOrders } from "./helper.ts";
import { eventKey } from "./ledger.ts";

/** The first order opens the pages; the others change what happens with them. */
export interface BrowsersOrder {
  /** Pages to be opened, one for each entry: its topic. Numbered from 0. */
  readonly open?: readonly string[];
  /** The WebSocket endpoint, without `?topic=`. */
  readonly endpoint?: string;
  /** PEM text of the authority for `wss://`. */
  readonly ca?: string;
  /** From now on pages are loaded with tokens of this secret. */
  readonly secret?: string;
  /** Loads every page anew, one after another within this time, in milliseconds. */
  readonly reloadMs?: number;
  readonly stop?: boolean;
}

/** What has happened since the last report. `at`: Unix time in milliseconds. */
export interface BrowsersReport {
  readonly changes: readonly BrowserChange[];
  /** Pairs: a socket, and the key of the event that came over it. */
  readonly got: readonly number[];
}

export type BrowserChange = { readonly browser: number; readonly at: number } & (
  | { readonly is: "live"; readonly socket: number; readonly absentMs?: number }
  | { readonly is: "lost" | "given up"; readonly why: string }
  | { readonly is: "left" }
);

/** Between two reports, in milliseconds. */
const REPORT_EVERY_MS = 50;

/** Pages that are opened in one go at the start, and the pause after them: people come one by one. */
const OPEN_AT_ONCE = 10;
const OPEN_PAUSE_MS = 40;

/** Longer than a run, in seconds. */
const TOKEN_SECONDS = 24 * 3600;

/** What the PHP of the script publishes. */
interface EventPayload {
  readonly p: number;
  readonly n: number;
}

let changes: BrowserChange[] = [];
let got: number[] = [];
/** Sockets that were let in so far. */
let sockets = 0;
let endpoint = "";
let secret = "";
let tls: { ca: string } | undefined;
const pages: Page[] = [];

/** A page that shows one topic, loaded again and again. */
class Page {
  readonly #browser: number;
  readonly #topic: string;
  /** Which of all sockets it has. */
  #socket = 0;
  #client: BrowserClient | undefined;
  /** When it lost its socket, on this process' clock; `undefined` while it is live or new. */
  #lostAt: number | undefined;

  constructor(browser: number, topic: string) {
    this.#browser = browser;
    this.#topic = topic;
  }

  /** Loads the page: PHP puts a new token into it. */
  load(): void {
    const expires = Math.floor(Date.now() / 1000) + TOKEN_SECONDS;
    const claims = { userId: this.#browser + 1, topic: this.#topic, expires };
    this.#lostAt = undefined;
    const client = new BrowserClient({
      url: `${endpoint}?topic=${encodeURIComponent(this.#topic)}`,
      token: signToken(claims, secret),
      open: (url) => new WebSocket(url, tls === undefined ? {} : { tls }),
      onPush: (payload) => {
        const { p, n } = payload as EventPayload;
        got.push(this.#socket, eventKey(p, n));
      },
      onState: (state, why) => this.#changed(client, state, why),
    });
    this.#client = client;
    client.connect();
  }

  reload(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.close();
    changes.push({ is: "left", browser: this.#browser, at: Date.now() });
    this.load();
  }

  #changed(client: BrowserClient, state: BrowserClient["state"], why: string): void {
    if (this.#client !== client) {
      return;
    }
    const { at, browser } = { at: Date.now(), browser: this.#browser };
    switch (state) {
      case "connecting":
        return;
      case "live": {
        const lostAt = this.#lostAt;
        const absence = lostAt === undefined ? {} : { absentMs: performance.now() - lostAt };
        this.#lostAt = undefined;
        sockets += 1;
        this.#socket = sockets;
        changes.push({ is: "live", browser, at, socket: sockets, ...absence });
        return;
      }
      case "waiting":
        this.#lostAt ??= performance.now();
        changes.push({ is: "lost", browser, at, why });
        return;
      case "given up":
        changes.push({ is: "given up", browser, at, why });
        return;
    }
  }
}

async function open(topics: readonly string[]): Promise<void> {
  for (const [browser, topic] of topics.entries()) {
    const page = new Page(browser, topic);
    pages.push(page);
    page.load();
    if ((browser + 1) % OPEN_AT_ONCE === 0) {
      await Bun.sleep(OPEN_PAUSE_MS);
    }
  }
}

function reload(withinMs: number): void {
  for (const [index, page] of pages.entries()) {
    setTimeout(() => page.reload(), (index * withinMs) / pages.length);
  }
}

function tell(): void {
  if (changes.length > 0 || got.length > 0) {
    report({ changes, got } satisfies BrowsersReport);
    changes = [];
    got = [];
  }
}

setInterval(tell, REPORT_EVERY_MS);
await takeOrders<BrowsersOrder>((order) => {
  endpoint = order.endpoint ?? endpoint;
  secret = order.secret ?? secret;
  tls = order.ca === undefined ? tls : { ca: order.ca };
  if (order.open !== undefined) {
    void open(order.open);
  }
  if (order.reloadMs !== undefined) {
    reload(order.reloadMs);
  }
  if (order.stop === true) {
    tell();
    process.exit(0);
  }
});
