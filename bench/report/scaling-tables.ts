import { number } from "../format.ts";
import type { Constants } from "./scaling-constants.ts";

const MICROSECONDS_PER_SECOND = 1_000_000;
const BYTES_PER_MB = 1_000_000;
/** Browsers a node has in the plan: what a file limit of 65,536 leaves twice over. */
const SOCKETS_PER_NODE = 20_000;
/** Browsers that watch one topic, and how often something happens there. */
const BROWSERS_PER_TOPIC = 5;
const SECONDS_PER_EVENT = 10;
/** Beyond that a thread answers late; what is left is for storms and gusts. */
const COMFORTABLE = 0.7;

/** Tables of docs/scaling.md by the names of their places. */
export type Tables = Readonly<Record<string, string>>;

/** All tables. The same constants give the same text. */
export function scalingTables(c: Constants): Tables {
  return {
    constants: constantsTable(c),
    breaks: breaksTable(c),
    today: planTable(c, today),
    sharded: planTable(c, sharded),
    storms: stormTable(c),
  };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

const us = (value: number) => `${number(value, value < 10 ? 2 : 0)} µs`;
const perSecond = (value: number) => `${Number(value.toPrecision(2)).toLocaleString("en-US")}/s`;
const browsers = (value: number) => Number(value.toPrecision(2)).toLocaleString("en-US");
const cores = (value: number) => number(value, 2);
const megabytes = (value: number, digits = 0) => `${number(value / BYTES_PER_MB, digits)} MB`;

function constantsTable(c: Constants): string {
  const rows = [
    ["S", "CPU of a node in each second, whatever happens", us(c.second), "growth-costs"],
    ["E", "CPU of an event where it is published, single worker", us(c.event), "growth-costs"],
    ["D", "CPU of a delivery, none leaving together", us(c.delivery), "growth-costs"],
    [
      "Db",
      "CPU of a delivery in a burst, one gateway thread",
      us(c.burstDelivery),
      "growth-threads",
    ],
    [
      "B",
      "deliveries of one gateway thread in a burst",
      perSecond(c.burstPerSecond),
      "growth-threads",
    ],
    ["Z", "CPU of each delivered KiB of payload, on top of D", us(c.kib), "growth-payload"],
    ["K", "CPU of an idle socket in each second", us(c.keepAlive), "growth-memory"],
    ["M", "memory of a process without sockets", megabytes(c.baseBytes), "growth-memory"],
    ["m", "memory of a socket", `${number(c.socketBytes)} bytes`, "growth-memory"],
    [
      "P",
      "CPU of an event where it is published, in a cluster",
      us(c.clusterPublish),
      "growth-nodes",
    ],
    ["H", "CPU of an event at each other node, browsers or not", us(c.hear), "growth-nodes"],
    ["I", "events of others that one node takes in", perSecond(c.intake), "growth-nodes"],
    ["R", "CPU of an event in Redis, before it goes to a node", us(c.redisEvent), "growth-nodes"],
    ["r", "the same for each node it goes to", us(c.redisNode), "growth-nodes"],
    ["b", "bytes of an event to Redis", number(c.redisInBytes), "growth-nodes"],
    ["o", "bytes of an event from Redis to each node", number(c.redisNodeBytes), "growth-nodes"],
    [
      "L",
      "sockets let in per second when all come at once",
      perSecond(c.letInPerSecond),
      "growth-threads",
    ],
  ];
  const about = `Measured ${c.measuredAt} at commit ${c.commit}: ${c.machine}.`;
  return `${about}\n\n${table(["", "what", "measured", "scenario"], rows)}`;
}

/** Browsers at which so many events per second happen, by the plan's habits. */
const forEvents = (events: number) => events * BROWSERS_PER_TOPIC * SECONDS_PER_EVENT;

function breaksTable(c: Constants): string {
  const publish = MICROSECONDS_PER_SECOND / c.clusterPublish;
  const hear = MICROSECONDS_PER_SECOND / c.hear;
  // With N nodes of so many browsers each: rate × (R + r·N) = 1 s, rate = N × per node.
  const perNode = SOCKETS_PER_NODE / BROWSERS_PER_TOPIC / SECONDS_PER_EVENT;
  const root = Math.sqrt(c.redisEvent ** 2 + (4 * c.redisNode * MICROSECONDS_PER_SECOND) / perNode);
  const nodes = (root - c.redisEvent) / (2 * c.redisNode);
  const redis = c.redisNode > 0 ? nodes * perNode : MICROSECONDS_PER_SECOND / c.redisEvent;
  const paced = MICROSECONDS_PER_SECOND / c.delivery;
  const rows = [
    [
      "the node PHP publishes at",
      "1 s ÷ P",
      `${perSecond(publish)} events`,
      browsers(forEvents(publish)),
    ],
    [
      "one node that hears all events",
      "1 s ÷ H",
      `${perSecond(hear)} events`,
      browsers(forEvents(hear)),
    ],
    [
      "the same, events gathered by a busy node",
      "I, measured",
      `${perSecond(c.intake)} events`,
      browsers(forEvents(c.intake)),
    ],
    [
      "one Redis",
      "events × (R + r × nodes) = 1 s",
      `${perSecond(redis)} events`,
      browsers(forEvents(redis)),
    ],
    [
      "one gateway thread, each delivery a write",
      "1 s ÷ D",
      `${perSecond(paced)} deliveries`,
      "by topic, see below",
    ],
    [
      "one gateway thread, deliveries gathered",
      "B, measured",
      `${perSecond(c.burstPerSecond)} deliveries`,
      "by topic, see below",
    ],
  ];
  return table(["part", "formula", "is full at", "browsers in the plan's habits"], rows);
}

interface Load {
  readonly browsers: number;
  readonly name: string;
  readonly events: number;
  readonly deliveries: number;
}

function loads(count: number): Load[] {
  const contest = count / BROWSERS_PER_TOPIC / SECONDS_PER_EVENT;
  return [
    { browsers: count, name: "contest", events: contest, deliveries: contest * BROWSERS_PER_TOPIC },
    { browsers: count, name: "one board", events: 1, deliveries: count },
  ];
}

interface Design {
  /** Events per second that one node must take in or publish, and nodes each event goes to. */
  readonly heard: (load: Load, nodes: number) => number;
  readonly reached: (load: Load, nodes: number) => number;
  /** Events per second that one node publishes. */
  readonly published: (load: Load, nodes: number) => number;
}

/** PHP publishes at one address; each event goes to each node. */
const today: Design = {
  heard: (load) => load.events,
  reached: (_, nodes) => nodes,
  published: (load) => load.events,
};

const watching = (load: Load, nodes: number) =>
  Math.min(nodes, Math.max(1, load.deliveries / load.events));

/** Events go only where the topic is watched; each node publishes its share. */
const sharded: Design = {
  heard: (load, nodes) => (load.events * watching(load, nodes)) / nodes,
  reached: watching,
  published: (load, nodes) => load.events / nodes,
};

function planTable(c: Constants, design: Design): string {
  const rows = [100_000, 1_000_000].flatMap(loads).map((load) => {
    const nodes = Math.ceil(load.browsers / SOCKETS_PER_NODE);
    const sockets = load.browsers / nodes;
    const share = (microseconds: number) => microseconds / MICROSECONDS_PER_SECOND;
    const hear = share(design.heard(load, nodes) * c.hear);
    const publish = share(design.published(load, nodes) * c.clusterPublish);
    const fanOut = share((load.deliveries / nodes) * c.delivery + sockets * c.keepAlive);
    const busiest = share(c.second) + hear + publish + fanOut;
    const redis = share(load.events * (c.redisEvent + c.redisNode * design.reached(load, nodes)));
    const out = load.events * design.reached(load, nodes) * c.redisNodeBytes;
    const memory = c.baseBytes + sockets * c.socketBytes;
    const over = [
      ...(publish + hear > COMFORTABLE ? ["main thread"] : []),
      ...(fanOut > COMFORTABLE ? ["gateway thread"] : []),
      ...(redis > COMFORTABLE ? ["Redis"] : []),
    ];
    return [
      number(load.browsers),
      `${load.name}: ${perSecond(load.events)} events, ${perSecond(load.deliveries)} deliveries`,
      number(nodes),
      megabytes(memory),
      cores(publish + hear),
      cores(fanOut),
      cores(busiest),
      cores(redis),
      `${megabytes(out, out < BYTES_PER_MB * 10 ? 1 : 0)}/s`,
      over.length === 0 ? "carries" : `too much for: ${over.join(", ")}`,
    ];
  });
  const head = [
    "browsers",
    "load",
    "nodes",
    "memory of each",
    "events, cores of the busiest node",
    "deliveries and pings, cores of each",
    "cores of the busiest node in all",
    "Redis, cores",
    "from Redis",
    "verdict",
  ];
  return table(head, rows);
}

function stormTable(c: Constants): string {
  const rows = [100_000, 1_000_000].map((count) => {
    const nodes = Math.ceil(count / SOCKETS_PER_NODE);
    const one = SOCKETS_PER_NODE / c.letInPerSecond;
    const all = count / c.letInPerSecond;
    return [
      number(count),
      number(nodes),
      `${number(one, 1)} s`,
      `${number(all / nodes, 1)} s`,
      `${number(all, 0)} s`,
    ];
  });
  const head = [
    "browsers",
    "nodes",
    "one node restarts, its browsers meet one other",
    "all restart at once, each node its share",
    "all meet a single node",
  ];
  return table(head, rows);
}
