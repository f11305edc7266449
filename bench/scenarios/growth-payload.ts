import type { Curve } from "../report/types.ts";
import { makeStage, type Scenario } from "../scenario.ts";
import { Growth, type PaceSample, pacedOn, warmUp, workerAndYardstick } from "./growth.ts";
import { perDelivery } from "./paced.ts";

const SOCKETS = 200;
/** 256 KiB to each of them ten times a second are half a gigabyte, which loopback can bear. */
const EVENTS_PER_SECOND = 10;
const SIZES = [100, 1_024, 4_096, 16_384, 65_536, 262_144] as const;

/** From which size on it is the bytes that cost. */
export const growthPayload: Scenario = {
  name: "growth-payload",
  about: "200 sockets, 10 events/s of 100 bytes to 256 KiB: CPU per delivery and per KiB",
  slow: true,
  async run(bench) {
    const growth = new Growth<PaceSample>(bench, "growth-payload");
    for (const line of workerAndYardstick(bench)) {
      await growth.several(line, async () => {
        await using stage = await makeStage(bench.setup, line.contender, SOCKETS);
        for (const payloadBytes of SIZES) {
          const pace = { eventsPerSecond: EVENTS_PER_SECOND, payloadBytes };
          await growth.point(line, payloadBytes, async () => {
            await warmUp(stage, pace);
            return await pacedOn(bench, stage, pace);
          });
        }
      });
    }
    const x: Curve["x"] = { label: "payload bytes", log: true };
    return {
      curves: [
        {
          id: "growth-payload.cpu",
          title: "200 sockets, 10 events/s: CPU per delivery",
          x,
          y: { label: "CPU per delivery", unit: "microseconds" },
          lines: growth.lines(perDelivery),
        },
        {
          id: "growth-payload.byte",
          title: "200 sockets, 10 events/s: CPU per KiB delivered",
          x,
          y: { label: "CPU per KiB", unit: "microseconds" },
          lines: growth.lines((sample, bytes) => (perDelivery(sample) * 1_024) / bytes),
        },
      ],
      notes: [...growth.failures],
    };
  },
};
