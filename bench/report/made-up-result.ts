import type { Cell, Curve, Result, Row } from "./types.ts";

// Everything here is invented, for the tests of what is made of a result. Nobody measured it.

/** A cell with these rounds. */
export function cell(...samples: number[]): Cell {
  return { kind: "measured", samples };
}

/** A row of deliveries per second that says nothing special. */
export const PLAIN_ROW: Row = {
  id: "made-up.rate",
  what: "made-up deliveries",
  unit: "per-second",
  better: "more",
  combine: "median",
  cells: {},
  goals: [],
};

const RATE: Row = {
  ...PLAIN_ROW,
  cells: {
    worker: {
      kind: "measured",
      samples: [2_000_000, 2_200_000, 2_100_000],
      serverBusy: [1.1, 1.2, 1.3],
      generatorBusy: [0.95, 0.93, 0.94],
    },
    yardstick: {
      kind: "measured",
      samples: [160_000, 170_000, 165_000],
      serverBusy: [1, 1, 1],
      generatorBusy: [0.4, 0.5, 0.6],
    },
    nchan: cell(90_000, 80_000, 100_000),
    pushpin: { kind: "failed", why: "3 of 3,000,000 deliveries never came" },
    "socket-io": cell(50_000, 40_000, 45_000),
    ws: cell(230_000, 210_000, 220_000),
  },
  goals: [
    { kind: "times-every-peer", atLeast: 10 },
    { kind: "times-yardstick", atLeast: 8 },
  ],
};

const COST: Row = {
  id: "made-up.cost",
  what: "made-up cost per delivery",
  unit: "microseconds",
  better: "less",
  combine: "median",
  cells: {
    worker: cell(6.1, 6.3, 6.2),
    yardstick: cell(5.6, 5.5, 5.7),
    nchan: cell(7.2, 7.4, 7.3),
    pushpin: { kind: "cannot", why: "it has no | such <thing>" },
    "socket-io": cell(22, 20, 21),
    ws: cell(11, 12, 13),
  },
  goals: [{ kind: "best-of-all" }, { kind: "times-yardstick", atMost: 1.05 }],
};

const FAILED_ATTEMPTS: Row = {
  id: "made-up.failed-attempts",
  what: "made-up failed attempts",
  unit: "count",
  better: "less",
  combine: "sum",
  cells: { worker: cell(0, 0, 0), yardstick: cell(0, 0, 0), nchan: cell(2, 0, 3) },
  goals: [{ kind: "worker-at-most", value: 0 }],
};

const LATENCY: Row = {
  id: "made-up-cluster.latency",
  what: "made-up latency between nodes",
  unit: "milliseconds",
  better: "less",
  combine: "median",
  reference: "bare Redis",
  cells: { worker: cell(0.412, 0.418, 0.409), yardstick: cell(0.3, 0.31, 0.29) },
  goals: [
    { kind: "times-yardstick", atMost: 1.5 },
    { kind: "over-yardstick-at-most", value: 1 },
  ],
};

const CURVE: Curve = {
  id: "made-up.growth",
  title: "Made-up cost per delivery over sockets",
  x: { label: "sockets", log: true },
  y: { label: "processor time per delivery", unit: "microseconds" },
  lines: [
    {
      name: "worker",
      points: [
        { x: 100, samples: [8, 9, 8.5] },
        { x: 1_000, samples: [6.1, 6.2, 6.3] },
        { x: 10_000, samples: [6.5, 6.6, 6.4] },
      ],
    },
    {
      name: "worker, 2 threads",
      points: [
        { x: 100, samples: [9, 10, 9.5] },
        { x: 10_000, samples: [6.9, 7.1, 7] },
      ],
    },
    {
      name: "ws",
      points: [
        { x: 100, samples: [12, 12.5, 13] },
        { x: 1_000, samples: [11, 12, 13] },
        { x: 10_000, samples: [15, 16, 17] },
      ],
    },
  ],
};

/** A result with everything that can stand in one. */
export const MADE_UP_RESULT: Result = {
  at: "2001-02-03T04:05:06.000Z",
  commit: "0123456",
  dirty: false,
  machine: {
    cores: 2,
    model: "Made-up Processor",
    memoryGb: 4,
    kernel: "0.0.1",
    bun: "0.0.2",
    openFiles: 20_000,
    acceptQueue: 4_096,
    loadBefore: 0.05,
    noise: 0.021,
  },
  quick: false,
  rounds: 3,
  target: "dist",
  contenders: [
    { name: "worker", title: "Wavelog Worker", version: "0.0.3", settings: "as it comes" },
    { name: "yardstick", title: "yardstick", version: "0.0.4", settings: "one write per socket" },
    { name: "nchan", title: "nginx + nchan", version: "0.0.5", settings: "made-up settings" },
    { name: "pushpin", title: "Pushpin", version: "0.0.6", settings: "made-up settings" },
    { name: "socket-io", title: "Socket.IO", version: "0.0.7", settings: "made-up settings" },
    { name: "ws", title: "Node + ws", version: "0.0.8", settings: "made-up settings" },
  ],
  scenarios: [
    {
      name: "made-up",
      about: "a scenario that nobody ran",
      error: undefined,
      rows: [RATE, COST, FAILED_ATTEMPTS],
      curves: [CURVE],
      notes: ["a made-up note"],
      seconds: 12.3,
    },
    {
      name: "made-up-cluster",
      about: "another that nobody ran",
      error: undefined,
      rows: [LATENCY],
      curves: [],
      notes: [],
      seconds: 4.5,
    },
    {
      name: "made-up-broken",
      about: "one that broke",
      error: "the server did not start",
      rows: [],
      curves: [],
      notes: [],
      seconds: 0.1,
    },
  ],
};
