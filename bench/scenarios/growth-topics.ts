import type { Curve } from "../report/types.ts";
import { type Bench, makeStage, type Scenario } from "../scenario.ts";
import { Growth, type PaceSample, pacedOn, warmUp, workerAndYardstick } from "./growth.ts";
import { perDelivery } from "./paced.ts";

interface TopicsPoint {
  readonly topics: number;
  readonly sockets: number;
  readonly eventsPerSecond: number;
}

const SOCKETS = 5_000;
/** At most 25,000 deliveries a second: nothing is gathered yet. */
const SPREAD: readonly TopicsPoint[] = [
  { topics: 1, sockets: SOCKETS, eventsPerSecond: 5 },
  { topics: 10, sockets: SOCKETS, eventsPerSecond: 50 },
  { topics: 100, sockets: SOCKETS, eventsPerSecond: 500 },
  { topics: 1_000, sockets: SOCKETS, eventsPerSecond: 500 },
  { topics: 5_000, sockets: SOCKETS, eventsPerSecond: 500 },
];

const SOCKETS_PER_TOPIC = 5;
/** The same events for the same few, among ever more topics. */
const MORE: readonly TopicsPoint[] = [1, 30, 300, 3_000].map((topics) => ({
  topics,
  sockets: topics * SOCKETS_PER_TOPIC,
  eventsPerSecond: 500,
}));

interface Sample extends PaceSample {
  /** Resident bytes at the end. */
  readonly rss: number;
  readonly events: number;
}

async function grow(bench: Bench, name: string, points: readonly TopicsPoint[]) {
  const growth = new Growth<Sample>(bench, name);
  for (const line of workerAndYardstick(bench)) {
    for (const point of points) {
      await growth.point(line, point.topics, async () => {
        const { topics, sockets } = point;
        await using stage = await makeStage(bench.setup, line.contender, sockets, { topics });
        await warmUp(stage, point);
        const cost = await pacedOn(bench, stage, point);
        const rss = stage.server.memory().rss;
        return { ...cost, rss, events: cost.published.accepted };
      });
    }
  }
  return growth;
}

/** What topics cost: those that split the same browsers, and those that come on top. */
export const growthTopics: Scenario = {
  name: "growth-topics",
  about: "1 to 5,000 topics, events on random ones: CPU per delivery and event, memory",
  slow: true,
  async run(bench) {
    const spread = await grow(bench, "growth-topics, 5,000 sockets", SPREAD);
    const more = await grow(bench, "growth-topics, 5 sockets each", MORE);
    const x: Curve["x"] = { label: "topics", log: true };
    return {
      curves: [
        {
          id: "growth-topics.cpu",
          title: "5,000 sockets spread over topics: CPU per delivery",
          x,
          y: { label: "CPU per delivery", unit: "microseconds" },
          lines: spread.lines(perDelivery),
        },
        {
          id: "growth-topics.event",
          title: "5 sockets on each topic, 500 events/s: CPU per event",
          x,
          y: { label: "CPU per event", unit: "microseconds" },
          lines: more.lines((sample) => sample.serverUs / sample.events),
        },
        {
          id: "growth-topics.memory",
          title: "5,000 sockets spread over topics: resident memory",
          x: { label: "topics", log: false },
          y: { label: "resident memory", unit: "bytes" },
          lines: spread.lines((sample) => sample.rss),
        },
      ],
      notes: [
        "growth-topics: 5, 50 and then 500 events/s, so that at most 25,000 deliveries/s are made",
        ...spread.failures,
        ...more.failures,
      ],
    };
  },
};
