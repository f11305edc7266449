import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Contender } from "../contenders/contender.ts";
import { Load } from "../load.ts";
import { type Bench, cells, type Scenario, takeTurns } from "../scenario.ts";
import { prepareServer, START_MS } from "../servers.ts";

const ROUNDS = 9;
const QUICK_ROUNDS = 3;

async function once(bench: Bench, contender: Contender): Promise<number> {
  const { launch, log, topics } = await prepareServer(bench.setup, contender);
  await using starter = await Load.start(bench.setup.programs.load, bench.setup.cleanup);
  starter.aim(launch, topics);
  const report = await starter.startup(launch.command, launch.environment ?? {}, log, START_MS);
  if (report.exit !== 0 && contender.name === "worker") {
    throw new Error(`stopped with status ${report.exit} instead of 0`);
  }
  return report.ms;
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const inside = await readdir(path, { withFileTypes: true });
  const sizes = await Promise.all(
    inside.filter((entry) => !entry.isSymbolicLink()).map(({ name }) => sizeOf(join(path, name))),
  );
  return sizes.reduce((all, size) => all + size, 0);
}

/** How soon a started server is there. */
export const startUp: Scenario = {
  name: "start-up",
  about: "from fork and exec to the first status 200; size on disk",
  async run(bench) {
    const rounds = bench.quick ? QUICK_ROUNDS : ROUNDS;
    const turns = await takeTurns(bench, { name: "start-up", rounds }, (c) => once(bench, c));
    const sizes = await takeTurns(bench, { name: "size", rounds: 1 }, async (contender) => {
      const files = await contender.shipped(bench.setup);
      return (await Promise.all(files.map(sizeOf))).reduce((all, size) => all + size, 0);
    });
    return {
      rows: [
        {
          id: "start-up.time",
          what: "start to first 200",
          unit: "milliseconds",
          better: "less",
          combine: "median",
          cells: cells(turns, (ms) => ms),
          goals: [{ kind: "worker-at-most", value: 200 }],
        },
        {
          id: "start-up.disk",
          what: "size on disk, runtime included, system libraries not",
          unit: "bytes",
          better: "less",
          combine: "median",
          cells: cells(sizes, (bytes) => bytes),
          goals: [],
        },
      ],
      notes: ["start-up: all but the first find the program's files in the system's cache"],
    };
  },
};
