import { afterAll, beforeAll, describe } from "bun:test";
import { TARGETS, type Target } from "./targets.ts";
import { startWorker, type WorkerOptions, type WorkerProcess } from "./worker.ts";

/** How long starting and stopping a shared worker may take. */
const HOOK_TIMEOUT_MS = 30_000;

/** A worker that the tests of a group share. */
export type SharedWorker = () => WorkerProcess;

/**
 * A group of tests for each form of the program, with a worker that they share.
 *
 * @param define Defines the tests; the worker runs only while they do.
 */
export function onEachTarget(
  title: string,
  define: (worker: SharedWorker, target: Target) => void,
  options: Omit<WorkerOptions, "target"> = {},
): void {
  for (const target of TARGETS) {
    describe(`${title} (${target.name})`, () => {
      let running: WorkerProcess | undefined;
      beforeAll(async () => {
        running = await startWorker({ target, ...options });
      }, HOOK_TIMEOUT_MS);
      afterAll(async () => {
        await running?.[Symbol.asyncDispose]();
      }, HOOK_TIMEOUT_MS);
      define(() => {
        if (running === undefined) {
          throw new Error("the worker has not started");
        }
        return running;
      }, target);
    });
  }
}

let topics = 0;

/** A topic that no other test of this run uses. */
export function newTopic(): string {
  topics += 1;
  return `test.topic.${topics}`;
}
