import type { NodeState, NodeView, SnapshotMessage } from "../messages.ts";
import { byId, make, setAttribute, setText } from "./dom.ts";
import {
  clockTime,
  count,
  counted,
  lengthSince,
  millis,
  rate,
  shortNode,
  UNKNOWN,
} from "./format.ts";

/** A state in a word, and what that means. */
const STATES: Readonly<Record<NodeState, { readonly word: string; readonly means: string }>> = {
  ready: { word: "ready", means: "does all its work" },
  degraded: { word: "alone", means: "serves its own browsers without Redis" },
  not_ready: { word: "not ready", means: "does not do its work" },
  draining: { word: "draining", means: "sends its browsers to the other nodes and stops" },
  unknown: { word: "unknown", means: "says nothing of its state, or cannot be heard" },
  gone: { word: "gone", means: "has vanished without saying good-bye" },
  left: { word: "stopped", means: "has stopped as it should" },
};

interface Column {
  readonly name: string;
  readonly read: (node: NodeView, at: number) => string;
  readonly isFigure?: true;
}

const COLUMNS: readonly Column[] = [
  {
    name: "Up for",
    read: ({ started, silent_since }, at) =>
      silent_since === null
        ? (lengthSince(started, at) ?? UNKNOWN)
        : `last seen ${clockTime(silent_since, at)}`,
  },
  { name: "Browsers", read: ({ sockets }) => count(sockets), isFigure: true },
  { name: "People", read: ({ clients }) => count(clients), isFigure: true },
  {
    name: "Topics watched",
    read: ({ active_topics }) => count(active_topics),
    isFigure: true,
  },
  { name: "Events/s", read: ({ publishes_per_s }) => rate(publishes_per_s), isFigure: true },
  { name: "Deliveries/s", read: ({ deliveries_per_s }) => rate(deliveries_per_s), isFigure: true },
  { name: "Lag", read: ({ lag_ms }) => millis(lag_ms), isFigure: true },
  { name: "Redis", read: ({ probe_ms }) => millis(probe_ms), isFigure: true },
  {
    name: "Waiting",
    read: ({ outbox }) =>
      outbox === null
        ? UNKNOWN
        : `${count(outbox.events)}${outbox.dropped > 0 ? ` (${count(outbox.dropped)} lost)` : ""}`,
    isFigure: true,
  },
  { name: "Version", read: ({ version }) => version.split("+")[0] ?? version },
];

interface Row {
  readonly row: HTMLTableRowElement;
  readonly state: HTMLElement;
  readonly means: HTMLElement;
  readonly cells: readonly HTMLElement[];
}

/** Shows each node and how it does. On a narrow screen each row becomes a card. */
export class NodesView {
  readonly #body = make("tbody", { attributes: { role: "rowgroup" } });
  readonly #note = byId("nodes-note", HTMLElement);
  readonly #rows = new Map<string, Row>();

  constructor() {
    const names = ["Node", "State", ...COLUMNS.map(({ name }) => name)];
    const heads = names.map((name) =>
      make("th", { text: name, attributes: { scope: "col", role: "columnheader" } }),
    );
    const head = make("tr", { attributes: { role: "row" } }, ...heads);
    const table = byId("nodes", HTMLTableElement);
    // Said, since what a narrow screen makes of the table would else be none to a screen reader.
    table.setAttribute("role", "table");
    table.replaceChildren(make("thead", { attributes: { role: "rowgroup" } }, head), this.#body);
  }

  show({ nodes, at, node: self, other_workers }: SnapshotMessage): void {
    for (const [node, { row }] of this.#rows) {
      if (!nodes.some((one) => one.node === node)) {
        row.remove();
        this.#rows.delete(node);
      }
    }
    for (const [index, node] of nodes.entries()) {
      const row = this.#rows.get(node.node) ?? this.#add(node, node.node === self);
      if (this.#body.children[index] !== row.row) {
        this.#body.insertBefore(row.row, this.#body.children[index] ?? null);
      }
      const { word, means } = STATES[node.state];
      setAttribute(row.row, "data-state", node.state);
      setText(row.state, word);
      setText(row.means, means);
      for (const [column, cell] of row.cells.entries()) {
        setText(cell, COLUMNS[column]?.read(node, at) ?? "");
      }
    }
    setText(
      this.#note,
      other_workers === 0
        ? ""
        : `${counted(other_workers, "more worker")} ${other_workers === 1 ? "hears" : "hear"} the same events and ${other_workers === 1 ? "says" : "say"} nothing of ${other_workers === 1 ? "itself" : "themselves"}: of the original implementation, or just started.`,
    );
  }

  #add({ node, host }: NodeView, isSelf: boolean): Row {
    const state = make("span", { class: "state" });
    const means = make("span", { class: "unseen" });
    const cells = COLUMNS.map(({ name, isFigure }) =>
      make("td", {
        ...(isFigure === true ? { class: "figure" } : {}),
        attributes: { role: "cell", "data-label": name },
      }),
    );
    const name = make(
      "th",
      { attributes: { scope: "row", role: "rowheader" } },
      make("span", { class: "node-id", text: shortNode(node), attributes: { title: node } }),
      make("span", { class: "node-host", text: ` ${host}` }),
    );
    if (isSelf) {
      name.append(make("span", { class: "self", text: "this one" }));
    }
    const stateCell = make(
      "td",
      { attributes: { role: "cell", "data-label": "State" } },
      state,
      document.createTextNode(" "),
      means,
    );
    const row = make("tr", { attributes: { role: "row" } }, name, stateCell, ...cells);
    this.#body.append(row);
    const made = { row, state, means, cells };
    this.#rows.set(node, made);
    return made;
  }
}
