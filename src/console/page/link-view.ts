import { plainDuration } from "../../observability/plain-duration.ts";
import type { LinkState, LossReason } from "./connection.ts";
import { byId, make, setAttribute, setText } from "./dom.ts";

/** What is wrong when there is no connection, and what to do about it. */
export const LOSSES: Readonly<Record<LossReason, string>> = {
  no_answer:
    "The worker does not answer. Is it running (systemctl status wavelog_worker), and does this device still reach it?",
  restart:
    "The worker was stopped or restarted. If it does not come back within a few seconds, look at its log (journalctl -u wavelog_worker -n 50).",
  full: "There are as many of these pages open as there may be: close one that nobody looks at.",
  blocked:
    "The worker answers, but its live connection does not come through. If there is a proxy in between, it has to pass on the headers Upgrade, Connection and Host.",
};

/** Shows whether what is on the page is live, and if not since when, and why. */
export class LinkView {
  readonly #link = byId("link", HTMLElement);
  readonly #lost = byId("lost", HTMLElement);
  readonly #page = byId("console", HTMLElement);
  readonly #onRetry: () => void;
  #state: LinkState = { state: "connecting" };
  #lostText: { readonly why: HTMLElement; readonly when: HTMLElement } | undefined;

  /** @param onRetry Somebody does not want to wait for the next attempt. */
  constructor(onRetry: () => void) {
    this.#onRetry = onRetry;
    setInterval(() => this.#render(), 1000);
  }

  show(state: LinkState): void {
    this.#state = state;
    this.#render();
  }

  #render(): void {
    const state = this.#state;
    setAttribute(this.#link, "data-state", state.state);
    setText(this.#link, WORDS[state.state]);
    const isLost = state.state === "lost";
    setAttribute(this.#page, "data-stale", String(isLost));
    this.#lost.hidden = !isLost;
    if (!isLost) {
      this.#lostText = undefined;
      this.#lost.replaceChildren();
      return;
    }
    const texts = this.#lostText ?? this.#makeLost();
    const now = Date.now();
    const since = new Date(state.since).toLocaleTimeString("en-GB");
    const waitMs = Math.max(0, state.nextAt - now);
    const next = waitMs < 500 ? "trying now" : `trying again in ${plainDuration(waitMs + 500)}`;
    setText(texts.why, LOSSES[state.why]);
    setText(
      texts.when,
      `What you see is from ${since}, ${plainDuration(now - state.since)} ago; ${next}.`,
    );
  }

  #makeLost(): { readonly why: HTMLElement; readonly when: HTMLElement } {
    const why = make("p", {});
    // Counts every second: nothing to be read out each time.
    const when = make("p", { class: "note", attributes: { "aria-live": "off" } });
    const retry = make("button", { text: "Try now", attributes: { type: "button" } });
    retry.addEventListener("click", () => this.#onRetry());
    this.#lost.replaceChildren(
      make("div", {}, make("h2", { text: "The connection is lost" }), why, when),
      retry,
    );
    this.#lostText = { why, when };
    return this.#lostText;
  }
}

const WORDS: Readonly<Record<LinkState["state"], string>> = {
  connecting: "connecting…",
  live: "live",
  lost: "not live",
  refused: "locked",
};
