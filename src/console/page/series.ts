import { FIGURES, type FigureName } from "../../observability/history.ts";
import type { HistoryMessage, NodeView, SnapshotMessage } from "../messages.ts";
import { heardNodes } from "./heard-nodes.ts";

/** How much of the past is kept, in seconds; as much as the worker does. */
const KEPT_SECONDS = 600;

/** Nodes with a line of their own: there are as many colours. */
export const MAX_LINES = 8;

type Column = (number | null)[];

/** A node's figures over time, each column as long as the times. */
export interface NodeSeries {
  readonly node: string;
  readonly columns: Readonly<Record<FigureName, Column>>;
}

/** The past of all nodes, as it is drawn: begun with what the worker remembers, then prolonged. */
export class Series {
  readonly #times: number[] = [];
  #nodes: NodeSeries[] = [];

  /** Unix seconds, rising. */
  get times(): readonly number[] {
    return this.#times;
  }

  /** In the order in which they have come. */
  get nodes(): readonly NodeSeries[] {
    return this.#nodes;
  }

  /** Begins anew with what the worker remembers. */
  start({ times, nodes }: HistoryMessage): void {
    this.#times.splice(0, this.#times.length, ...times);
    this.#nodes = nodes.slice(0, MAX_LINES).map(({ node, columns }) => ({
      node,
      columns: eachFigure((name) => [...columns[name]]),
    }));
  }

  /** Adds a second. */
  add(snapshot: SnapshotMessage): void {
    const { at } = snapshot;
    const second = Math.round(at / 1000);
    if (second <= (this.#times.at(-1) ?? 0)) {
      return;
    }
    const isOld = this.#times.length >= KEPT_SECONDS;
    if (isOld) {
      this.#times.shift();
    }
    this.#times.push(second);
    const here = heardNodes(snapshot);
    for (const { node } of here) {
      const isKnown = this.#nodes.some((one) => one.node === node);
      if (!isKnown && this.#nodes.length < MAX_LINES) {
        const before = this.#times.length - (isOld ? 0 : 1);
        const columns = eachFigure(() => new Array<number | null>(before).fill(null));
        this.#nodes.push({ node, columns });
      }
    }
    for (const { node, columns } of this.#nodes) {
      const view = here.find((one) => one.node === node);
      for (const name of FIGURES) {
        const column = columns[name];
        if (isOld) {
          column.shift();
        }
        column.push(view === undefined ? null : figureOf(view, name));
      }
    }
    this.#nodes = this.#nodes.filter(({ columns }) => columns.sockets.some((one) => one !== null));
  }
}

function figureOf(node: NodeView, name: FigureName): number | null {
  switch (name) {
    case "sockets":
      return node.sockets;
    case "publishes":
      return node.publishes_per_s;
    case "deliveries":
      return node.deliveries_per_s;
    case "lag":
      return node.lag_ms;
    case "redis":
      return node.probe_ms;
  }
}

function eachFigure<Value>(makeOne: (name: FigureName) => Value): Record<FigureName, Value> {
  return {
    sockets: makeOne("sockets"),
    publishes: makeOne("publishes"),
    deliveries: makeOne("deliveries"),
    lag: makeOne("lag"),
    redis: makeOne("redis"),
  };
}
