import { workerWith } from "../contenders/worker.ts";
import { number } from "../format.ts";
import type { Curve } from "../report/types.ts";
import type { Scenario } from "../scenario.ts";
import { measureBurst } from "./burst.ts";
import { Growth } from "./growth.ts";
import { perDelivery } from "./paced.ts";
import { measureStorm } from "./storm.ts";

const THREADS = [1, 2, 4] as const;
const BURST = { sockets: 1_000, payloadBytes: 200 };
const STORM_SOCKETS = 10_000;

interface Sample {
  readonly deliveriesPerSecond: number;
  readonly us: number;
  readonly generatorBusy: number;
  readonly stormMs: number;
}

/** What further gateway threads bring. */
export const growthThreads: Scenario = {
  name: "growth-threads",
  about: "1, 2, 4 gateway threads: burst to 1,000 sockets, storm of 10,000",
  slow: true,
  async run(bench) {
    const growth = new Growth<Sample>(bench, "growth-threads");
    const isWanted = bench.contenders.some(({ name }) => name === "worker");
    for (const threads of isWanted ? THREADS : []) {
      const contender = workerWith({ lines: [`gateway_threads: ${threads}`] });
      await growth.point({ name: "worker", contender }, threads, async () => {
        const burst = await measureBurst(bench, contender, BURST);
        const storm = await measureStorm(bench, contender, STORM_SOCKETS);
        if (storm.ready < STORM_SOCKETS) {
          throw new Error(`${number(storm.ready)} of ${number(STORM_SOCKETS)} came in`);
        }
        return {
          deliveriesPerSecond: burst.deliveriesPerSecond,
          us: perDelivery(burst),
          generatorBusy: burst.effort.generator,
          stormMs: storm.ms,
        };
      });
    }
    const x: Curve["x"] = { label: "gateway threads", log: false };
    const busy = growth.taken("worker").map(({ sample }) => number(sample.generatorBusy, 2));
    return {
      curves: [
        {
          id: "growth-threads.burst",
          title: "1,000 sockets, back to back: deliveries per second",
          x,
          y: { label: "deliveries", unit: "per-second" },
          lines: growth.lines((sample) => sample.deliveriesPerSecond),
        },
        {
          id: "growth-threads.cpu",
          title: "The same: CPU per delivery",
          x,
          y: { label: "CPU per delivery", unit: "microseconds" },
          lines: growth.lines((sample) => sample.us),
        },
        {
          id: "growth-threads.storm",
          title: "10,000 sockets at once: until the last one is in",
          x,
          y: { label: "time", unit: "milliseconds" },
          lines: growth.lines((sample) => sample.stormMs),
        },
      ],
      notes: [
        `growth-threads: this machine has ${navigator.hardwareConcurrency} cores, and the load ` +
          `generator used ${busy.join(", ")} of one during the bursts: more threads than cores ` +
          "that are left show what they cost, not what they bring",
        ...growth.failures,
      ],
    };
  },
};
