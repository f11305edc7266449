import type { Storm } from "../load.ts";
import { alternate, figures, makeStage, type Scenario } from "../scenario.ts";
import type { ServerKind } from "../servers.ts";
import { assertFilesFor, type Setup } from "../setup.ts";

/** How much later than the least server the last one may be in. */
const GOAL_TIMES = 1.3;
/** All retries used up take 4 × 1 s of pause and 5 × 1.5 s of patience. */
const DEADLINE_MS = 30_000;
/** See burst: the sockets that come back in a storm have been there before. */
const WARM_UP_SOCKETS = 200;
const WARM_UP_MS = 10_000;

async function once(setup: Setup, kind: ServerKind, sockets: number): Promise<Storm> {
  assertFilesFor(setup, sockets);
  await using stage = await makeStage(setup, kind, 0);
  await stage.publisher.connect(WARM_UP_SOCKETS, 1, WARM_UP_MS);
  return await stage.subscribers.storm(sockets, DEADLINE_MS);
}

function reasons(kind: ServerKind, storms: readonly Storm[]): string[] {
  return storms
    .filter((storm) => storm.failed > 0 || storm.lost > 0)
    .map(
      (storm) =>
        `storm: ${kind}: ${storm.failed} of ${storm.attempts} attempts failed, ` +
        `${storm.gave_up} gave up, ${storm.lost} cut off; first: ${storm.reason}`,
    );
}

/** Everybody comes back at once, as after a restart. */
function storm(name: string, sockets: number): Scenario {
  const all = `${sockets.toLocaleString("en")} sockets`;
  return {
    name,
    about: `${all} connect and authenticate at once, 1.5 s patience each`,
    async run(setup) {
      const samples = await alternate(setup, name, (kind) => once(setup, kind, sockets));
      return {
        measures: [
          {
            what: `${all} at once: failed attempts, all rounds`,
            unit: "count",
            combine: "sum",
            goal: { kind: "worker-at-most", value: 0 },
            ...figures(samples, (sample) => sample.failed + sample.lost),
          },
          {
            what: `${all} at once: until all are in`,
            unit: "milliseconds",
            combine: "median",
            goal: { kind: "at-most-times-yardstick", value: GOAL_TIMES },
            ...figures(samples, (sample) => sample.ms),
          },
        ],
        notes: [...reasons("worker", samples.worker), ...reasons("yardstick", samples.yardstick)],
      };
    },
  };
}

/** As many as one node of a busy contest loses. */
export const storm10k = storm("storm", 10_000);

/** Nearly as many as a file limit of 20,000 allows. */
export const storm18k = storm("storm-18000", 18_000);
