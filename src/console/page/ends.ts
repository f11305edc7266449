import type { SnapshotMessage } from "../messages.ts";
import { byId, make } from "./dom.ts";
import { count } from "./format.ts";
import { endReason, refusalReason } from "./reasons.ts";

/** Shows why browsers left and why they were not let in, those with the most cases first. */
export class EndsView {
  readonly #ends = byId("ends", HTMLUListElement);
  readonly #endsEmpty = byId("ends-empty", HTMLElement);
  readonly #refusals = byId("refusals", HTMLUListElement);
  readonly #refusalsEmpty = byId("refusals-empty", HTMLElement);
  #shown = "";

  show({ disconnects, refusals }: SnapshotMessage): void {
    const shown = JSON.stringify([disconnects, refusals]);
    if (shown !== this.#shown) {
      this.#shown = shown;
      render(this.#ends, this.#endsEmpty, disconnects, endReason);
      render(this.#refusals, this.#refusalsEmpty, refusals, refusalReason);
    }
  }
}

function render(
  list: HTMLUListElement,
  empty: HTMLElement,
  counts: Readonly<Record<string, number>>,
  reasonOf: typeof endReason,
): void {
  const rows = Object.entries(counts)
    .filter(([, cases]) => cases > 0)
    .sort(([, a], [, b]) => b - a);
  const most = Math.max(1, ...rows.map(([, cases]) => cases));
  empty.hidden = rows.length > 0;
  list.replaceChildren(
    ...rows.map(([name, cases]) => {
      const { words, advice } = reasonOf(name);
      const bar = make("div", { class: "reason-bar", attributes: { "aria-hidden": "true" } });
      bar.style.setProperty("--part", String(cases / most));
      const item = make(
        "li",
        {},
        make(
          "p",
          {},
          make("span", { class: "reason-count", text: count(cases) }),
          document.createTextNode(` ${words}`),
        ),
        bar,
      );
      if (advice !== undefined) {
        item.append(make("p", { class: "note", text: advice }));
      }
      return item;
    }),
  );
}
