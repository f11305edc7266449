import { number } from "../format.ts";
import type { Curve } from "../report/types.ts";
import { makeStage, type Scenario } from "../scenario.ts";
import { measureBurst } from "./burst.ts";
import { Growth, pacedOn, warmUp, workerAndYardstick } from "./growth.ts";
import { perDelivery } from "./paced.ts";

const SOCKETS = 1_000;
const PAYLOAD_BYTES = 200;
const RATES = [5, 20, 50, 100, 200, 500, 1_000] as const;
const WARM = { eventsPerSecond: 50 };

/** The median of samples is theirs, there being one. */
function at(lines: Curve["lines"], name: string, x: number): number | undefined {
  return lines.find((line) => line.name === name)?.points.find((point) => point.x === x)
    ?.samples[0];
}

/** From which rate on, and at all above it, the worker needs less than one write each. */
function crossing(lines: Curve["lines"]): string {
  const isBelow = (rate: number) => {
    const worker = at(lines, "worker", rate);
    const yardstick = at(lines, "yardstick", rate);
    return worker !== undefined && yardstick !== undefined && worker < yardstick;
  };
  const below = RATES.find((rate) => RATES.filter((higher) => higher >= rate).every(isBelow));
  return below === undefined
    ? "growth-rate: the worker is not below the yardstick at the highest of these rates"
    : `growth-rate: from ${number(below)} events/s on the worker is below the yardstick: ` +
        "frames that find the gateway busy leave together, in one write per socket";
}

/** Where events begin to leave together. */
export const growthRate: Scenario = {
  name: "growth-rate",
  about: "1,000 sockets, 5 to 1,000 events/s and a burst: CPU per delivery",
  slow: true,
  async run(bench) {
    const growth = new Growth<number>(bench, "growth-rate");
    for (const line of workerAndYardstick(bench)) {
      await growth.several(line, async () => {
        await using stage = await makeStage(bench.setup, line.contender, SOCKETS);
        await warmUp(stage, WARM);
        for (const rate of RATES) {
          await growth.point(line, rate, async () =>
            perDelivery(await pacedOn(bench, stage, { eventsPerSecond: rate })),
          );
        }
      });
      await growth.several(line, async () => {
        const shape = { sockets: SOCKETS, payloadBytes: PAYLOAD_BYTES };
        const burst = await measureBurst(bench, line.contender, shape);
        // As fast as it can be delivered, which is not the same for both.
        growth.add(line, Math.round(burst.deliveriesPerSecond / SOCKETS), perDelivery(burst));
      });
    }
    const lines = growth.lines((us) => us);
    return {
      curves: [
        {
          id: "growth-rate.cpu",
          title: "1,000 sockets: CPU per delivery; the last point of each line is its burst",
          x: { label: "events per second", log: true },
          y: { label: "CPU per delivery", unit: "microseconds" },
          lines: lines.map(({ name, points }) => ({
            name,
            points: points.toSorted((a, b) => a.x - b.x),
          })),
        },
      ],
      notes: [crossing(lines), ...growth.failures],
    };
  },
};
