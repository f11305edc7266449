import { type Fit, leastSquares, type Observation } from "../fit.ts";
import { number } from "../format.ts";
import type { Cell, Row } from "../report/types.ts";
import { type Bench, makeStage, type Scenario, type Stage, takeTurns } from "../scenario.ts";
import { pacedOn, warmUp } from "./growth.ts";

/**
 * Slow enough that nothing leaves together, and as different as can be: seconds in which nothing
 * happens, events for few, deliveries of few events.
 */
const STAGES = [
  { sockets: 10, rates: [50, 200, 500] },
  { sockets: 1_000, rates: [5, 20, 50] },
  { sockets: 10_000, rates: [1, 3] },
] as const;
/** Idle seconds that are looked at. */
const IDLE_MS = 5_000;
const QUICK_IDLE_MS = 2_000;
const MICROSECONDS_PER_MS = 1_000;
const MICROSECONDS_PER_SECOND = 1_000_000;
/** What repeated runs differ by, beside the kernel's step. */
const SPREAD = 0.03;
/** In percent. */
const PERCENT = 100;

function observation(bench: Bench, terms: readonly number[], value: number): Observation {
  const tick = MICROSECONDS_PER_SECOND / bench.setup.clockTicks;
  return { terms, value, error: Math.hypot(tick, SPREAD * value) };
}

async function idle(bench: Bench, { server }: Stage): Promise<Observation> {
  const begun = performance.now();
  const before = server.cpuUs();
  await Bun.sleep(bench.quick ? QUICK_IDLE_MS : IDLE_MS);
  const seconds = ((performance.now() - begun) * MICROSECONDS_PER_MS) / MICROSECONDS_PER_SECOND;
  return observation(bench, [seconds, 0, 0], server.cpuUs() - before);
}

async function paced(bench: Bench, stage: Stage, rate: number): Promise<Observation> {
  const cost = await pacedOn(bench, stage, { eventsPerSecond: rate });
  const seconds = cost.counts.wall_us / MICROSECONDS_PER_SECOND;
  const terms = [seconds, cost.published.accepted, cost.counts.total];
  return observation(bench, terms, cost.serverUs);
}

/** The three things a running worker pays for, told apart. */
export const growthCosts: Scenario = {
  name: "growth-costs",
  about: "what a second, an event and a delivery cost by themselves: a fit over 9 loads",
  slow: true,
  async run(bench) {
    const cannot = ({ name }: Bench["contenders"][number]) =>
      name === "worker" || name === "yardstick" ? undefined : "only for the worker's growth";
    const turns = await takeTurns(
      bench,
      { name: "growth-costs", rounds: 1, cannot },
      async (contender): Promise<Fit> => {
        const seen: Observation[] = [];
        for (const { sockets, rates } of STAGES) {
          await using stage = await makeStage(bench.setup, contender, sockets);
          await warmUp(stage, { eventsPerSecond: rates[1] });
          if (sockets === STAGES[0].sockets) seen.push(await idle(bench, stage));
          for (const rate of rates) seen.push(await paced(bench, stage, rate));
        }
        return leastSquares(seen);
      },
    );
    const cellsOf = (column: number): Row["cells"] => {
      const made: Partial<Record<keyof Row["cells"], Cell>> = {};
      for (const [name, turn] of turns) {
        if (turn.kind === "cannot") continue;
        made[name] =
          turn.kind === "measured"
            ? {
                kind: "measured",
                samples: turn.samples.map((fit) => fit.factors[column] ?? Number.NaN),
              }
            : turn;
      }
      return made;
    };
    const row = (id: string, what: string, column: number): Row => ({
      id: `growth-costs.${id}`,
      what,
      unit: "microseconds",
      better: "less",
      combine: "median",
      cells: cellsOf(column),
      goals: [],
    });
    return {
      rows: [
        row("second", "CPU of each second, whatever happens", 0),
        row("event", "CPU of each event, whoever watches", 1),
        row("delivery", "CPU of each delivery, while nothing is gathered", 2),
      ],
      notes: [...turns].flatMap(([name, turn]) =>
        turn.kind === "measured"
          ? turn.samples.map(
              ({ factors: [second = 0, event = 0, delivery = 0], worst }) =>
                `growth-costs: ${name}: ${number(second)} µs per second + ${number(event, 1)} µs ` +
                `per event + ${number(delivery, 2)} µs per delivery; the worst load is ` +
                `${number(worst * PERCENT)} % off that`,
            )
          : [],
      ),
    };
  },
};
