import type { TopicRow, TopicsMessage } from "../messages.ts";
import { byId, make, setAttribute, setText } from "./dom.ts";
import { count, counted } from "./format.ts";

/** Rows that are shown at first, and with each further step. */
const STEP = 25;

/** Topics that are offered while one is typed into the test form. */
const OFFERED = 100;

type Order = "topic" | "everywhere" | "here";

/** Shows topics and how many browsers watch each; sorted and searched here. */
export class TopicsView {
  readonly #body = make("tbody");
  readonly #search = byId("topics-search", HTMLInputElement);
  readonly #count = byId("topics-count", HTMLElement);
  readonly #empty = byId("topics-empty", HTMLElement);
  readonly #more = byId("topics-more", HTMLButtonElement);
  readonly #offers = byId("test-topics", HTMLDataListElement);
  readonly #heads: readonly { readonly order: Order; readonly head: HTMLTableCellElement }[];
  readonly #onTest: (topic: string) => void;
  #message: TopicsMessage = { type: "topics", topics: [], left_out: 0, is_partial: false };
  #order: Order = "everywhere";
  #isDescending = true;
  #limit = STEP;
  #isCluster = false;

  /** @param onTest Somebody wants to send a test event to a topic. */
  constructor(onTest: (topic: string) => void) {
    this.#onTest = onTest;
    this.#heads = [
      this.#head("topic", "Topic"),
      this.#head("everywhere", "Browsers"),
      this.#head("here", "On this node"),
    ];
    const testHead = make(
      "th",
      { attributes: { scope: "col" } },
      make("span", { class: "unseen", text: "Test" }),
    );
    const row = make("tr", {}, ...this.#heads.map(({ head }) => head), testHead);
    byId("topics", HTMLTableElement).replaceChildren(make("thead", {}, row), this.#body);
    this.#search.addEventListener("input", () => {
      this.#limit = STEP;
      this.#render();
    });
    this.#more.addEventListener("click", () => {
      const first = this.#body.children.length;
      this.#limit += 4 * STEP;
      this.#render();
      // The button may be gone: whoever pressed it by keyboard goes on where the new rows begin.
      this.#body.children[first]?.querySelector("button")?.focus();
    });
    this.#render();
  }

  show(message: TopicsMessage): void {
    this.#message = message;
    this.#offers.replaceChildren(
      ...message.topics
        .slice(0, OFFERED)
        .map(([topic]) => make("option", { attributes: { value: topic } })),
    );
    this.#render();
  }

  /** With one node alone there is no difference between here and everywhere. */
  setCluster(isCluster: boolean): void {
    if (isCluster !== this.#isCluster) {
      this.#isCluster = isCluster;
      this.#render();
    }
  }

  #head(order: Order, title: string): { order: Order; head: HTMLTableCellElement } {
    const button = make("button", { text: title, attributes: { type: "button" } });
    button.addEventListener("click", () => {
      this.#isDescending = this.#order === order ? !this.#isDescending : order !== "topic";
      this.#order = order;
      this.#render();
    });
    return { order, head: make("th", { attributes: { scope: "col" } }, button) };
  }

  #render(): void {
    for (const { order, head } of this.#heads) {
      const direction = this.#isDescending ? "descending" : "ascending";
      setAttribute(head, "aria-sort", order === this.#order ? direction : "none");
      head.hidden = order === "here" && !this.#isCluster;
    }
    const wanted = this.#search.value.trim().toLowerCase();
    const found = this.#message.topics.filter(([topic]) => topic.toLowerCase().includes(wanted));
    const sorted = found.toSorted((a, b) => this.#compare(a, b));
    this.#renderRows(sorted.slice(0, this.#limit));
    this.#more.hidden = sorted.length <= this.#limit;
    setText(this.#more, `Show more (${count(sorted.length - this.#limit)} left)`);
    this.#renderNotes(wanted, sorted.length);
  }

  /** Rows of topics that stay are kept as they are, and so is the focus on one of their buttons. */
  #renderRows(rows: readonly TopicRow[]): void {
    const kept = new Map(
      [...this.#body.children].map((row) => [row.getAttribute("data-topic"), row]),
    );
    for (const [index, row] of rows.entries()) {
      const [topic, here, everywhere] = row;
      const element = kept.get(topic) ?? this.#row(row);
      kept.delete(topic);
      if (this.#body.children[index] !== element) {
        this.#body.insertBefore(element, this.#body.children[index] ?? null);
      }
      const [, allCell, hereCell] = element.children;
      if (allCell !== undefined && hereCell instanceof HTMLElement) {
        setText(allCell, count(everywhere));
        setText(hereCell, count(here));
        hereCell.hidden = !this.#isCluster;
      }
      setAttribute(element, "data-watched", String(everywhere > 0));
    }
    for (const row of kept.values()) {
      row.remove();
    }
  }

  #row([topic, , , isRegistered]: TopicRow): HTMLTableRowElement {
    const test = make("button", {
      class: "small",
      text: "Test",
      attributes: { type: "button", "aria-label": `Send a test event to ${topic}` },
    });
    test.addEventListener("click", () => this.#onTest(topic));
    const name = make(
      "th",
      { attributes: { scope: "row" } },
      make("span", { class: "topic", text: topic, attributes: { title: topic } }),
    );
    if (!isRegistered) {
      name.append(make("span", { class: "self", text: "not registered" }));
    }
    return make(
      "tr",
      { attributes: { "data-topic": topic } },
      name,
      make("td", { class: "figure" }),
      make("td", { class: "figure" }),
      make("td", { class: "action" }, test),
    );
  }

  #renderNotes(wanted: string, found: number): void {
    const { topics, left_out, is_partial } = this.#message;
    const total = topics.length + left_out;
    const shown =
      wanted === "" ? counted(total, "topic") : `${count(found)} of ${counted(total, "topic")}`;
    const rest = left_out > 0 ? `, those with the most browsers are here` : "";
    const partial = is_partial ? ", counts of other nodes are incomplete" : "";
    setText(this.#count, `${shown}${rest}${partial}`);
    this.#empty.hidden = found > 0;
    setText(
      this.#empty,
      wanted === ""
        ? "No topic is registered. Wavelog registers one when somebody opens a live page."
        : `No topic has "${wanted}" in its name.`,
    );
  }

  #compare([a, hereA, allA]: TopicRow, [b, hereB, allB]: TopicRow): number {
    const by = { topic: 0, everywhere: allA - allB, here: hereA - hereB }[this.#order];
    const ascending = by === 0 ? 0 : by;
    const byName = a < b ? -1 : 1;
    if (this.#order === "topic") {
      return this.#isDescending ? -byName : byName;
    }
    return (this.#isDescending ? -ascending : ascending) || byName;
  }
}
