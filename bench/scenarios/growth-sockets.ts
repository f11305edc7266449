import { makeStage, type Scenario } from "../scenario.ts";
import { Growth, type PaceSample, pacedOn, warmUp, workerAndYardstick } from "./growth.ts";
import { perDelivery } from "./paced.ts";

/** Some 30,000 deliveries a second each, so that it is the sockets that change. */
const POINTS = [
  { sockets: 100, eventsPerSecond: 300 },
  { sockets: 300, eventsPerSecond: 100 },
  { sockets: 1_000, eventsPerSecond: 30 },
  { sockets: 3_000, eventsPerSecond: 10 },
  { sockets: 10_000, eventsPerSecond: 3 },
  { sockets: 18_000, eventsPerSecond: 2 },
] as const;

/** Whether a socket costs more when there are many. */
export const growthSockets: Scenario = {
  name: "growth-sockets",
  about: "100 to 18,000 sockets on one topic, some 30,000 deliveries/s: CPU per delivery",
  slow: true,
  async run(bench) {
    const growth = new Growth<PaceSample>(bench, "growth-sockets");
    for (const line of workerAndYardstick(bench)) {
      for (const pace of POINTS) {
        await growth.point(line, pace.sockets, async () => {
          await using stage = await makeStage(bench.setup, line.contender, pace.sockets);
          await warmUp(stage, pace);
          return await pacedOn(bench, stage, pace);
        });
      }
    }
    return {
      curves: [
        {
          id: "growth-sockets.cpu",
          title: "One topic, some 30,000 deliveries/s: CPU per delivery",
          x: { label: "sockets", log: true },
          y: { label: "CPU per delivery", unit: "microseconds" },
          lines: growth.lines(perDelivery),
        },
      ],
      notes: [
        "growth-sockets: with few sockets the same deliveries are more events, each with a cost of its own",
        ...growth.failures,
      ],
    };
  },
};
