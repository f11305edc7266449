import { plainDuration } from "../../observability/plain-duration.ts";
import type { Incident } from "../../protocol/incident.ts";
import type { SnapshotMessage } from "../messages.ts";
import { byId, make, setText } from "./dom.ts";
import { clockTime, nodeName } from "./format.ts";

/** How many are shown until somebody wants to see all. */
const AT_FIRST = 8;

/** What a level is called for those who see no colour. */
const LEVELS: Readonly<Record<Incident["level"], string>> = {
  info: "for your information",
  warning: "warning",
  error: "error",
};

/** Shows what has happened lately, and tells screen readers of what is new. */
export class IncidentsView {
  readonly #list = byId("incidents", HTMLOListElement);
  readonly #empty = byId("incidents-empty", HTMLElement);
  readonly #news = byId("news", HTMLElement);
  readonly #more = byId("incidents-more", HTMLButtonElement);
  #limit = AT_FIRST;
  #shown = "";
  /** Those that have been told; `undefined` before the first look. */
  #told: Set<string> | undefined;

  constructor() {
    this.#more.addEventListener("click", () => {
      this.#limit = Number.POSITIVE_INFINITY;
      this.#more.hidden = true;
      for (const item of this.#list.querySelectorAll("li")) {
        item.hidden = false;
      }
    });
  }

  show({ incidents, at }: SnapshotMessage, hosts: ReadonlyMap<string, string>): void {
    const shown = JSON.stringify([incidents, [...hosts]]);
    if (shown === this.#shown) {
      return;
    }
    this.#shown = shown;
    this.#empty.hidden = incidents.length > 0;
    const items = incidents.map((incident) => item(incident, at, hosts));
    for (const one of items.slice(this.#limit)) {
      one.hidden = true;
    }
    this.#list.replaceChildren(...items);
    this.#more.hidden = items.length <= this.#limit;
    setText(this.#more, `Show all ${items.length}`);
    this.#tellNews(incidents, hosts);
  }

  #tellNews(incidents: readonly Incident[], hosts: ReadonlyMap<string, string>): void {
    const known = this.#told;
    const keys = incidents.map(({ node, kind, since, until }) => {
      return `${node} ${kind} ${since} ${until === null}`;
    });
    this.#told = new Set(keys);
    if (known === undefined) {
      return;
    }
    const news = incidents.filter((_, index) => !known.has(keys[index] ?? ""));
    if (news.length > 0) {
      setText(this.#news, news.map((one) => sentence(one, hosts)).join(" "));
    }
  }
}

function item(incident: Incident, at: number, hosts: ReadonlyMap<string, string>): HTMLLIElement {
  const { node, level, text, advice, since, until } = incident;
  const ms = until === null ? 0 : Date.parse(until) - Date.parse(since);
  const length =
    until === null ? (level === "info" ? "" : "goes on") : ms >= 1000 ? plainDuration(ms) : "";
  const what = make(
    "div",
    { class: "incident-what" },
    make(
      "p",
      {},
      make("span", { class: "unseen", text: `${LEVELS[level]}: ` }),
      make("strong", { text: `node ${nodeName(node, hosts)}` }),
      document.createTextNode(` ${text}`),
    ),
  );
  if (advice !== "" && until !== null && level !== "info") {
    what.append(make("p", { class: "note", text: advice }));
  }
  return make(
    "li",
    { attributes: { "data-level": level, "data-open": String(until === null) } },
    make(
      "div",
      { class: "incident-when" },
      make("time", { text: clockTime(since, at), attributes: { datetime: since } }),
      make("span", { class: "incident-length", text: length }),
    ),
    what,
  );
}

function sentence(
  { node, text, advice, until, level }: Incident,
  hosts: ReadonlyMap<string, string>,
): string {
  const todo = until === null && advice !== "" ? ` ${advice}` : "";
  return `${LEVELS[level]}: node ${nodeName(node, hosts)} ${text}.${todo}`;
}
