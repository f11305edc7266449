import { Load } from "../load.ts";
import { alternate, figures, type Scenario } from "../scenario.ts";
import { prepareLaunch, type ServerKind, START_MS } from "../servers.ts";
import type { Setup } from "../setup.ts";

const ROUNDS = 10;
const QUICK_ROUNDS = 3;
const GOAL_MS = 300;

async function once(setup: Setup, kind: ServerKind): Promise<number> {
  const launch = await prepareLaunch(setup, kind);
  const { load } = await Load.start(setup.programs.load, setup.cleanup);
  await using starter = load;
  starter.aim(launch.target);
  const report = await starter.startup(launch.command, launch.log, START_MS);
  if (report.exit !== 0) throw new Error(`stopped with status ${report.exit} instead of 0`);
  return report.ms;
}

/** How soon a started worker is there. */
export const startUp: Scenario = {
  name: "start-up",
  about: "from fork and exec to the first status 200",
  async run(setup) {
    const rounds = setup.quick ? QUICK_ROUNDS : ROUNDS;
    const samples = await alternate(setup, "start-up", (kind) => once(setup, kind), rounds);
    return {
      measures: [
        {
          what: "start to first 200 on status",
          unit: "milliseconds",
          combine: "median",
          goal: { kind: "worker-at-most", value: GOAL_MS },
          ...figures(samples, (ms) => ms),
        },
      ],
      notes: ["start-up: all but the first find the program's files in the system's cache"],
    };
  },
};
