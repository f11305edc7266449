import type { Machine } from "./machine.ts";
import { judge, type Measure } from "./measure.ts";
import type { WorkerTarget } from "./options.ts";

/** What came of one scenario: measures, or the error that ended it. */
export interface ScenarioResult {
  readonly name: string;
  readonly measures: readonly Measure[];
  readonly notes: readonly string[];
  readonly error: string | undefined;
}

/** What came of the whole run. */
export interface Result {
  readonly machine: Machine;
  readonly target: WorkerTarget;
  /** The worker's; undefined when it could not be started. */
  readonly version: string | undefined;
  readonly quick: boolean;
  readonly scenarios: readonly ScenarioResult[];
}

/** Whether every scenario was measured and every goal reached. */
export function allReached(result: Result): boolean {
  return result.scenarios.every(
    (scenario) =>
      scenario.error === undefined && scenario.measures.every((one) => judge(one).reached),
  );
}

/** The result for machines: every sample in its base unit, and the verdicts. */
export function toJson(result: Result): string {
  const scenarios = result.scenarios.map((scenario) => ({
    ...scenario,
    measures: scenario.measures.map((measure) => ({ ...measure, verdict: judge(measure) })),
  }));
  return `${JSON.stringify({ ...result, reached: allReached(result), scenarios }, null, 2)}\n`;
}
