import type { TestResult } from "../messages.ts";
import { type CallResult, publishTest, register } from "./calls.ts";
import { byId, make, setText } from "./dom.ts";
import { counted, millis, nodeName } from "./format.ts";

const DEFAULT_PAYLOAD = '{"test":"from the operator\'s page"}';

/** Publishes a test event and shows on which nodes it has arrived, and how fast. */
export class TestForm {
  readonly #topic = byId("test-topic", HTMLInputElement);
  readonly #payload = byId("test-payload", HTMLTextAreaElement);
  readonly #problem = byId("test-problem", HTMLElement);
  readonly #submit = byId("test-submit", HTMLButtonElement);
  readonly #register = byId("test-register", HTMLButtonElement);
  readonly #result = byId("test-result", HTMLElement);
  readonly #secret: () => string;
  #isBusy = false;

  /** @param secret The secret of this moment. */
  constructor(secret: () => string) {
    this.#secret = secret;
    this.#payload.value = DEFAULT_PAYLOAD;
    byId("test-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#publish();
    });
    this.#register.addEventListener("click", () => void this.#registerAndPublish());
    this.#topic.addEventListener("input", () => {
      this.#register.hidden = true;
      this.#fault(undefined, "");
    });
    this.#payload.addEventListener("input", () => this.#fault(undefined, ""));
  }

  /** Fills a topic in, for somebody who has chosen it elsewhere. */
  choose(topic: string): void {
    this.#topic.value = topic;
    this.#register.hidden = true;
    this.#fault(undefined, "");
    this.#submit.focus();
  }

  async #publish(): Promise<void> {
    const topic = this.#topic.value;
    const payload = this.#payload.value.trim();
    const isGood = this.#check(topic, payload);
    if (!isGood || this.#isBusy) {
      return;
    }
    await this.#whileBusy(async () => {
      const result = await publishTest(this.#secret(), topic, payload);
      if (result.ok) {
        this.#register.hidden = true;
        this.#show(topic, result.value);
      } else {
        this.#result.replaceChildren();
        this.#explain(result);
      }
    });
  }

  async #registerAndPublish(): Promise<void> {
    const topic = this.#topic.value;
    await this.#whileBusy(async () => {
      const result = await register(this.#secret(), topic);
      if (!result.ok) {
        this.#explain(result);
      }
    });
    this.#register.hidden = true;
    if (this.#problem.textContent === "") {
      await this.#publish();
    }
  }

  async #whileBusy(work: () => Promise<void>): Promise<void> {
    this.#isBusy = true;
    this.#fault(undefined, "");
    this.#submit.setAttribute("aria-busy", "true");
    setText(this.#submit, "Publishing…");
    try {
      await work();
    } finally {
      this.#isBusy = false;
      this.#submit.removeAttribute("aria-busy");
      setText(this.#submit, "Publish test event");
    }
  }

  #check(topic: string, payload: string): boolean {
    if (topic === "") {
      this.#fault(this.#topic, "Choose a topic, or type one.");
      return false;
    }
    try {
      JSON.parse(payload);
      return true;
    } catch (fault) {
      const why = fault instanceof Error ? fault.message : String(fault);
      this.#fault(this.#payload, `The payload is no JSON: ${why}. Text needs quotes.`);
      return false;
    }
  }

  #explain({ status, text }: Extract<CallResult<unknown>, { ok: false }>): void {
    switch (status) {
      case 404:
        this.#register.hidden = false;
        this.#fault(
          this.#topic,
          "This topic is not registered, so nobody can watch it. Wavelog registers it when somebody opens the page.",
        );
        return;
      case 403:
        this.#fault(
          undefined,
          "The secret is no longer the right one: lock this page and open it again.",
        );
        return;
      case 503:
        this.#fault(
          undefined,
          "The worker has too much to do at the moment. Try again in a few seconds.",
        );
        return;
      case 0:
        this.#fault(
          undefined,
          "The worker does not answer. Is the connection lost? The top of the page says so.",
        );
        return;
      default:
        this.#fault(undefined, `The worker refused it: ${status} ${text}`);
    }
  }

  #fault(field: HTMLInputElement | HTMLTextAreaElement | undefined, text: string): void {
    setText(this.#problem, text);
    for (const one of [this.#topic, this.#payload]) {
      one.setAttribute("aria-invalid", String(one === field));
    }
    field?.focus();
  }

  #show(topic: string, { node: self, nodes, silent, redis, other_workers }: TestResult): void {
    const hosts = new Map([...nodes, ...silent].map(({ node, host }) => [node, host]));
    const sockets = nodes.reduce((sum, node) => sum + node.sockets, 0);
    const arrived = nodes.map((node) =>
      make(
        "li",
        { attributes: { "data-ok": "true" } },
        make("strong", { text: nodeName(node.node, hosts) }),
        document.createTextNode(
          ` handed it to ${counted(node.sockets, "browser")} within ${millis(node.handed_ms)}`,
        ),
        make("span", {
          class: "note",
          text: node.node === self ? "" : ` – known here after ${millis(node.confirmed_ms)}`,
        }),
      ),
    );
    const missing = silent.map(({ node }) =>
      make(
        "li",
        { attributes: { "data-ok": "false" } },
        make("strong", { text: nodeName(node, hosts) }),
        document.createTextNode(
          " did not answer within 2 s: it is busy or cut off. If its state above is ready, try again.",
        ),
      ),
    );
    const notes = [
      sockets === 0 ? "No browser watches this topic at the moment, so nobody has seen it." : "",
      redis === "down"
        ? "Redis is out of reach: browsers of the other nodes get it when it is back."
        : "",
      other_workers > 0
        ? `${counted(other_workers, "more worker")} cannot tell whether it arrived.`
        : "",
    ].filter((note) => note !== "");
    this.#result.replaceChildren(
      make("p", {
        class: "result-title",
        text: `“${topic}” reached ${counted(sockets, "browser")}.`,
      }),
      make("ul", {}, ...arrived, ...missing),
      ...notes.map((text) => make("p", { class: "note", text })),
    );
  }
}
