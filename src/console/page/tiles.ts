import type { NodeView, SnapshotMessage } from "../messages.ts";
import { byId, make, setAttribute, setText } from "./dom.ts";
import { ago, count, counted, millis, rate } from "./format.ts";
import { heardNodes } from "./heard-nodes.ts";

interface Tile {
  readonly name: string;
  /** The figure, and what it means in the case at hand. */
  readonly read: (snapshot: SnapshotMessage, here: readonly NodeView[]) => Reading;
}

interface Reading {
  readonly value: string;
  readonly note: string;
  readonly isBad?: boolean;
}

/** A lag above this is felt by people, in milliseconds. */
const SLOW_MS = 500;

const TILES: readonly Tile[] = [
  {
    name: "Browsers",
    read: (_snapshot, here) => ({
      value: count(sum(here, ({ sockets }) => sockets)),
      note: `of ${counted(sum(here, ({ clients }) => clients) ?? 0, "person", "people")}`,
    }),
  },
  {
    name: "Events published",
    read: ({ at }, here) => {
      const last = here
        .flatMap(({ last_publish }) => last_publish ?? [])
        .sort()
        .at(-1);
      const when = last === undefined ? undefined : ago(last, at);
      return {
        value: `${rate(sum(here, ({ publishes_per_s }) => publishes_per_s))}/s`,
        note: when === undefined ? "none since the start" : `the last ${when}`,
      };
    },
  },
  {
    name: "Deliveries",
    read: (_snapshot, here) => ({
      value: `${rate(sum(here, ({ deliveries_per_s }) => deliveries_per_s))}/s`,
      note: "events times browsers",
    }),
  },
  {
    name: "Delivery lag",
    read: (_snapshot, here) => {
      const lag = most(here, ({ lag_ms }) => lag_ms);
      return {
        value: millis(lag),
        note: here.length > 1 ? "from PHP to the socket, slowest node" : "from PHP to the socket",
        isBad: (lag ?? 0) > SLOW_MS,
      };
    },
  },
  {
    name: "Redis",
    read: ({ redis }, here) => {
      const waiting = sum(here, ({ outbox }) => outbox?.events ?? 0) ?? 0;
      switch (redis) {
        case "off":
          return { value: "none", note: "a single worker needs none" };
        case "down":
          return { value: "down", note: `${counted(waiting, "event")} wait`, isBad: true };
        case "up":
          return {
            value: millis(most(here, ({ probe_ms }) => probe_ms)),
            note:
              waiting === 0
                ? "there and back, nothing waits"
                : `there and back, ${count(waiting)} wait`,
          };
      }
    },
  },
  {
    name: "Topics",
    read: (_snapshot, here) => ({
      value: count(most(here, ({ topics }) => topics)),
      note: "registered by Wavelog",
    }),
  },
];

/** Shows the figures of the whole cluster. */
export class TilesView {
  readonly #cells = TILES.map(({ name }) => {
    const value = make("dd", { class: "tile-value" });
    const note = make("dd", { class: "tile-note" });
    const tile = make("div", { class: "tile" }, make("dt", { text: name }), value, note);
    return { tile, value, note };
  });

  constructor() {
    byId("tiles", HTMLElement).replaceChildren(...this.#cells.map(({ tile }) => tile));
  }

  show(snapshot: SnapshotMessage): void {
    const here = heardNodes(snapshot);
    for (const [index, { read }] of TILES.entries()) {
      const cells = this.#cells[index];
      if (cells !== undefined) {
        const { value, note, isBad = false } = read(snapshot, here);
        setText(cells.value, value);
        setText(cells.note, note);
        setAttribute(cells.tile, "data-bad", String(isBad));
      }
    }
  }
}

/** Of the nodes that say it; `null` when none does. */
function sum(nodes: readonly NodeView[], read: (node: NodeView) => number | null): number | null {
  const known = nodes.map(read).filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

function most(nodes: readonly NodeView[], read: (node: NodeView) => number | null): number | null {
  const known = nodes.map(read).filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
